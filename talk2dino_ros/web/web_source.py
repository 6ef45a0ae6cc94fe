# SPDX-License-Identifier: Apache-2.0
"""What the page shows and asks for: the protocol between the server and who segments.

The server (web_app.py) knows nothing else. There are two sources: the desk's, which has the engine in its own process
(desk/), and the robot's, which talks to the nodes by ROS alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.doctor.health_finding import HealthFinding
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.class_entries import parse_class
from talk2dino_ros.engine.vocabulary import UNLABELED_ID
from talk2dino_ros.perception.presence import STATE_WORDS, Presence, sureness
from talk2dino_ros.viz.overlay import color_of


class WebError(Talk2DinoError):
    """A page that cannot be served, or a request of a page that cannot be met."""


class ConflictError(WebError):
    """Somebody else has changed the words since the page was told them."""


class ForbiddenError(WebError):
    """A request that this page may not make."""


class TooLargeError(WebError):
    """A request of more bytes than any that is meant."""


@dataclass(frozen=True)
class PageClass:
    """A class of the vocabulary. text: as `parse_class` reads it; color: "#rrggbb", "" where it has no pixels.

    threshold: its own, a score; None where it has that of all.
    """

    name: str
    text: str
    color: str
    threshold: float | None = None


@dataclass(frozen=True)
class SeenClass:
    """What an image has of a class. share, confidence: 0..1, part of the pixels and mean over them."""

    class_name: str
    share: float
    confidence: float


@dataclass(frozen=True)
class PagePoint:
    """A point of interest or a tracked object in the newest image, in pixels of the image.

    pixel: (-1, -1) for an object that is not in it. object_id: 0 for what is not tracked. position: metres, in `frame`;
    None where there is none, and `reason` says why.
    """

    class_name: str
    color: str
    confidence: float
    pixel: tuple[int, int]
    box: tuple[int, int, int, int]
    object_id: int = 0
    state: str = ""
    position: tuple[float, float, float] | None = None
    frame: str = ""
    reason: str = ""


@dataclass(frozen=True)
class PageCamera:
    """A camera and its newest image, or the map from above.

    problem: why there is none, as a sentence; number: goes up with each overlay. presences: how the classes stand in
    the image, as the node tells it; empty where nobody has looked.
    """

    name: str
    number: int = 0
    size: tuple[int, int] = (0, 0)  # width, height in pixels
    latency_ms: float | None = None
    dropped: int = 0
    seen: tuple[SeenClass, ...] = ()
    points: tuple[PagePoint, ...] = ()
    presences: tuple[Presence, ...] = ()
    problem: str = ""
    is_map: bool = False


@dataclass(frozen=True)
class PagePlace:
    """A place where the memory holds a word. position: metres, in `frame`."""

    class_name: str
    position: tuple[float, float, float]
    frame: str
    confidence: float


@dataclass(frozen=True)
class PageState:
    """All that the page shows but for the pictures.

    lost: why the segmenter does not answer, as a sentence; "" while it does. notice: what it is doing meanwhile.
    threshold: of the classes without one of their own; None for none. can_go: whether a robot can be sent to objects.
    journey: how far it is on its way, "" where there is none. can_find: whether a memory can be asked.
    """

    model: str
    version: int
    classes: tuple[PageClass, ...]
    cameras: tuple[PageCamera, ...]
    threshold: float | None = None
    health: tuple[HealthFinding, ...] = ()
    lost: str = ""
    notice: str = ""
    can_go: bool = False
    journey: str = ""
    is_going: bool = False
    can_find: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON has it; the version as text, for JavaScript's numbers end at 2^53.

        Of the presences it has one of each class, the surest; of a camera only whether somebody has looked at it.
        """
        health = [{**asdict(each), "level": each.level.value} for each in self.health]
        cameras = [
            {**asdict(replace(each, presences=())), "is_looked_at": bool(each.presences)} for each in self.cameras
        ]
        presences = {each.class_name: _presence(each) for each in sorted(self._presences(), key=sureness)}
        changed = {"version": str(self.version), "health": health, "cameras": cameras, "presences": presences}
        return {**asdict(replace(self, cameras=())), **changed}

    def _presences(self) -> list[Presence]:
        return [presence for camera in self.cameras for presence in camera.presences]


@dataclass(frozen=True)
class WordsReply:
    """What became of a change of the words: those that are active now, and a message, such as a warning."""

    version: int
    classes: tuple[PageClass, ...]
    message: str


@dataclass(frozen=True, eq=False)
class Snapshot:
    """An image with its mask, uint8 [H, W, 3] RGB and uint8 [H, W], and what is known of both."""

    rgb: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.uint8]
    facts: dict[str, Any]


class PageSource(Protocol):
    """Who segments. All methods may be called from any thread; those that wait end with a WebError after a while."""

    on_change: Callable[[], None]  # set by the server; called from any thread where state or an overlay is new

    def state(self) -> PageState:
        """Return what is to be shown now; quick."""

    def overlay(self, camera: str) -> tuple[int, bytes] | None:
        """Return number and JPEG of a camera's newest overlay; quick."""

    def watch(self, cameras: frozenset[str]) -> None:
        """Make overlays of these cameras from now on, and of no others: nobody looks at them."""

    def set_words(self, classes: Sequence[str], expected_version: int) -> WordsReply:
        """Replace the words where the version is this one (0: any); wait until they are active. Raises ConflictError.

        Raises Talk2DinoError where they cannot be; nothing is then changed.
        """

    def snapshot(self, camera: str) -> Snapshot:
        """Return a camera's newest image. Raises WebError where there is none."""

    def go_to(self, class_name: str, object_id: int) -> None:
        """Send the robot to an object; 0: to the nearest of this class. Raises WebError where there is no robot."""

    def stop_going(self) -> None:
        """End the robot's way; quick."""

    def find(self, word: str) -> tuple[str, tuple[PagePlace, ...]]:
        """Ask the memory where a word was seen: its sentence, and the places. Raises WebError where there is none."""

    def close(self) -> None:
        """End all threads."""


def page_class(text: str, class_id: int) -> PageClass:
    """Return a class as the page shows it; text: in the syntax that `parse_class` reads."""
    entry = parse_class(text)
    return PageClass(entry.name, text, "" if entry.distractor else page_color(class_id), entry.threshold)


def page_color(class_id: int, unlabeled_id: int = UNLABELED_ID) -> str:
    """Return a class's colour in the overlay as CSS has it; "" for one that has no pixels."""
    if class_id == unlabeled_id:
        return ""
    red, green, blue = color_of(class_id)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _presence(presence: Presence) -> dict[str, Any]:
    best = presence.best_score
    return {"state": STATE_WORDS[presence.state], "best_score": best if math.isfinite(best) else None}


def no_camera(name: str, cameras: Sequence[str]) -> WebError:
    """Return the error for a camera that is not there."""
    return WebError(
        f"there is no camera {name[:60]!r}, expected one of {', '.join(cameras) or 'none'}; reload the page"
    )
