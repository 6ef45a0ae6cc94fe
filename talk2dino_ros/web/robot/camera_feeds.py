# SPDX-License-Identifier: Apache-2.0
"""What is subscribed to of one camera while someone looks at it, and what its newest messages say."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from talk2dino_ros.client.talk2dino_client import OBJECT_STATES, Talk2DinoClient
from talk2dino_ros.perception.presence import STATE_WORDS, Presence, PresenceState
from talk2dino_ros.web.web_source import PagePoint, SeenClass, page_color

NO_PIXEL = (-1, -1)
MOST_SHOWN = 300  # points, and objects, of a camera, whoever publishes them


class CameraFeeds:
    """The feeds of a camera. name: of the robot's, "" for the one without a name."""

    def __init__(self, client: Talk2DinoClient, name: str, on_overlay: Callable[[Any], None]) -> None:
        self._overlay = client.watch("overlay", name, on_overlay)
        self._points = client.watch("points_of_interest", name)
        self._objects = client.watch("objects", name)
        self._presence = client.watch("presence", name)

    def close(self) -> None:
        """Look no more."""
        for feed in (self._overlay, self._points, self._objects, self._presence):
            feed.close()

    def points(self) -> tuple[PagePoint, ...]:
        """Return the points of interest of the newest image, and the tracked objects that are not in it."""
        message, objects = self._points.newest, self._objects.newest
        tracked = {each.id: each for each in shown_of(objects.objects)} if objects else {}
        points = shown_of(message.points) if message else []
        seen = {point.object_id for point in points}
        frame = objects.header.frame_id if objects else ""
        shown = [_of_point(point, tracked.get(point.object_id)) for point in points]
        return (*shown, *(_of_object(each, frame) for key, each in tracked.items() if key not in seen))

    def seen(self) -> tuple[SeenClass, ...]:
        """Return what the newest image has of each class, from its points of interest: small spots are left out."""
        shares: dict[str, float] = defaultdict(float)
        weights: dict[str, float] = defaultdict(float)
        message = self._points.newest
        for point in shown_of(message.points) if message else ():
            shares[point.class_name] += point.area_share
            weights[point.class_name] += point.area_share * point.confidence
        return tuple(
            SeenClass(name, round(share, 4), round(weights[name] / share, 3)) for name, share in shares.items() if share
        )

    def presences(self) -> tuple[Presence, ...]:
        """Return how the classes stand in the newest image of which that was told."""
        message = self._presence.newest
        told = islice(message.classes, MOST_SHOWN) if message else ()
        return tuple(_of_presence(each) for each in told if each.state in STATE_WORDS)


def shown_of(found: Iterable[Any]) -> list[Any]:
    """Return the points of interest or tracked objects that can be shown: the first ones that have finite numbers."""
    return [each for each in islice(found, MOST_SHOWN) if _can_be_shown(each)]


def _can_be_shown(found: Any) -> bool:
    place = found.position
    numbers = [found.confidence, getattr(found, "area_share", 0.0)]  # an object has no share of an image
    numbers += [place.x, place.y, place.z] if found.has_position else []
    return all(map(math.isfinite, numbers)) and getattr(found, "state", 0) in OBJECT_STATES


def _of_presence(presence: Any) -> Presence:
    state = PresenceState(presence.state)
    numbers = {"best_score": presence.best_score, "evidence": presence.evidence}
    return Presence(presence.class_id, presence.class_name, state, presence.reason, **numbers)


def _of_point(point: Any, tracked: Any) -> PagePoint:
    box = point.box
    place = point.position
    return PagePoint(
        point.class_name,
        page_color(point.class_id),
        round(point.confidence, 3),
        (point.pixel_x, point.pixel_y),
        (box.x_offset, box.y_offset, box.width, box.height),
        point.object_id,
        OBJECT_STATES[tracked.state] if tracked else "",
        (place.x, place.y, place.z) if point.has_position else None,
        point.frame_id,
        point.no_position_reason,
    )


def _of_object(tracked: Any, frame: str) -> PagePoint:
    box, place = tracked.box, tracked.position
    return PagePoint(
        tracked.class_name,
        page_color(tracked.class_id),
        round(tracked.confidence, 3),
        NO_PIXEL,
        (box.x_offset, box.y_offset, box.width, box.height),
        tracked.id,
        f"{OBJECT_STATES[tracked.state]}, not seen in this image",
        (place.x, place.y, place.z) if tracked.has_position else None,
        frame,
        "it was seen without depth",
    )
