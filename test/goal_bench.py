# SPDX-License-Identifier: Apache-2.0
"""The goal node and a client, which is the segmenter too, in one process and one thread."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import rclpy
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from talk2dino_msgs.action import GoTo as GoToAction
from talk2dino_msgs.srv import GetVocabulary, GoTo

from talk2dino_ros.goal.goal_node import GoalNode
from talk2dino_ros.ros.node.enduring_executor import EnduringExecutor

DEADLINE_S = 120.0


@contextmanager
def goal_bench() -> Iterator[SimpleNamespace]:
    """Yield the started node `goal`, the clients `go_to` and `action`, and what spins both: `until` and `answer`."""
    context = rclpy.Context()
    rclpy.init(context=context)
    goal = GoalNode(context=context, use_global_arguments=False)
    executor = EnduringExecutor(goal.note_fault, goal.requests, context=context)
    executor.add_node(goal)
    client = Node("talk2dino", context=context, use_global_arguments=False)
    clients = SingleThreadedExecutor(context=context)
    clients.add_node(client)

    def vocabulary(_request, response):
        response.version, response.classes, response.names = 1, ["cup"], ["cup"]
        return response

    client.create_service(GetVocabulary, "talk2dino/get_vocabulary", vocabulary)
    go_to = client.create_client(GoTo, "goal/go_to")
    action = ActionClient(client, GoToAction, "goal/go")

    def until(condition):
        end_s = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end_s, "waited in vain"
            executor.spin_once(timeout_sec=0.01)
            clients.spin_once(timeout_sec=0.01)

    def answer(future):
        until(future.done)
        return future.result()

    assert goal.start()
    until(lambda: go_to.service_is_ready() and action.server_is_ready())
    yield SimpleNamespace(goal=goal, executor=executor, go_to=go_to, action=action, until=until, answer=answer)
    action.destroy()
    goal.before_exit()
    for each in (goal, client):
        each.destroy_node()
    rclpy.shutdown(context=context)
