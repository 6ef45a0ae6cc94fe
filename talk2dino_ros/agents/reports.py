# SPDX-License-Identifier: Apache-2.0
"""What the tools answer with: the nodes' messages, short enough for a language model, every text bounded.

Names, and sentences of the nodes, may come from anybody who can set words on the robot: they are data.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, Field

from talk2dino_ros.client.talk2dino_client import OBJECT_STATES
from talk2dino_ros.engine.text.safe_text import safe_text
from talk2dino_ros.perception.presence import STATE_WORDS, PresenceState

LONGEST_NAME = 100
LONGEST_SENTENCE = 600
MOST = 50  # regions of one answer
NOT_LOOKED_FOR = STATE_WORDS[PresenceState.NOT_LOOKED_FOR]
NOT_KNOWN = "not known"  # of what is looked for, where no answer came


class Location(BaseModel):
    """A place in space, in metres."""

    x: float
    y: float
    z: float
    frame: str = Field(description="the coordinate frame, such as map or odom")


class SeenRegion(BaseModel):
    """One connected region of a class in the newest image."""

    name: str
    confidence: float = Field(description="0 to 1; 0.5: something else is as likely")
    area_share: float = Field(description="0 to 1, of the image")
    pixel: tuple[int, int] = Field(description="x to the right, y down, from the image's upper left corner")
    object_id: int | None = Field(description="of the tracked object")
    position: Location | None = Field(description="null if it is not known")
    why_no_position: str = ""


class KnownObject(BaseModel):
    """One object that is tracked over time."""

    object_id: int
    name: str
    state: str = Field(description="tentative, confirmed, or lost (seen before, not now)")
    confidence: float
    position: Location | None


class KnownPlace(BaseModel):
    """A place where the memory has seen a word."""

    place_id: int
    position: Location | None
    confidence: float = Field(description="0 to 1; 0.5: a competing word is as likely")
    images: int = Field(description="at least this many images show it")
    last_seen_s: float = Field(description="seconds since the epoch, by the robot's clock")


class View(BaseModel):
    """What a camera sees now."""

    camera: str
    size: tuple[int, int] = Field(description="width and height of the image in pixels")
    looked_for: list[str] = Field(description="the active words; anything else is not seen")
    regions: list[SeenRegion]


class FoundWord(BaseModel):
    """Where a word is."""

    word: str
    is_looked_for: bool = Field(description="false: it cannot be in view, as it is not one of the words")
    presence: str = Field(description="in view, not sure, not in view, not looked for, or not known (see notes)")
    why: str = Field(description="what that rests on: how close the best came, and when it was last seen")
    in_view: list[SeenRegion] = Field(description="what was taken for it; `presence` says whether that is sure")
    tracked: list[KnownObject]
    remembered: list[KnownPlace]
    notes: list[str] = Field(description="what could not be asked, and what the memory says")


class WordClass(BaseModel):
    """A class of the vocabulary."""

    name: str
    kind: str = Field(description="class, distractor (seen, not reported) or question (reported, in no mask)")


class Listed(BaseModel):
    """Classes, tracked objects, and remembered places of the classes."""

    classes: list[WordClass]
    version: int = Field(description="of the vocabulary")
    objects: list[KnownObject]
    places: dict[str, list[KnownPlace]]
    notes: list[str]


class GoToReport(BaseModel):
    """How far a go_to is, or how it ended."""

    word: str
    is_over: bool
    state: str = Field(description="REACHED, or the state that says why it has not arrived")
    message: str
    position: Location | None = Field(description="of the object")
    distance_m: float | None = Field(description="metres from the robot to where it will stand")


def presence_of(state: int) -> str:
    """Return the words for a state of Presence."""
    return STATE_WORDS.get(state, NOT_LOOKED_FOR)


def name_of(text: str) -> str:
    """Return a name of any origin, bounded."""
    return safe_text(text, LONGEST_NAME)


def sentence(text: str) -> str:
    """Return a sentence of any origin, bounded."""
    return safe_text(text, LONGEST_SENTENCE)


def seen_regions(points: Any, word: str | None = None) -> list[SeenRegion]:
    """Return the points of interest of a message, best first within each class; of one word alone where it is given."""
    return [_seen(point) for point in points.points if is_named(point.class_name, word)][:MOST]


def known_objects(objects: Any, word: str | None = None) -> list[KnownObject]:
    """Return the tracked objects of a message, as they come."""
    frame = objects.header.frame_id
    return [_tracked(each, frame) for each in objects.objects if is_named(each.class_name, word)][:MOST]


def known_places(answer: Any) -> list[KnownPlace]:
    """Return the places of the memory's answer, best first."""
    return [_remembered(place, answer.header.frame_id) for place in answer.places][:MOST]


def word_classes(names: Sequence[str], classes: Iterable[str]) -> list[WordClass]:
    """Return the vocabulary, from labels and classes as requested."""
    kinds = {"!": "distractor", "?": "question"}
    pairs = zip(names, classes, strict=True)
    return [WordClass(name=name_of(name), kind=kinds.get(text[:1], "class")) for name, text in pairs]


def is_named(name: str, word: str | None) -> bool:
    """Whether a class has this name, or any where there is none."""
    return word is None or name.casefold() == word.casefold()


def position_of(point: Any, frame: str) -> Location | None:
    """Return a point in millimetres' precision; None where it has no frame or is not finite."""
    values = (point.x, point.y, point.z)
    if not frame or not all(map(math.isfinite, values)):
        return None
    x, y, z = (round(value, 3) for value in values)
    return Location(x=x, y=y, z=z, frame=name_of(frame))


def _seen(point: Any) -> SeenRegion:
    return SeenRegion(
        name=name_of(point.class_name),
        confidence=_share(point.confidence),
        area_share=_share(point.area_share),
        pixel=(point.pixel_x, point.pixel_y),
        object_id=point.object_id or None,
        position=position_of(point.position, point.frame_id) if point.has_position else None,
        why_no_position="" if point.has_position else sentence(point.no_position_reason),
    )


def _tracked(each: Any, frame: str) -> KnownObject:
    return KnownObject(
        object_id=each.id,
        name=name_of(each.class_name),
        state=OBJECT_STATES.get(each.state, "unknown"),
        confidence=_share(each.confidence),
        position=position_of(each.position, frame) if each.has_position else None,
    )


def _remembered(place: Any, frame: str) -> KnownPlace:
    return KnownPlace(
        place_id=place.id,
        position=position_of(place.position, frame),
        confidence=_share(place.confidence),
        images=place.detections,
        last_seen_s=place.last_seen.sec + place.last_seen.nanosec * 1e-9,
    )


def _share(value: float) -> float:
    return round(value, 3) if math.isfinite(value) else 0.0
