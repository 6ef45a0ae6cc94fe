# SPDX-License-Identifier: Apache-2.0
"""Measurements of the node as a process among others."""
