# SPDX-License-Identifier: Apache-2.0
"""Measure the engine beside a plain implementation of the paper: `talk2dino bench`. Read bench_runner.py first.

Nothing of the engine outside of this folder imports it.
"""
