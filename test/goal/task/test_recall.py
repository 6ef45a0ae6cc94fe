# SPDX-License-Identifier: Apache-2.0
"""How old a memory is, in words."""

import pytest

from talk2dino_ros.goal.task.recall import ago


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (119.0, "119 s"), (120.0, "2 min"), (3480.0, "58 min"), (7200.0, "2 h"), (5 * 86400.0, "5 days")],
)
def test_a_time_in_words(seconds, words):
    assert ago(seconds) == words
