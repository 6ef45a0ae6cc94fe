# SPDX-License-Identifier: Apache-2.0
"""Measurements and simulation, run from a checkout and never installed: `python -m benchmarks.NAME`."""
