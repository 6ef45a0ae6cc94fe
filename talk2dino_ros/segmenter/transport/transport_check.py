# SPDX-License-Identifier: Apache-2.0
"""Check whether a camera's images can arrive: after its first image, when it falls silent, and by ~/check_transport.

What can be known without them: who publishes, with which type and QoS, the size of an image (an earlier image, or a
camera_info beside the topic), and on the same machine the environment of the camera's process. What ~/check_transport
tries beside that: a process with the same transport sends images of that size to this node. Nothing else starts one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.qos import QoSCompatibility, QoSProfile, ReliabilityPolicy, qos_check_compatible, qos_profile_sensor_data
from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import Trigger

from talk2dino_ros.ros.node.background import in_thread
from talk2dino_ros.ros.parameters.launch_arguments import TRANSPORT_VARIABLES, profile_names, profile_variable
from talk2dino_ros.segmenter.transport.image_transport import Sender, find_sender, is_same_machine
from talk2dino_ros.segmenter.transport.transport_verdict import Findings, Probe, Publisher, TransportVerdict, verdict_on
from talk2dino_ros.segmenter.vocabulary.vocabulary_server import NOT_CONFIGURED

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.segmenter.camera import Camera
    from talk2dino_ros.segmenter.pipeline import Pipeline

PROBE_IMAGES = 10
PROBE_TIMEOUT_S = 30.0
CAMERA_INFO_TIMEOUT_S = 1.0
RGB_CHANNELS = 3
RECHECK_S = 60.0


class TransportCheck:
    """Check the cameras of the node's current pipeline; the verdicts are kept in the cameras.

    pipeline: returns the node's pipeline, None while it is not configured.
    """

    def __init__(self, node: Node, pipeline: Callable[[], Pipeline | None]) -> None:
        self._node = node
        self._pipeline = pipeline
        self._probes = 0
        # A coroutine that waits keeps every other callback of its group out, so this service has its own.
        self._srv = node.create_service(
            Trigger, "~/check_transport", self._on_check, callback_group=MutuallyExclusiveCallbackGroup()
        )

    def watch(self, camera: Camera, timeout_s: float, is_silent: bool) -> None:
        """Check a camera after its first image and when it falls silent, and when its publishers change meanwhile.

        It starts no process, as it is asked for /diagnostics. A camera that comes and goes keeps its verdicts for a
        while: a check may wait a second for a camera_info.
        """
        before, camera.transport_state = camera.transport_state, self._state(camera, is_silent)
        is_new = camera.transport_state not in ("", before)
        last_s = camera.checked_s.get(camera.transport_state, -RECHECK_S)
        if is_new and time.monotonic() - last_s >= RECHECK_S:
            camera.checked_s[camera.transport_state] = time.monotonic()
            self._node.executor.create_task(self._check_and_log, camera, timeout_s, is_silent)

    def _state(self, camera: Camera, is_silent: bool) -> str:
        """What a verdict depends on: whether images come and, if not, the number of publishers."""
        if not camera.is_streaming or not (is_silent or camera.statistics.received):
            return ""
        return f"silent, {self._node.count_publishers(camera.topic)} publish" if is_silent else "heard"

    async def _check_and_log(self, camera: Camera, timeout_s: float, is_silent: bool) -> None:
        """Check a camera and log the verdict; catch everything, as an exception here would end the executor."""
        logger, state = self._node.get_logger(), camera.transport_state
        try:
            camera.verdicts[state] = verdict = await self._check(camera, timeout_s, probing=False)
        except Exception:
            if self._node.context.ok():
                logger.error(f"the transport check failed\n{traceback.format_exc()}")
            return
        if not camera.is_streaming:  # the check takes a moment, in which the node may have been deactivated
            return
        if is_silent:
            logger.warning(f"no image on {camera.topic} for {timeout_s:g} s: {verdict.text}")
        elif verdict.can_arrive:
            logger.info(verdict.text)
        else:
            logger.warning(verdict.text)

    async def _on_check(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        pipeline = self._pipeline()
        if pipeline is None:
            response.message = NOT_CONFIGURED
            return response
        timeout_s = pipeline.active.parameters.image_timeout_s
        verdicts: list[TransportVerdict] = []
        try:
            for camera in pipeline.cameras.values():
                verdicts.append(await self._check(camera, timeout_s, probing=True))
                camera.verdicts[camera.transport_state] = verdicts[-1]
        except Exception as error:
            self._node.get_logger().error(f"the transport check failed\n{traceback.format_exc()}")
            response.message = f"the check failed ({error!r}); the node's log has the details"
            return response
        response.success = all(verdict.can_arrive for verdict in verdicts)
        response.message = "\n".join(verdict.text for verdict in verdicts)
        self._node.get_logger().info(f"the transport check says: {response.message}")
        return response

    async def _check(self, camera: Camera, timeout_s: float, *, probing: bool) -> TransportVerdict:
        senders = self._publishers(camera)
        size, shape = camera.image_size or await self._announced_size(camera, camera.most_pixels)
        facts: dict[str, Any] = {
            "topic": camera.topic,
            "message_type": camera.message_type,
            "publishers": tuple(publisher for publisher, _ in senders),
            "is_streaming": camera.is_streaming,
            "silence_s": time.monotonic() - camera.statistics.last_received_s,
            "received": camera.statistics.received,
            "timeout_s": timeout_s,
            "size": size,
            "shape": shape,
            "other_topics": self._other_topics(camera),
            "profile_variable": profile_names(os.environ)[0],
        }
        found = Findings(**facts)
        if not (probing and size and found.can_be_tried):
            return verdict_on(found)
        probe = await self._probe_like_camera(found, senders, size)
        remedy_probe = await self._probe(_with_profile(), size, "with the profile") if probe.is_lost else None
        return verdict_on(Findings(**facts, probe=probe, remedy_probe=remedy_probe))

    async def _probe_like_camera(
        self, found: Findings, senders: list[tuple[Publisher, Sender | None]], size: int
    ) -> Probe:
        """Probe with the camera process's transport variables; without a profile where they cannot be read."""
        known = [(publisher, sender) for publisher, sender in senders if sender and publisher in found.fitting]
        known.sort(key=lambda pair: pair[0] != found.sender)
        if not known:
            return await self._probe({}, size, "without a transport profile")
        environment = known[0][1].environment
        return await self._probe(environment, size, "with the transport of the camera's", is_like_camera=True)

    def _publishers(self, camera: Camera) -> list[tuple[Publisher, Sender | None]]:
        own_gid = next(
            (
                bytes(each.endpoint_gid)
                for each in self._node.get_publishers_info_by_topic("/diagnostics")
                if (each.node_namespace, each.node_name) == (self._node.get_namespace(), self._node.get_name())
            ),
            b"",
        )
        return [
            self._publisher(each, camera, own_gid) for each in self._node.get_publishers_info_by_topic(camera.topic)
        ]

    def _publisher(self, info: Any, camera: Camera, own_gid: bytes) -> tuple[Publisher, Sender | None]:
        gid = bytes(info.endpoint_gid)
        is_fast_dds = "fastrtps" in get_rmw_implementation_identifier()  # others build their ids in other ways
        is_here = not is_fast_dds or not own_gid or is_same_machine(gid, own_gid)
        sender = find_sender(gid) if is_fast_dds and is_here else None
        compatibility, reason = qos_check_compatible(info.qos_profile, camera.image_qos)
        publisher = Publisher(
            node=f"{info.node_namespace.rstrip('/')}/{info.node_name}",
            message_type=info.topic_type,
            mismatch=reason.removeprefix("ERROR: ") if compatibility == QoSCompatibility.ERROR else "",
            pid=sender.pid if sender else None,
            transport=sender.transport if sender else None,
            is_here=is_here,
        )
        return publisher, sender

    async def _announced_size(self, camera: Camera, most_pixels: int) -> tuple[int | None, str]:
        """Image size by the camera_info beside the topic; unknown for compressed images."""
        if not camera.message_type.endswith("/Image"):
            return None, ""
        infos: list[CameraInfo] = []
        has_come = threading.Event()

        def on_info(info: CameraInfo) -> None:
            infos.append(info)
            has_come.set()

        topic = f"{camera.topic.rpartition('/')[0]}/camera_info"
        subscription = self._node.create_subscription(CameraInfo, topic, on_info, qos_profile_sensor_data)
        await in_thread(self._node, lambda: has_come.wait(CAMERA_INFO_TIMEOUT_S), "camera_info").future
        self._node.destroy_subscription(subscription)
        if not infos:
            return None, ""
        return announced_size(infos[-1].width, infos[-1].height, topic, most_pixels)

    async def _probe(self, environment: Mapping[str, str], size: int, like: str, is_like_camera: bool = False) -> Probe:
        """Let a process with these transport variables send images to this node, and count them."""
        self._probes += 1
        topic = self._node.resolve_topic_name(f"~/transport_probe_{self._probes}")
        arrived: list[Image] = []
        qos = QoSProfile(depth=PROBE_IMAGES, reliability=ReliabilityPolicy.BEST_EFFORT)
        subscription = self._node.create_subscription(Image, topic, lambda image: arrived.append(image.step), qos)
        sent = await in_thread(self._node, lambda: _send(topic, size, environment), "transport probe").future
        self._node.destroy_subscription(subscription)
        return Probe(sent, len(arrived), like, is_like_camera)

    def _other_topics(self, camera: Camera) -> tuple[str, ...]:
        topics = self._node.get_topic_names_and_types()
        own = self._node.get_fully_qualified_name() + "/"
        return tuple(
            name
            for name, types in topics
            if camera.message_type in types and name != camera.topic and not name.startswith(own)
            if self._node.count_publishers(name)
        )


def announced_size(width: int, height: int, topic: str, most_pixels: int) -> tuple[int | None, str]:
    """Return the bytes and the shape of images by a camera_info; None bytes where it has no image size."""
    if not width * height:
        return None, ""
    if width * height > most_pixels:  # such images would be dropped, and a probe would take their memory
        return None, f"{topic} says {width}x{height}, more than the {most_pixels} pixels of max_image_pixels"
    return width * height * RGB_CHANNELS, f"{width}x{height} (by {topic}, taken as rgb8)"


def _send(topic: str, size: int, transport: Mapping[str, str]) -> int:
    """Run the probe as a process; return how many images it sent."""
    inherited = {name: value for name, value in os.environ.items() if name not in TRANSPORT_VARIABLES}
    command = [
        sys.executable,
        "-m",
        "talk2dino_ros.segmenter.transport.transport_probe",
        topic,
        str(size),
        str(PROBE_IMAGES),
    ]
    done = subprocess.run(
        command,
        env={**inherited, "PYTHONPATH": os.pathsep.join(sys.path), **transport},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=PROBE_TIMEOUT_S,
        start_new_session=True,  # Ctrl-C is for the node
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return int(done.stdout.split()[-1])


def _with_profile() -> dict[str, str]:
    """The transport variables that the node runs with, or those that name the shipped profile."""
    own = {name: os.environ[name] for name in TRANSPORT_VARIABLES if os.environ.get(name)}
    variable = profile_variable(os.environ)
    if variable is None:
        return own
    try:
        return {variable: str(Path(get_package_share_directory("talk2dino_ros")) / "config" / "fastdds.xml")}
    except PackageNotFoundError:  # run from the sources, without an install
        return {variable: str(Path(__file__).parents[3] / "config" / "fastdds.xml")}
