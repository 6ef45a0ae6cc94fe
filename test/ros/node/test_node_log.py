# SPDX-License-Identifier: Apache-2.0
"""The log of a node is safe to show and bounded, whatever comes in."""

import pytest
from rclpy.impl import rcutils_logger

from talk2dino_ros.ros.node.node_log import (
    MOST_CHARACTERS,
    MOST_OF_THE_REST,
    MOST_OF_WARNINGS,
    PERIOD_S,
    Budget,
    NodeLogger,
)


@pytest.fixture
def written(monkeypatch):
    """What rclpy's logger gives on to C, with the function that is said to have logged it."""
    lines = []

    class Sink:
        def __getattr__(self, name):
            return getattr(rclpy_c, name)

        def rclpy_logging_rcutils_log(self, _severity, _name, message, function, *_place):
            lines.append((message, function))

    rclpy_c = rcutils_logger._rclpy
    monkeypatch.setattr(rcutils_logger, "_rclpy", Sink())
    return lines


def test_a_line_is_safe_and_has_the_place_of_who_logged_it(written):
    NodeLogger("own").warning("the frame is \x1b[31m\ncamera\u202e")
    assert written == [
        (
            r"the frame is \x1b[31m\ncamera\u202e",
            "test_a_line_is_safe_and_has_the_place_of_who_logged_it",
        )
    ]


def test_a_traceback_of_an_error_keeps_its_lines_indented(written):
    NodeLogger("own").error("it failed\nTraceback\n[INFO] all is well\x07")
    assert written[0][0] == "it failed\n  Traceback\n  [INFO] all is well\\x07"


def test_warnings_beyond_the_budget_are_left_out_and_counted_and_errors_are_not(written, monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr("talk2dino_ros.ros.node.node_log.time.monotonic", lambda: now_s[0])
    logger = NodeLogger("own")
    for _ in range(100_000):
        logger.warning("x" * 1000)
    assert sum(len(message) for message, _ in written) == MOST_OF_WARNINGS
    logger.error("an error")
    assert written[-1][0] == "an error"
    now_s[0] += PERIOD_S
    logger.warning("on we go")
    assert written[-1][0] == "99970 lines before this one were left out of the log, as there were too many; on we go"


def test_what_a_stranger_may_have_logged_hides_no_warning(written):
    """As set_vocabulary in a loop, each of which is told."""
    logger = NodeLogger("own")
    for _ in range(1000):
        logger.info("x" * 1000)
    assert sum(len(message) for message, _ in written) == MOST_OF_THE_REST
    logger.warning("a warning")
    assert written[-1][0] == "a warning"
    assert MOST_CHARACTERS + MOST_OF_WARNINGS + MOST_OF_THE_REST == 100_000  # as SECURITY.md says


@pytest.mark.parametrize("mark", ["\x1b", "\ud800", "\n", "\U000e0041"])
def test_an_error_of_any_length_is_logged_with_its_end(written, mark):
    NodeLogger("own").error(f"it failed{mark * 10**6}\nValueError: the reason")
    assert written[0][0].startswith("it failed")
    assert written[0][0].endswith("\n  ValueError: the reason")
    assert len(written[0][0]) <= 10_000


def test_a_text_below_the_level_spends_nothing(written):
    logger = NodeLogger("own")
    for _ in range(1000):
        assert not logger.debug("x" * 1000)
    assert logger.info("y")
    assert [message for message, _ in written] == ["y"]


def test_a_budget_is_there_again_in_the_next_period():
    budget = Budget()
    assert budget.takes(MOST_CHARACTERS, 0.0) == (True, 0)
    assert budget.takes(1, PERIOD_S - 0.1) == (False, 0)
    assert budget.takes(1, PERIOD_S) == (True, 1)
