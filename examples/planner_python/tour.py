#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Go to one object after the other, by their names: `tour.py "coffee cup" door`."""

import sys

import rclpy
from rclpy.action import ActionClient
from rclpy.utilities import remove_ros_args
from talk2dino_msgs.action import GoTo
from talk2dino_msgs.msg import GoToState
from talk2dino_msgs.srv import SetVocabulary


def main() -> None:
    rclpy.init()
    words = remove_ros_args()[1:]
    node = rclpy.create_node("tour")
    vocabulary = node.create_client(SetVocabulary, "talk2dino/set_vocabulary")
    goal = ActionClient(node, GoTo, "goal/go")
    vocabulary.wait_for_service()
    goal.wait_for_server()

    def result_of(future):
        rclpy.spin_until_future_complete(node, future)
        return future.result()

    answer = result_of(vocabulary.call_async(SetVocabulary.Request(add=words)))
    if not answer.success:
        sys.exit(answer.message)
    for word in words:
        handle = result_of(goal.send_goal_async(GoTo.Goal(class_name=word, keep_looking=True)))
        result = result_of(handle.get_result_async()).result
        is_there = result.state.value == GoToState.REACHED
        print(f"{word}: {'reached' if is_there else 'not reached'}. {result.message}", flush=True)


if __name__ == "__main__":
    main()
