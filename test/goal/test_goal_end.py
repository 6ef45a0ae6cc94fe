# SPDX-License-Identifier: Apache-2.0
"""The end of the goal node's process, while an action is under way."""

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.srv")
pytest.importorskip("nav_msgs.msg")

from goal_bench import goal_bench
from talk2dino_msgs.action import GoTo


def test_a_client_that_asks_late_for_the_result_has_it_and_sees_the_end(monkeypatch):
    with goal_bench() as bench:
        feedback, rounds, asked = [], [], []
        handle = bench.answer(bench.action.send_goal_async(GoTo.Goal(class_name="cup"), feedback.append))
        bench.until(lambda: feedback)
        spin_once = bench.executor.spin_once

        def spin_on(timeout_sec):
            rounds.append(timeout_sec)
            if len(rounds) == 10:  # the node is ending, and the task has been cancelled
                asked.append(handle.get_result_async())
            spin_once(timeout_sec=timeout_sec)

        monkeypatch.setattr(bench.executor, "spin_once", spin_on)
        bench.goal.before_exit()
        monkeypatch.undo()
        assert bench.answer(asked[0]).result.message == "the node goal was deactivated"
        # before the process has ended, and DDS has missed it
        bench.until(lambda: not bench.action.server_is_ready())
