# SPDX-License-Identifier: Apache-2.0
"""Look at the running ROS graph for a few seconds, as the segmenter would: image topics, and what our nodes say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.subscription import SubscriptionEventCallbacks
from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import CompressedImage, Image

from talk2dino_ros.ros.node.qos import RELIABLE, SENSOR_DATA
from talk2dino_ros.ros.security.secured import secured_start
from talk2dino_ros.segmenter.statistics import CameraStatistics
from talk2dino_ros.segmenter.transport.transport_check import LISTEN_S, TransportWatch
from talk2dino_ros.segmenter.transport.transport_verdict import TransportVerdict

SETTLED_S, MOST_DISCOVERY_S = 2.0, 8.0  # for so long nothing new was discovered; a busy machine takes longer
SILENT_S = 1.5  # a camera of 1 Hz is none for a robot
MOST_ROUNDS = 4  # of listening, until each topic has its verdict: a camera may fall silent in the first ones
MOST_TOPICS = 8  # that are subscribed to: each is a camera's whole stream
TYPES = {f"sensor_msgs/msg/{each.__name__}": each for each in (Image, CompressedImage)}
SERVICE = "/check_transport"  # by which our nodes are known


@dataclass
class HeardTopic:
    """An image topic: what `TransportWatch` observes of a camera. publishers: node, reliability and depth, in words."""

    topic: str
    message_type: str
    publishers: tuple[str, ...]
    statistics: CameraStatistics
    image_qos: Any = field(default_factory=lambda: SENSOR_DATA)
    is_streaming: bool = True
    image_size: tuple[int, str] | None = None
    verdict: TransportVerdict | None = None
    rate: float = 0.0  # images per second


@dataclass(frozen=True)
class GraphReport:
    """What was seen. nodes: segmenters, by name; statuses: their newest (name, level, message)."""

    middleware: str
    topics: tuple[HeardTopic, ...] = ()
    left_out: tuple[str, ...] = ()  # image topics beyond MOST_TOPICS
    nodes: tuple[str, ...] = ()
    statuses: tuple[tuple[str, int, str], ...] = ()


def look_at_graph() -> GraphReport:
    """Join the graph, listen to it for some seconds and leave."""
    with _node() as (node, spin):
        latest: dict[str, tuple[str, int, str]] = {}

        def on_diagnostics(array: DiagnosticArray) -> None:
            latest.update({each.name: (each.name, _number(each.level), each.message) for each in array.status})

        node.create_subscription(DiagnosticArray, "/diagnostics", on_diagnostics, RELIABLE)
        _discover(node, spin)
        nodes = _segmenters(node)
        names = _image_topics(node, nodes)
        topics = [_listen(node, name, type_name) for name, type_name in names[:MOST_TOPICS]]
        watches = [TransportWatch(node, topic) for topic in topics]
        spin(SILENT_S + 0.5)
        _update(topics, watches)
        for _ in range(MOST_ROUNDS):
            spin(LISTEN_S + 0.5)
            if _update(topics, watches):
                break
        statuses = tuple(each for name, each in sorted(latest.items()) if name.partition(":")[0] in _bare(nodes))
        left_out = tuple(name for name, _ in names[MOST_TOPICS:])
        return GraphReport(get_rmw_implementation_identifier(), tuple(topics), left_out, nodes, statuses)


def _update(topics: list[HeardTopic], watches: list[TransportWatch]) -> bool:
    """Bring verdicts and rates up to date; return whether each topic has a verdict."""
    for topic, watch in zip(topics, watches, strict=True):
        topic.verdict = watch.update(SILENT_S)
        topic.rate, _ = topic.statistics.rates(time.monotonic())
    return all(topic.verdict for topic in topics)


@contextmanager
def _node() -> Iterator[tuple[Node, Any]]:
    context = Context()
    with secured_start([]):
        rclpy.init(args=[], context=context)
        node = Node("talk2dino_doctor", context=context, enable_rosout=False, start_parameter_services=False)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def spin(seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            executor.spin_once(timeout_sec=left_s)

    try:
        yield node, spin
    finally:
        executor.shutdown()
        node.destroy_node()
        context.try_shutdown()


def _discover(node: Node, spin: Callable[[float], None]) -> None:
    """Wait until the graph stays as it is."""
    begin_s = changed_s = time.monotonic()
    known: object = None
    while time.monotonic() - changed_s < SETTLED_S and time.monotonic() - begin_s < MOST_DISCOVERY_S:
        spin(0.25)
        graph = sorted(name for name, _ in node.get_topic_names_and_types()), sorted(node.get_node_names())
        if graph != known:
            known, changed_s = graph, time.monotonic()


def _segmenters(node: Node) -> tuple[str, ...]:
    """Return the full names of the running segmenters."""
    return tuple(name.removesuffix(SERVICE) for name, _ in node.get_service_names_and_types() if name.endswith(SERVICE))


def _bare(nodes: tuple[str, ...]) -> set[str]:
    return {name.lstrip("/") for name in nodes}


def _image_topics(node: Node, own: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return topics that carry images, but for what our nodes publish; those that they subscribe to first."""
    found = []
    for name, types in node.get_topic_names_and_types():
        type_name = next((each for each in types if each in TYPES), None)
        if type_name and not any(name.startswith(f"{each}/") for each in own) and node.count_publishers(name):
            heard = any(_full_name(each) in own for each in node.get_subscriptions_info_by_topic(name))
            found.append((not heard, name, type_name))
    return [(name, type_name) for _, name, type_name in sorted(found)]


def _listen(node: Node, name: str, type_name: str) -> HeardTopic:
    publishers = tuple(map(_publisher, node.get_publishers_info_by_topic(name)))
    topic = HeardTopic(name, type_name, publishers, CameraStatistics(time.monotonic()))

    def on_image(image: Any) -> None:
        topic.statistics.on_received(time.monotonic())
        shape = f"{image.width}x{image.height} {image.encoding}" if type_name.endswith("/Image") else "compressed"
        topic.image_size = len(image.data), shape

    lost = SubscriptionEventCallbacks(message_lost=lambda event: topic.statistics.on_lost(event.total_count_change))
    take = (TYPES[type_name], name, on_image, SENSOR_DATA)
    try:
        node.create_subscription(*take, event_callbacks=lost)
    except RuntimeError:  # a middleware that does not count them
        node.create_subscription(*take)
    return topic


def _publisher(info: Any) -> str:
    qos = info.qos_profile
    reliability = qos.reliability.name.lower().replace("_", " ")
    depth = f", depth {qos.depth}" if qos.depth else ""
    return f"{_full_name(info)} ({reliability}{depth})"


def _full_name(info: Any) -> str:
    return f"{info.node_namespace.rstrip('/')}/{info.node_name}"


def _number(level: Any) -> int:
    return level[0] if isinstance(level, bytes) else int(level)
