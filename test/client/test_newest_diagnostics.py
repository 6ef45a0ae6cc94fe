# SPDX-License-Identifier: Apache-2.0
"""The newest statuses of the nodes, among those of others and under a flood."""

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from talk2dino_ros.client.newest_diagnostics import MOST, NewestDiagnostics


def statuses(*named):
    return DiagnosticArray(status=[DiagnosticStatus(name=name, message=message) for name, message in named])


def test_the_newest_of_each_part_of_the_nodes_is_kept():
    heard = NewestDiagnostics(["/robot/talk2dino", "/robot/goal"])
    heard.take(statuses(("robot/talk2dino: model", "loading"), ("talk2dino: model", "another robot's")))
    heard.take(statuses(("robot/talk2dino: model", "active"), ("robot/goal: goal", "idle"), ("robot/goals: x", "no")))
    messages = {name: each.status.message for name, each in heard.statuses.items()}
    assert messages == {"robot/talk2dino: model": "active", "robot/goal: goal": "idle"}


def test_a_flood_of_parts_takes_no_more_memory_and_hides_none_that_was_known():
    heard = NewestDiagnostics(["/talk2dino"])
    heard.take(statuses(("talk2dino: model", "loading")))
    heard.take(statuses(*((f"talk2dino: {number}", "") for number in range(2 * MOST))))
    heard.take(statuses(("talk2dino: model", "active")))
    assert len(heard.statuses) == MOST
    assert heard.statuses["talk2dino: model"].status.message == "active"
