# SPDX-License-Identifier: Apache-2.0
"""Watchdogs that each node has, and what an alarm is. Pure."""
