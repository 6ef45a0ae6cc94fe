# SPDX-License-Identifier: Apache-2.0
"""Publishers of /tf and /tf_static, and a node whose executor spins in a thread of its own, as a robot has them."""

import math
import queue
import threading
from typing import Any

import pytest
from geometry_msgs.msg import TransformStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from spinning_thread import SpinningThread
from tf2_msgs.msg import TFMessage

from talk2dino_ros.ros.tf.transforms import TransformError

NS = 10**9
START_NS = 1_763_700_000 * NS  # a stamp of today's size, which a float64 cannot hold to the nanosecond
LONG_S = 60.0  # to wait for what is sure to come

QUARTER = math.sqrt(0.5)
TURN_LEFT = (0.0, 0.0, QUARTER, QUARTER)  # 90 degrees about z: x ahead becomes y

LATCHED = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def at(seconds: float) -> int:
    """The stamp this long after the start."""
    return START_NS + round(seconds * NS)


def transform(parent: str, child: str, stamp_ns: int, translation=(0.0, 0.0, 0.0), rotation=(0.0, 0.0, 0.0, 1.0)):
    """Return a TransformStamped."""
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, NS)
    shift, turn = message.transform.translation, message.transform.rotation
    shift.x, shift.y, shift.z = map(float, translation)
    turn.x, turn.y, turn.z, turn.w = map(float, rotation)
    return message


class TfEnd:
    """A node that publishes, and one that listens while a thread spins it."""

    def __init__(self, context: Any, make_listener: Any) -> None:
        self.robot = Node("robot", context=context, use_global_arguments=False)
        self._tf_pub = self.robot.create_publisher(TFMessage, "/tf", 100)
        self._static_pub = self.robot.create_publisher(TFMessage, "/tf_static", LATCHED)
        self.node = Node("listener", context=context, use_global_arguments=False)
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self.transforms = make_listener(self.node)
        self._marks = 0
        self._thread = SpinningThread(self.executor)
        self._wait_for_the_listener()

    def _wait_for_the_listener(self) -> None:
        done = threading.Event()
        for _ in range(round(LONG_S / 0.01)):
            if self._tf_pub.get_subscription_count() and self._static_pub.get_subscription_count():
                return
            done.wait(0.01)
        raise TimeoutError("nobody listens to /tf")

    def move(self, *args: Any) -> None:
        """Publish one moving transform, as `transform` takes it."""
        self._tf_pub.publish(TFMessage(transforms=[transform(*args)]))

    def fix(self, *args: Any) -> None:
        """Publish one static transform."""
        self._static_pub.publish(TFMessage(transforms=[transform(*args)]))

    def settle(self) -> None:
        """Wait until the listener has taken all that was published on both topics."""
        self._marks += 1
        for publish, name in ((self.move, "moving"), (self.fix, "static")):
            mark = f"mark_{name}_{self._marks}"
            publish("mark_of_the_test", mark, at(0))
            self.transforms.lookup("mark_of_the_test", mark, at(0), LONG_S)

    def in_executor(self, function: Any) -> Any:
        """Return what a function returns in the thread of the executor."""
        results: queue.Queue[Any] = queue.Queue()
        timer = self.node.create_timer(0.0, lambda: (timer.cancel(), results.put(function())))
        return results.get(timeout=LONG_S)

    def destroy(self) -> None:
        """Take everything down."""
        self._thread.end()  # first, as nothing may be destroyed while another thread waits for it
        self.transforms.destroy()
        self.node.destroy_node()
        self.robot.destroy_node()


def place(tf: TfEnd, target: str, source: str, stamp_ns: int | None, timeout_s: float = LONG_S) -> list[float]:
    """Return where the origin of `source` is in `target`."""
    return tf.transforms.lookup(target, source, stamp_ns, timeout_s).translation.tolist()


def complaint(tf: TfEnd, target: str, source: str, stamp_ns: int | None, timeout_s: float = 0.0) -> str:
    """Return the sentence that refuses a lookup, after a look at its form."""
    with pytest.raises(TransformError) as caught:
        tf.transforms.lookup(target, source, stamp_ns, timeout_s)
    sentence = str(caught.value)
    assert sentence.startswith(f"No transform from frame '{source}' to frame '{target}' at ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence
