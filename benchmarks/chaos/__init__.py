# SPDX-License-Identifier: Apache-2.0
"""Faults tried against real processes: what was done, what had to hold, what was lost (docs/chaos.md)."""
