# SPDX-License-Identifier: Apache-2.0
"""Every subscription of a node is guarded, those that rclpy makes for itself too."""

import time

import pytest

rclpy = pytest.importorskip("rclpy")

from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from rclpy.serialization import deserialize_message, serialize_message  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from sensor_msgs.msg import CameraInfo  # noqa: E402

from talk2dino_ros.ros.node.managed_node import ManagedNode  # noqa: E402

DEADLINE_S = 60.0


class PlainNode(ManagedNode):
    """A node that does nothing."""

    autostart = False

    def _configure(self): ...
    def _activate(self): ...
    def _deactivate(self): ...
    def _tear_down(self): ...
    def _change_parameters(self, _values): ...


def test_a_negative_time_is_reported_and_ends_no_node(capfd):
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    sim_time = [Parameter("use_sim_time", value=True)]
    options = {"context": context, "use_global_arguments": False, "start_parameter_services": False}
    node, other = PlainNode("guarded", parameter_overrides=sim_time, **options), Node("other", **options)
    executor = SingleThreadedExecutor(context=context)
    for each in (node, other):
        executor.add_node(each)

    def wait_for(condition):
        end_s = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end_s, "waited in vain"
            executor.spin_once(timeout_sec=0.02)

    infos = []
    node.create_subscription(CameraInfo, "info", infos.append, 10)
    clock_pub, info_pub = other.create_publisher(Clock, "/clock", 10), other.create_publisher(CameraInfo, "info", 10)
    for publisher in (clock_pub, info_pub):
        wait_for(publisher.get_subscription_count)
    early, info = Clock(), CameraInfo()
    early.clock.sec = info.header.stamp.sec = -1
    clock_pub.publish(early)
    info_pub.publish(info)
    wait_for(lambda: node.messages.dropped == 2)
    late = Clock()
    late.clock.sec = 77
    clock_pub.publish(late)
    info_pub.publish(CameraInfo())
    wait_for(lambda: node.get_clock().now().nanoseconds == 77 * 10**9 and len(infos) == 1)
    status = node._own_status()
    assert status.message.startswith("a message on ")
    assert {pair.key: pair.value for pair in status.values}["messages dropped"] == "2"
    said = capfd.readouterr().err
    for topic in ("/clock", "/info"):
        assert f"a message on {topic} was dropped: its stamp is -1 s and 0 ns, expected 0 s or more" in said
    executor.shutdown()
    for each in (node, other):
        each.destroy_node()
    rclpy.shutdown(context=context)


def test_a_text_ends_at_its_first_nul_in_both_directions_and_the_rest_of_the_message_is_read():
    """So that no NUL of a stranger is ever in a name, and a name with one is a shorter name."""
    sent = serialize_message(CameraInfo(distortion_model="plumb\0bob", width=7))
    assert deserialize_message(sent, CameraInfo).distortion_model == "plumb"
    whole = serialize_message(CameraInfo(distortion_model="plumb_bob", width=7))
    forged = deserialize_message(whole.replace(b"plumb_bob", b"plumb\0bob"), CameraInfo)
    assert (forged.distortion_model, forged.width) == ("plumb", 7)
