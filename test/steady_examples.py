# SPDX-License-Identifier: Apache-2.0
"""Hypothesis as the tests use it: the same examples each time, few of them unless TALK2DINO_EXAMPLES says more."""

import os

from hypothesis import HealthCheck, settings

steady = settings(
    derandomize=True,
    database=None,
    deadline=None,  # the machine may be busy
    max_examples=int(os.environ.get("TALK2DINO_EXAMPLES", "50")),
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
