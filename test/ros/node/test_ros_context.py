# SPDX-License-Identifier: Apache-2.0
"""A program's ROS: what fails because Ctrl-C has ended it below a callback is no fault, and all else is one."""

import signal

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: no program has ROS")

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from talk2dino_ros.ros.node.ros_context import ros_program


def a_publisher():
    return Node("program").create_publisher(String, "words", QoSProfile(depth=1))


def test_a_callback_that_fails_as_the_context_has_ended_ends_a_program_in_silence(capfd):
    with ros_program("program", []):
        publisher = a_publisher()
        rclpy.shutdown()  # as the handler of Ctrl-C does, whatever runs
        publisher.publish(String())
        pytest.fail("rclpy raises nothing any more where a context has ended; this test has lost its case")
    assert not rclpy.ok()
    assert "Traceback" not in capfd.readouterr().err


def test_ctrl_c_ends_what_spins_and_interrupts_nothing():
    handler, went_on = signal.getsignal(signal.SIGINT), []

    def press_ctrl_c():
        signal.raise_signal(signal.SIGINT)
        went_on.append(True)  # an interrupt in a callback may as well be one in the middle of taking a message

    with ros_program("program", []):
        node = Node("program")
        node.create_timer(0.01, press_ctrl_c)
        rclpy.spin(node)
    assert went_on
    assert not rclpy.ok()
    assert signal.getsignal(signal.SIGINT) == handler


def test_a_fault_while_ros_is_there_is_passed_on():
    with pytest.raises(RuntimeError, match="Failed to take"), ros_program("program", []):
        raise RuntimeError("Failed to take a message")
    assert not rclpy.ok()
