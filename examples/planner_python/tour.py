#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Go to one object after the other, by their names: `tour.py "coffee cup" door`."""

import signal
import sys
import threading
import time

import rclpy
from rclpy.action import ActionClient
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from talk2dino_msgs.action import GoTo
from talk2dino_msgs.msg import GoToState
from talk2dino_msgs.srv import SetVocabulary


def main() -> None:
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)  # so that ROS outlives Ctrl-C until the robot stops
    words = remove_ros_args()[1:]
    node = rclpy.create_node("tour")
    vocabulary = node.create_client(SetVocabulary, "talk2dino/set_vocabulary")
    goal = ActionClient(node, GoTo, "goal/go")
    vocabulary.wait_for_service()
    goal.wait_for_server()

    def answer_of(ask, patience_s=15.0, is_given_up=lambda: False):
        while True:
            future, end_s = ask(), time.monotonic() + patience_s
            while not future.done() and not is_given_up() and time.monotonic() < end_s:
                rclpy.spin_until_future_complete(node, future, timeout_sec=0.1)
            if future.done() or is_given_up():
                return future.result() if future.done() else None
            # an answer is lost where the server has not discovered this client's reader yet, though wait_for_service
            # has seen the server: ask again

    answer = answer_of(lambda: vocabulary.call_async(SetVocabulary.Request(add=words)))
    if not answer.success:
        sys.exit(answer.message)
    stop = threading.Event()

    def on_ctrl_c(*_):  # a KeyboardInterrupt could come in the middle of rclpy's work
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # for the second one, where nobody answers

    signal.signal(signal.SIGINT, on_ctrl_c)
    for word in words:
        task = GoTo.Goal(class_name=word, keep_looking=True)
        handle = answer_of(lambda task=task: goal.send_goal_async(task))
        print(f"{word}: looking for it; Ctrl-C stops the robot", flush=True)
        answer = answer_of(handle.get_result_async, patience_s=3600.0, is_given_up=stop.is_set)
        if answer is None:
            answer_of(handle.cancel_goal_async)
            print(f"{word}: cancelled.")
            return
        result = answer.result
        is_there = result.state.value == GoToState.REACHED
        print(f"{word}: {'reached' if is_there else 'not reached'}. {result.message}", flush=True)


if __name__ == "__main__":
    main()
