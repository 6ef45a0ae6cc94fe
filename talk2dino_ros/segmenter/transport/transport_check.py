# SPDX-License-Identifier: Apache-2.0
"""Check whether a camera's images can arrive, for /diagnostics, the log and ~/check_transport.

What tells it: who publishes, with which type and QoS; how many images the middleware counts as lost, or packets the
kernel as dropped; and, while images stay away, whether the small camera_info beside them arrives. Nothing waits, and
nothing is started for it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

from rclpy.qos import QoSCompatibility, qos_check_compatible, qos_profile_sensor_data
from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import CameraInfo
from std_srvs.srv import Trigger

from talk2dino_ros.ros.node.problems import Throttle
from talk2dino_ros.segmenter.transport.middleware_facts import Middleware, dropped_packets, middleware_facts
from talk2dino_ros.segmenter.transport.transport_verdict import Findings, Publisher, TransportVerdict, verdict_on
from talk2dino_ros.segmenter.vocabulary.vocabulary_server import NOT_CONFIGURED

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.segmenter.camera import Camera
    from talk2dino_ros.segmenter.pipeline import Pipeline
    from talk2dino_ros.segmenter.statistics import CameraStatistics

LISTED_S = 25.0  # Fast DDS lists a killed publisher for 20 s, the lease of its participant
LISTEN_S = 2.0  # to camera_info, before silence is explained: discovery, and one period of a slow camera
RECENT = 60  # reads of the health, one a second, in which losses are counted
LOG_PERIOD_S = 60.0
RGB_CHANNELS = 3


class ObservedTopic(Protocol):
    """What is asked of a camera, or of another image topic; see `Camera`."""

    @property
    def topic(self) -> str: ...
    @property
    def message_type(self) -> str: ...
    @property
    def image_qos(self) -> Any: ...
    @property
    def image_size(self) -> tuple[int, str] | None: ...
    @property
    def is_streaming(self) -> bool: ...
    @property
    def statistics(self) -> CameraStatistics: ...


class TransportWatch:
    """What is observed of one camera's images over time; `verdict` is None before anything can be said."""

    def __init__(self, node: Node, camera: ObservedTopic) -> None:
        self.verdict: TransportVerdict | None = None
        self.is_silent = False
        self._node = node
        self._camera = camera
        self._gids: frozenset[bytes] = frozenset()
        self._same_since_s = 0.0
        # received, lost and packets dropped, at each look while images come
        self._recent: deque[tuple[int, int, int]] = deque(maxlen=RECENT)
        self._middleware = Middleware()
        self._info_sub: Any = None
        self._info: CameraInfo | None = None
        self._info_s = 0.0  # when it came
        self._listening_since_s = 0.0

    def update(self, timeout_s: float) -> TransportVerdict | None:
        """Observe the camera's topic; return the verdict, None while it is too early for one."""
        now_s = time.monotonic()
        camera, statistics = self._camera, self._camera.statistics
        silence_s = now_s - statistics.last_received_s
        self.is_silent = is_silent = camera.is_streaming and silence_s > timeout_s
        endpoints = self._node.get_publishers_info_by_topic(camera.topic)
        self._middleware = middleware_facts(get_rmw_implementation_identifier())
        self._count(endpoints, is_silent, now_s)
        self._listen(is_silent, now_s)
        counts = self._counts()
        received, lost, dropped = (now - then for now, then in zip(counts, self._recent[0], strict=True))
        size, shape = self._image_size()
        verdict = verdict_on(
            Findings(
                topic=camera.topic,
                message_type=camera.message_type,
                publishers=tuple(map(self._publisher, endpoints)),
                is_streaming=camera.is_streaming,
                is_silent=is_silent,
                silence_s=silence_s,
                received=received,
                lost=lost,
                dropped_packets=dropped,
                dropped_share=self._dropped_share(counts[2]),
                hears_camera_info=self._hears_camera_info(endpoints, now_s - timeout_s) if is_silent else None,
                size=size,
                shape=shape,
                stays=now_s - self._same_since_s > LISTED_S,
                other_topics=() if endpoints else self._other_topics(),
                middleware=self._middleware,
            )
        )
        is_early = not is_silent and not statistics.received and verdict.cause == "well"
        is_listening = verdict.cause == "silent" and now_s - self._listening_since_s < LISTEN_S
        self.verdict = None if is_early or is_listening else verdict
        return self.verdict

    def stop(self) -> None:
        """End listening; without effect where nothing is listened to."""
        if self._info_sub is not None:
            self._node.destroy_subscription(self._info_sub)
            self._info_sub = self._info = None

    def _counts(self) -> tuple[int, int, int]:
        statistics = self._camera.statistics
        return statistics.received, statistics.lost, dropped_packets(self._middleware)

    def _dropped_share(self, dropped: int) -> float:
        """Return at how many of the looks packets had been dropped since the one before, as a share of them."""
        counts = [each[2] for each in self._recent] + [dropped]
        return sum(now > before for before, now in pairwise(counts)) / (len(counts) - 1)

    def _count(self, endpoints: list[Any], is_silent: bool, now_s: float) -> None:
        """Count anew where publishers come or go, as one camera's images say nothing of another's."""
        gids = frozenset(bytes(each.endpoint_gid) for each in endpoints)
        if gids != self._gids or not self._recent:
            self._gids, self._same_since_s = gids, now_s
            self._recent.clear()
        if not (self._recent and is_silent):
            self._recent.append(self._counts())

    def _listen(self, is_silent: bool, now_s: float) -> None:
        """Subscribe to the camera_info beside the image topic while images stay away."""
        if not is_silent:
            self.stop()
        elif self._info_sub is None:
            self._listening_since_s = now_s
            topic, profile = self._info_topic, qos_profile_sensor_data
            self._info_sub = self._node.create_subscription(CameraInfo, topic, self._on_info, profile)

    def _on_info(self, info: CameraInfo) -> None:
        self._info, self._info_s = info, time.monotonic()

    @property
    def _info_topic(self) -> str:
        return f"{self._camera.topic.rpartition('/')[0]}/camera_info"

    def _hears_camera_info(self, endpoints: list[Any], since_s: float) -> bool | None:
        """Whether the images' own node is heard by its camera_info; another's says nothing of it, nor one of before."""
        nodes = {_node_of(each) for each in endpoints}
        infos = self._node.get_publishers_info_by_topic(self._info_topic)
        if not any(_node_of(each) in nodes for each in infos):
            return None
        return self._info is not None and self._info_s >= since_s

    def _image_size(self) -> tuple[int | None, str]:
        """Return bytes and shape of the last image, else by camera_info; unknown for compressed images."""
        if self._camera.image_size:
            return self._camera.image_size
        info = self._info
        if info is None or not info.width * info.height or not self._camera.message_type.endswith("/Image"):
            return None, ""
        shape = f"{info.width}x{info.height} (by {self._info_topic}, taken as rgb8)"
        return info.width * info.height * RGB_CHANNELS, shape

    def _publisher(self, endpoint: Any) -> Publisher:
        compatibility, reason = qos_check_compatible(endpoint.qos_profile, self._camera.image_qos)
        mismatch = reason.removeprefix("ERROR: ") if compatibility == QoSCompatibility.ERROR else ""
        return Publisher(_node_of(endpoint), endpoint.topic_type, mismatch)

    def _other_topics(self) -> tuple[str, ...]:
        own = self._node.get_fully_qualified_name() + "/"
        return tuple(
            name
            for name, types in self._node.get_topic_names_and_types()
            if self._camera.message_type in types and name != self._camera.topic and not name.startswith(own)
            if self._node.count_publishers(name)
        )


class TransportCheck:
    """Report the verdicts on the cameras of the node's current pipeline: to the log, and by ~/check_transport.

    pipeline: returns the node's pipeline, None while it is not configured.
    """

    def __init__(self, node: Node, pipeline: Callable[[], Pipeline | None]) -> None:
        self._node = node
        self._pipeline = pipeline
        self._throttle = Throttle(LOG_PERIOD_S)
        self._logged: dict[str, str] = {}  # the last cause of each topic
        self._srv = node.create_service(Trigger, "~/check_transport", self._on_check)

    def watch(self, camera: Camera, timeout_s: float) -> None:
        """Update a camera's verdict, and log it where it has changed."""
        verdict = camera.transport.update(timeout_s)
        if verdict is None or not (camera.transport.is_silent or verdict.cause in ("well", "mixed", "lost")):
            return  # a camera may start after the node
        is_news = self._logged.get(camera.topic) != verdict.cause
        if is_news and self._throttle.allows(verdict.cause, time.monotonic(), cause=camera.topic):
            self._logged[camera.topic] = verdict.cause
            self._log(camera, verdict)

    def _log(self, camera: Camera, verdict: TransportVerdict) -> None:
        logger = self._node.get_logger()
        if verdict.is_well:
            logger.info(verdict.text)
        elif camera.transport.is_silent:
            silence_s = time.monotonic() - camera.statistics.last_received_s
            logger.warning(f"no image on {camera.topic} for {silence_s:.0f} s: {verdict.text}")
        else:
            logger.warning(verdict.text)

    def _on_check(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        pipeline = self._pipeline()
        if pipeline is None:
            response.message = NOT_CONFIGURED
            return response
        timeout_s = pipeline.active.parameters.image_timeout_s
        verdicts = [camera.transport.update(timeout_s) for camera in pipeline.cameras.values()]
        response.success = all(verdict is not None and verdict.can_arrive for verdict in verdicts)
        early = f"no image yet, too early to say why; ask again {timeout_s + LISTEN_S:g} s after the start"
        response.message = "\n".join(
            verdict.text if verdict else f"{camera.topic}: {early}"
            for camera, verdict in zip(pipeline.cameras.values(), verdicts, strict=True)
        )
        for sentence in response.message.split("\n"):
            self._node.get_logger().info(f"the transport check says: {sentence}")
        return response


def _node_of(endpoint: Any) -> str:
    return f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}"
