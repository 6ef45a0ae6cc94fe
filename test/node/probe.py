# SPDX-License-Identifier: Apache-2.0
"""A client of the node under test: a camera, subscribers and service calls, all in the test's own thread."""

import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from lifecycle_msgs.srv import GetState
from node_process import NodeProcess
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import LabelInfo

DEADLINE_S = 240.0
RESEND_NS = 3 * 10**9
MANY = 1000
RELIABLE = QoSProfile(depth=MANY)
BEST_EFFORT = QoSProfile(depth=MANY, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=MANY, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def stamp_ns(message: Any) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def to_array(image: Image) -> np.ndarray:
    """A mono8 image as uint8 [H, W]; the test of step == width comes first."""
    assert (image.encoding, image.step) == ("mono8", image.width)
    return np.frombuffer(image.data, np.uint8).reshape(image.height, image.width)


def checkerboard(height: int = 120, width: int = 160, square: int = 40) -> np.ndarray:
    """A picture with regions: uint8 [H, W, 3] RGB."""
    rows, columns = np.indices((height, width)) // square
    colours = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200], [220, 220, 40]], np.uint8)
    return colours[(rows + 2 * columns) % 4]


class Probe:
    """Publish images to the node and take what it publishes."""

    node_name = "talk2dino"

    def __init__(self, context: Any, namespace: str, process: NodeProcess, compressed: bool = False) -> None:
        self.node = Node("probe", context=context, namespace=namespace, use_global_arguments=False)
        self.process = process
        self.sent: dict[int, Any] = {}  # stamp in ns -> header
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.node)
        self._clients: dict[str, Any] = {}
        self._image_pubs: dict[str, Any] = {}
        self._camera_timers: list[Any] = []
        self._last_stamp_ns = 0
        self._is_compressed = compressed

    def destroy(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()

    def wait_for(
        self, condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S, *, may_end: bool = False
    ) -> Any:
        """Serve this probe's callbacks until the condition is true; return its value."""
        end_s = time.monotonic() + deadline_s
        while not (value := condition()):
            assert may_end or not self.process.has_ended, f"the node ended\n{self.process.output}"
            assert time.monotonic() < end_s, f"waited in vain for {what}\n{self.process.output}"
            self._executor.spin_once(timeout_sec=0.05)
        return value

    def wait_until_active(self, camera: str = "") -> None:
        """Wait until the node subscribes to the images, and this probe's publisher is matched."""
        publisher = self._image_pub(camera)
        self.wait_for(lambda: publisher.get_subscription_count() > 0, "the node's image subscription")

    def wait_until_known(self) -> None:
        """Wait until the node knows all that this probe has made, and has taken a message of each topic sent to it.

        A node hears of what another one makes in its order, and answers no reader that it does not know: so an answer
        to a new client says it of all before. Topics are taken before requests. The first answers may be lost.
        """
        client = self.node.create_client(GetState, f"{self.node_name}/get_state")
        asked: list[Any] = []
        next_s = time.monotonic()

        def is_answered() -> bool:
            nonlocal next_s
            if client.service_is_ready() and time.monotonic() >= next_s:
                asked.append(client.call_async(GetState.Request()))
                next_s = time.monotonic() + RESEND_NS / 1e9
            return any(future.done() for future in asked)

        self.wait_for(is_answered, "the node to know what is around it")
        self.node.destroy_client(client)

    def collect(self, message_type: type, topic: str, qos: QoSProfile = RELIABLE) -> list[Any]:
        """Subscribe and return the list that fills; waits until the publisher is matched."""
        messages: list[Any] = []
        subscription = self.node.create_subscription(message_type, topic, messages.append, qos)
        count = getattr(subscription, "get_publisher_count", lambda: self.node.count_publishers(topic))
        self.wait_for(lambda: count() > 0, f"a publisher of {topic}")
        return messages

    def settle(self, topic: str = "talk2dino/label_info") -> None:
        """Wait until the node knows all readers that were made before, and publishes for them too.

        It learns of them one after the other, and sends the last one what it keeps for those that come late.
        """
        infos: list[LabelInfo] = []
        subscription = self.node.create_subscription(LabelInfo, topic, infos.append, LATCHED)
        self.wait_for(lambda: infos, "label_info")
        self.node.destroy_subscription(subscription)

    def send(self, rgb: np.ndarray, *, camera: str = "", stamp: int | None = None) -> int:
        """Publish an image, uint8 [H, W, 3] RGB; return its stamp in ns."""
        message = compressed_message(rgb) if self._is_compressed else raw_message(rgb)
        return self.send_message(message, camera=camera, stamp=stamp)

    def send_message(self, message: Any, *, camera: str = "", stamp: int | None = None) -> int:
        """Publish a message under a stamp of its own and a frame_id that tells it apart."""
        stamp = max(self._last_stamp_ns + 1, time.time_ns()) if stamp is None else stamp
        self._last_stamp_ns = stamp
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
        message.header.frame_id = f"{camera or 'camera'}_{len(self.sent)}"
        self.sent[stamp] = message.header
        self._image_pub(camera).publish(message)
        return stamp

    def made_from_now(self, messages: list[Any], what: str) -> Any:
        """Wait for a message that is made after this call, by its stamp, into the list of a subscription."""
        messages.clear()
        now_ns = time.time_ns()
        return self.wait_for(lambda: next((each for each in messages if stamp_ns(each) > now_ns), None), what)

    def mask_of(self, rgb: np.ndarray, masks: list[Image], camera: str = "") -> Image:
        """Publish an image and wait for its mask in `masks`, the list of a subscription.

        A first image may be sent before both sides of a new connection know of each other, or too soon after, so it is
        sent anew.
        """
        stamps: list[int] = []

        def is_there() -> Any:
            if not stamps or time.time_ns() - stamps[-1] > RESEND_NS:
                stamps.append(self.send(rgb, camera=camera))
            return next(filter(None, (find(masks, stamp) for stamp in stamps)), None)

        return self.wait_for(is_there, "a mask")

    def start_camera(self, rgb: np.ndarray, period_s: float = 0.05, **options: Any) -> None:
        """Publish an image again and again whenever this probe waits."""
        self._camera_timers.append(self.node.create_timer(period_s, lambda: self.send(rgb, **options)))

    def stop_camera(self) -> None:
        while self._camera_timers:
            self.node.destroy_timer(self._camera_timers.pop())

    def call(self, service_type: type, name: str, **fields: Any) -> Any:
        """Call a service and return the response."""
        return self.result(self.call_async(service_type, name, **fields), name)

    def call_async(self, service_type: type, name: str, **fields: Any) -> Any:
        """Send a request; those to one service come from one client, which keeps their order and all answers."""
        if name not in self._clients:
            self._clients[name] = self.node.create_client(service_type, name, qos_profile=RELIABLE)
        client = self._clients[name]
        self.wait_for(client.service_is_ready, f"the service {name}")
        return client.call_async(service_type.Request(**fields))

    def result(self, future: Any, what: str) -> Any:
        self.wait_for(future.done, f"the answer of {what}")
        return future.result()

    def set_parameter(self, name: str, value: Any) -> Any:
        """Set a parameter of the node; return the result with `successful` and `reason`."""
        parameters = [Parameter(name, value=value).to_parameter_msg()]
        return self.call(SetParameters, f"{self.node_name}/set_parameters", parameters=parameters).results[0]

    def _image_pub(self, camera: str) -> Any:
        if camera not in self._image_pubs:
            message_type = CompressedImage if self._is_compressed else Image
            topic = f"{camera}/image" if camera else "image"
            self._image_pubs[camera] = self.node.create_publisher(message_type, topic, RELIABLE)
        return self._image_pubs[camera]


def raw_message(rgb: np.ndarray) -> Image:
    message = Image(height=rgb.shape[0], width=rgb.shape[1], encoding="rgb8", step=rgb.shape[1] * 3)
    message.data.frombytes(np.ascontiguousarray(rgb).tobytes())
    return message


def compressed_message(rgb: np.ndarray) -> CompressedImage:
    message = CompressedImage(format="png")
    message.data.frombytes(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes())
    return message


def find(messages: list[Any], stamp: int) -> Any:
    """The message with a stamp, or None."""
    return next((message for message in messages if stamp_ns(message) == stamp), None)
