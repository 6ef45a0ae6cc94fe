# SPDX-License-Identifier: Apache-2.0
"""The robot's map: what is subscribed to for it while someone looks, and what the memory found."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nav_msgs.msg import OccupancyGrid
from sensor_msgs.msg import PointCloud2

from talk2dino_ros.client.talk2dino_client import Talk2DinoClient
from talk2dino_ros.ros.node.qos import LATCHED, RELIABLE
from talk2dino_ros.ros.tf.open_transforms import listener_of
from talk2dino_ros.ros.tf.transforms import TransformError
from talk2dino_ros.web.map_drawing import MapView, draw_from_above
from talk2dino_ros.web.robot.map_messages import cells_of, heat_of, places_of

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.web.robot.web_parameters import WebParameters
    from talk2dino_ros.web.web_source import PagePlace


class RobotMap:
    """The map of a robot. open, close and draw belong to the executor's thread."""

    def __init__(self, node: Node, client: Talk2DinoClient, settings: WebParameters) -> None:
        self._node = node
        self._client = client
        self._settings = settings
        self._places: tuple[PagePlace, ...] = ()
        self._feeds: list[Any] = []
        self._transforms: Any = None

    @property
    def is_open(self) -> bool:
        """Whether someone looks."""
        return bool(self._feeds)

    def is_there(self) -> bool:
        """Whether there is anything to draw: a costmap that someone publishes, or places that were found."""
        return bool(self._places) or self._node.count_publishers(self._node.resolve_topic_name("costmap")) > 0

    def open(self) -> None:
        """Begin to listen."""
        heat = f"{self._settings.memory}/heat"
        self._feeds = [
            self._client.watch_topic(OccupancyGrid, "costmap", LATCHED),
            self._client.watch_topic(PointCloud2, heat, RELIABLE),
        ]
        self._transforms = listener_of(self._node)

    def close(self) -> None:
        """Listen no more."""
        for feed in self._feeds:
            feed.close()
        if self._transforms is not None:
            self._transforms.destroy()
        self._feeds, self._transforms = [], None

    def find(self, word: str, timeout_s: float) -> tuple[str, tuple[PagePlace, ...]]:
        """Ask the memory where a word was seen; return its sentence and the places. Raises ClientError, WebError."""
        answer = self._client.find(word).result(timeout_s)
        self._places = places_of(answer.places, answer.header.frame_id)
        return answer.message, self._places

    def draw(self) -> Any:
        """Draw uint8 [H, W, 3] RGB. Raises WebError where a message contradicts itself."""
        costmap, cloud = (feed.newest for feed in self._feeds)
        places, heat = [place.position[:2] for place in self._places], heat_of(cloud)
        if costmap is None:
            return draw_from_above(MapView(heat=heat, places=places, robot=self._robot(self._settings.map_frame)))
        robot = self._robot(costmap.header.frame_id)
        return draw_from_above(MapView(*cells_of(costmap), heat, places, robot))

    def _robot(self, frame: str) -> tuple[float, float, float] | None:
        with suppress(TransformError):  # not known, and so not drawn
            transform = self._transforms.lookup(frame, self._settings.base_frame, None)
            x, y, _ = transform.translation
            forward = transform.rotation[:, 0]
            return float(x), float(y), math.atan2(forward[1], forward[0])
        return None
