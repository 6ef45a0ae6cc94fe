# SPDX-License-Identifier: Apache-2.0
"""Which goal a go_to is, where the goal node answers late: each goal that it takes replaces the one before."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from talk2dino_ros.client.client_errors import SilentNodeError
from talk2dino_ros.client.go_to_run import GoToRun

TIME_IS_UP = "of one wait"


class Course:
    """An action's client, and what happens while something is waited for: answers to goals by their numbers."""

    def __init__(self, *course):
        self.sent = []
        self._course = iter(course)

    def server_is_ready(self):
        return True

    def send_goal_async(self, _goal, _on_feedback):
        self.sent.append(Future())
        return self.sent[-1]

    async def until(self, condition, _timeout_s):
        while not condition():
            event = next(self._course)
            if event == TIME_IS_UP:
                return False
            self.sent[event].set_result(self._handle(f"the end of goal {event}"))
        return True

    def end(self):
        """Run a go_to; return its result."""
        run = GoToRun(self, SimpleNamespace(start=lambda work: work(), waits=self), goal=None)
        try:
            run.result.send(None)
        except StopIteration as end:
            return end.value

    @staticmethod
    def _handle(result):
        answer = Future()
        answer.set_result(SimpleNamespace(result=result))
        return SimpleNamespace(accepted=True, get_result_async=lambda: answer)


def test_a_goal_that_is_taken_in_time_is_sent_once():
    course = Course(0)
    assert course.end() == "the end of goal 0"
    assert len(course.sent) == 1


def test_a_late_answer_is_of_a_goal_that_the_next_one_replaces():
    assert Course(TIME_IS_UP, 0, 1).end() == "the end of goal 1"


def test_where_the_last_answer_is_lost_the_newest_of_the_others_counts():
    assert Course(TIME_IS_UP, 0, TIME_IS_UP, 1, TIME_IS_UP).end() == "the end of goal 1"


def test_a_goal_node_that_never_answers_is_told_of():
    with pytest.raises(SilentNodeError, match="has not answered in 15 s"):
        Course(TIME_IS_UP, TIME_IS_UP, TIME_IS_UP).end()
