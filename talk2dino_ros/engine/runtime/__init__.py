# SPDX-License-Identifier: Apache-2.0
"""Devices, threads, compiled functions, memory."""
