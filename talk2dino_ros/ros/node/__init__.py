# SPDX-License-Identifier: Apache-2.0
"""Lifecycle nodes as processes: start, executor, faults, and shutdown."""
