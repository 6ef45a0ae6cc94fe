# SPDX-License-Identifier: Apache-2.0
"""A fault in the midst of a go_to ends that go_to with a sentence, and neither the node nor the next go_to."""

import math
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("talk2dino_msgs.srv")
pytest.importorskip("nav_msgs.msg")

from diagnostic_msgs.msg import DiagnosticStatus
from goal_bench import goal_bench
from talk2dino_msgs.action import GoTo as GoToAction
from talk2dino_msgs.msg import GoToState
from talk2dino_msgs.srv import GoTo

from talk2dino_ros.goal import surroundings
from talk2dino_ros.goal.task.go_to_task import GoToTask
from talk2dino_ros.ros.node.waits import Waits


@pytest.fixture(scope="module")
def bench():
    with goal_bench() as bench:
        yield bench


def broken(*_arguments, **_options):
    raise MemoryError("a fault")


@pytest.fixture(params=["look", "tick"])
def fault(request, monkeypatch):
    """Something that raises in the midst of each go-to task."""
    if request.param == "look":
        monkeypatch.setattr(surroundings.Surroundings, "newest_view", broken)
    else:
        monkeypatch.setattr(GoToTask, "tick", broken)


def test_a_service_call_is_answered_and_so_is_the_next(bench, fault):
    for _ in range(2):
        before = bench.goal.faults.count
        answer = bench.answer(bench.go_to.call_async(GoTo.Request(class_name="cup")))
        assert answer.state.value == GoToState.FAILED
        assert "a bug in this program (MemoryError('a fault'))" in answer.message
        assert bench.goal.faults.count == before + 1


def test_an_action_is_aborted_with_the_reason(bench, fault):
    handle = bench.answer(bench.action.send_goal_async(GoToAction.Goal(class_name="cup")))
    result = bench.answer(handle.get_result_async()).result
    assert result.state.value == GoToState.FAILED
    assert "MemoryError('a fault')" in result.message


def test_a_fault_in_the_server_aborts_the_action_too(bench, monkeypatch):
    monkeypatch.setattr("talk2dino_ros.goal.goal_server.changed", broken)
    handle = bench.answer(bench.action.send_goal_async(GoToAction.Goal(class_name="cup")))
    result = bench.answer(handle.get_result_async()).result
    assert "MemoryError('a fault')" in result.message


def test_what_a_go_to_would_fail_by_is_told_before_one_is_asked_for(bench, monkeypatch):
    monkeypatch.setattr("talk2dino_ros.goal.goal_alarms.SILENT_S", 0.0)
    monkeypatch.setattr("talk2dino_ros.goal.goal_alarms.PATIENCE_S", -1.0)
    bench.goal._server._runner.end("so that none is under way")
    (status,) = bench.goal._statuses()
    assert (status.name, status.level) == ("goal: goal", DiagnosticStatus.WARN)
    values = {pair.key: pair.value for pair in status.values}
    assert "no objects on /talk2dino/objects for" in values["alarm: objects"]
    assert "nobody publishes it; start the segmenter" in values["alarm: objects"]
    assert "it is not known where the robot is: No transform from frame" in values["alarm: robot pose"]
    assert values["objects"] == "/talk2dino/objects"
    for patience in ("SILENT_S", "PATIENCE_S"):
        monkeypatch.setattr(f"talk2dino_ros.goal.goal_alarms.{patience}", math.inf)
    (status,) = bench.goal._statuses()
    assert status.level == DiagnosticStatus.OK


@pytest.mark.parametrize("number", [math.nan, math.inf, 1e38, -1.0])
def test_invalid_numbers_are_refused_with_the_field(bench, number):
    for field in ("stand_off_m", "timeout_s"):
        answer = bench.answer(bench.go_to.call_async(GoTo.Request(class_name="cup", **{field: number})))
        assert not answer.success
        assert f"{field} is" in answer.message


def test_a_condition_that_raises_does_not_block_other_waits():
    waits, results = Waits(SimpleNamespace(executor=None)), []

    async def wait(condition):
        try:
            results.append(await waits.until(condition, math.inf))
        except KeyError as error:
            results.append(error)

    state = {}
    coroutines = [wait(lambda: state and state["no such key"]), wait(lambda: bool(state))]
    for coroutine in coroutines:
        coroutine.send(None)
    state["changed"] = True
    waits.poll()
    for coroutine in coroutines:
        with pytest.raises(StopIteration):
            coroutine.send(None)
    assert isinstance(results[0], KeyError)
    assert results[1] is True
