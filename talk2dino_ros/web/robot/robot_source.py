# SPDX-License-Identifier: Apache-2.0
"""The robot's source: what the nodes publish and answer, as the page shows it.

It listens to /diagnostics, which tells whether the nodes live, and to the topics of a camera while someone looks at
it. The words are asked for when the diagnostics tell of another version of them.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from itertools import starmap
from typing import TYPE_CHECKING, Any

from rclpy.clock import Clock, ClockType

from talk2dino_ros.client.client_errors import VocabularyConflictError
from talk2dino_ros.web.jpeg import to_jpeg
from talk2dino_ros.web.robot.camera_feeds import CameraFeeds
from talk2dino_ros.web.robot.journey import Journey
from talk2dino_ros.web.robot.picture_maker import PictureMaker
from talk2dino_ros.web.robot.robot_health import findings, number, values_of
from talk2dino_ros.web.robot.robot_map import RobotMap
from talk2dino_ros.web.robot.robot_snapshot import RobotSnapshots
from talk2dino_ros.web.web_source import (
    ConflictError,
    PageCamera,
    PageClass,
    PagePlace,
    PageState,
    Snapshot,
    WebError,
    WordsReply,
    no_camera,
    page_class,
)

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.client.talk2dino_client import Talk2DinoClient
    from talk2dino_ros.ros.node.faults import OnFault
    from talk2dino_ros.web.robot.web_parameters import WebParameters

LOOK_S = 0.5  # between two looks at what is there
MAP = "map from above"  # to the page another camera
ONLY_CAMERA = "camera"  # the page's name of the camera without one
ANSWER_S = 90.0  # longer than a client of the nodes waits by itself


class RobotSource:
    """Shows the nodes of a robot. on_change: see PageSource. Made and closed in the executor's thread."""

    def __init__(self, node: Node, client: Talk2DinoClient, settings: WebParameters, on_fault: OnFault) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._node = node
        self._client = client
        self._settings = settings
        self._begin_s = time.monotonic()
        self._diagnostics = client.diagnostics()
        self._names: tuple[str, ...] = ()
        self._feeds: dict[str, CameraFeeds] = {}
        self._is_closed = False
        self._watching = threading.Lock()  # around both: the server's thread may still watch while this is closed
        self._overlays: dict[str, tuple[int, tuple[int, int], bytes]] = {}
        self._vocabulary: Any = None
        self._asked: Future[Any] | None = None
        self._journey = Journey(client, settings.goal)
        self._snapshots = RobotSnapshots(client)
        self._map = RobotMap(node, client, settings)
        self._wants_map = False
        self._map_problem = ""
        self._maker = PictureMaker(settings.max_rate_hz, settings.picture_pixels, self._on_picture, on_fault)
        self._timer = node.create_timer(LOOK_S, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def state(self) -> PageState:
        """Return what is to be shown now."""
        vocabulary = self._vocabulary
        heard = {name: each for name, each in self._diagnostics.statuses.items() if self._is_fresh(each)}
        statuses = {name: each.status for name, each in heard.items()}
        return PageState(
            model=vocabulary.model if vocabulary else "",
            version=vocabulary.version if vocabulary else 0,
            classes=_classes(vocabulary),
            cameras=tuple(self._camera(name, statuses) for name in self._names),
            threshold=_threshold(vocabulary),
            health=findings(statuses.values()),
            lost=self._lost(statuses),
            can_go=f"{self._full_name(self._settings.goal)}: goal" in statuses,
            journey=self._journey.said,
            is_going=self._journey.is_going,
            can_find=f"{self._full_name(self._settings.memory)}: memory" in statuses,
        )

    def overlay(self, camera: str) -> tuple[int, bytes] | None:
        """Return number and JPEG of a camera's newest overlay."""
        found = self._overlays.get(camera)
        return (found[0], found[2]) if found else None

    def watch(self, cameras: frozenset[str]) -> None:
        """Subscribe to what these cameras have, and to no others."""
        with self._watching:
            if not self._is_closed:
                self._wants_map = MAP in cameras
                self._listen_to(cameras & set(self._names) - {MAP})

    def _listen_to(self, cameras: frozenset[str]) -> None:
        for name in cameras - self._feeds.keys():
            self._feeds[name] = CameraFeeds(self._client, _of_robot(name), partial(self._maker.put, name))
        for name in self._feeds.keys() - cameras:
            self._feeds.pop(name).close()

    def set_words(self, classes: Sequence[str], expected_version: int) -> WordsReply:
        """Replace the segmenter's classes. Raises ConflictError, ClientError, VocabularyError."""
        asked = self._client.set_vocabulary(classes, expected_version=expected_version)
        try:
            _answer(asked)
        except VocabularyConflictError as error:
            raise ConflictError(
                "the words were changed meanwhile, by another page or program, expected those that this page shows; "
                "they are shown in a moment, change them again"
            ) from error
        self._vocabulary = _answer(self._client.get_vocabulary())
        self.on_change()
        return WordsReply(self._vocabulary.version, _classes(self._vocabulary), "")

    def snapshot(self, camera: str) -> Snapshot:
        """Return a camera's newest image with its mask. Raises WebError where there is none."""
        if camera not in self._names or camera == MAP:
            raise no_camera(camera, self._names)
        return self._snapshots.take(_of_robot(camera), self._vocabulary)

    def go_to(self, class_name: str, object_id: int) -> None:
        """Send the robot to an object; 0: to the nearest of this class."""
        self._journey.begin(class_name, object_id, self.on_change)

    def stop_going(self) -> None:
        """End the go_to that is under way."""
        self._journey.cancel()

    def find(self, word: str) -> tuple[str, tuple[PagePlace, ...]]:
        """Ask the memory. Raises ClientError."""
        return self._map.find(word, ANSWER_S)

    def close(self) -> None:
        """End the thread, the subscriptions, and what requests wait for."""
        self._node.destroy_timer(self._timer)
        self._maker.close()
        with self._watching:
            self._is_closed = True
            self._listen_to(frozenset())
        self._snapshots.close()
        self._map.close()
        self._diagnostics.close()

    def _look(self) -> None:
        """Look for cameras and words, and tell browsers what may have changed."""
        self._names = tuple(name or ONLY_CAMERA for name in self._client.cameras())
        if self._map.is_there():
            self._names = (*self._names, MAP)
        self._draw_map()
        version = self._told_version()
        known = self._vocabulary.version if self._vocabulary else 0
        if version != known and (self._asked is None or self._asked.done()):
            self._asked = self._client.get_vocabulary()
            self._asked.add_done_callback(self._on_vocabulary)
        self.on_change()

    def _draw_map(self) -> None:
        """Draw the map where someone looks at it; it is a camera to the page."""
        if self._wants_map != self._map.is_open:
            (self._map.open if self._wants_map else self._map.close)()
        if self._map.is_open:
            try:
                picture = self._map.draw()
            except WebError as error:
                self._map_problem = str(error)
                return
            self._map_problem = ""
            self._on_picture(MAP, (picture.shape[1], picture.shape[0]), to_jpeg(picture, self._settings.picture_pixels))

    def _on_vocabulary(self, asked: Future[Any]) -> None:
        if asked.exception() is None:  # else the state says that the segmenter is lost
            self._vocabulary = asked.result()
            self.on_change()

    def _told_version(self) -> int:
        """Return the version of the words that the segmenter's diagnostics tell of; 0: none is told."""
        heard = self._diagnostics.statuses.get(f"{self._full_name(self._settings.segmenter)}: model")
        text = values_of(heard.status).get("vocabulary version", "") if heard else ""
        return int(text) if text.isdigit() else 0

    def _on_picture(self, camera: str, size: tuple[int, int], jpeg: bytes) -> None:
        count = self._overlays[camera][0] if camera in self._overlays else 0
        self._overlays[camera] = (count + 1, size, jpeg)
        self.on_change()

    def _camera(self, name: str, statuses: dict[str, Any]) -> PageCamera:
        if name == MAP:
            number_of_it, size, _ = self._overlays.get(MAP, (0, (0, 0), b""))
            return PageCamera(MAP, number_of_it, size, problem=self._map_problem, is_map=True)
        part = f"camera {_of_robot(name)}".strip()
        status = statuses.get(f"{self._full_name(self._settings.segmenter)}: {part}")
        values = values_of(status) if status else {}
        count, size, _ = self._overlays.get(name, (0, (0, 0), b""))
        feeds = self._feeds.get(name)
        return PageCamera(
            name,
            count,
            size,
            number(values, "latency p50 [ms]"),
            int(number(values, "images dropped") or 0),
            feeds.seen() if feeds else (),
            feeds.points() if feeds else (),
            feeds.presences() if feeds else (),
        )

    def _is_fresh(self, heard: Any) -> bool:
        return bool(time.monotonic() - heard.came_s < self._settings.silence_s)

    def _lost(self, statuses: dict[str, Any]) -> str:
        """Say that the segmenter is lost where nothing has come of it for too long."""
        silence_s, name = self._settings.silence_s, self._full_name(self._settings.segmenter)
        if any(each.startswith(f"{name}:") for each in statuses) or time.monotonic() - self._begin_s < silence_s:
            return ""
        return (
            f"The segmenter (node /{name}) has said nothing for {silence_s:g} s; look whether it runs, and at its log"
        )

    def _full_name(self, node: str) -> str:
        return str(self._node.resolve_topic_name(node)).lstrip("/")


def _of_robot(page_name: str) -> str:
    return "" if page_name == ONLY_CAMERA else page_name


def _classes(vocabulary: Any) -> tuple[PageClass, ...]:
    if vocabulary is None:
        return ()
    return tuple(starmap(page_class, zip(vocabulary.classes, vocabulary.ids, strict=True)))


def _threshold(vocabulary: Any) -> float | None:
    if vocabulary is None or math.isnan(vocabulary.background):
        return None
    return round(float(vocabulary.background), 4)


def _answer(asked: Future[Any]) -> Any:
    try:
        return asked.result(ANSWER_S)
    except FutureTimeoutError as error:
        raise WebError(
            f"no answer has come in {ANSWER_S:g} s, expected one; look at the log of the node web"
        ) from error
