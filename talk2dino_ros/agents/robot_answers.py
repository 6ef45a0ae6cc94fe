# SPDX-License-Identifier: Apache-2.0
"""What the tools ask the nodes for, by the client, as coroutines of asyncio."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import anyio

from talk2dino_ros.agents.reports import (
    NOT_KNOWN,
    NOT_LOOKED_FOR,
    FoundWord,
    GoToReport,
    Listed,
    View,
    known_objects,
    known_places,
    name_of,
    position_of,
    presence_of,
    seen_regions,
    sentence,
    word_classes,
)
from talk2dino_ros.client.client_errors import AbsentNodeError, ClientError
from talk2dino_ros.client.go_to_run import GoToRun, state_of
from talk2dino_ros.client.talk2dino_client import IMAGE_S, Talk2DinoClient
from talk2dino_ros.engine.text.class_entries import parse_class
from talk2dino_ros.ros.conversions.image_pixels import image_to_rgb
from talk2dino_ros.viz.bounded_jpeg import bounded_jpeg

MOST_BYTES = 200_000  # of a picture: as text it is a third more, and clients bound what they take
DISCOVERY_S = 2.0  # for the topics of a node that answers already
MOST_PLACES = 20  # classes that the memory is asked for


class RobotAnswers:
    """Questions about the robot and what it sees. client: of its nodes, spun in another thread."""

    def __init__(self, client: Talk2DinoClient) -> None:
        self._client = client
        self.run: GoToRun | None = None
        self._word = ""

    async def look(self, camera: str, longest_side: int) -> tuple[View, bytes]:
        """Return what a camera sees, and the picture with the classes' colours as JPEG."""
        vocabulary = await self.vocabulary()
        overlay, points = await self._newest(camera, "overlay", "points_of_interest")
        rgb = image_to_rgb(overlay)
        view = View(
            camera=name_of(camera),
            size=(rgb.shape[1], rgb.shape[0]),
            looked_for=[name_of(name) for name in vocabulary.names],
            regions=seen_regions(points),
        )
        return view, bounded_jpeg(rgb, longest_side=longest_side, most_bytes=MOST_BYTES)

    async def find(self, word: str, camera: str) -> FoundWord:
        """Return where a word is in view, tracked, or remembered; what cannot be asked is a note."""
        name = parse_class(word).name
        vocabulary = await self.vocabulary()
        is_looked_for = name.casefold() in {each.casefold() for each in vocabulary.names}
        wanted = ("points_of_interest", "objects") if is_looked_for else ()
        seen, asked, known = await at_once(
            partial(self._newest, camera, *wanted),
            partial(self._in_view, name, camera, is_looked_for),
            partial(self._remembered, word),
        )
        messages, stands, places = _or_note(seen, []), _or_note(asked, None), _or_note(known, None)
        return FoundWord(
            word=name_of(word),
            is_looked_for=is_looked_for,
            presence=presence_of(stands.presence.state) if stands else NOT_KNOWN if is_looked_for else NOT_LOOKED_FOR,
            why=sentence(stands.message) if stands else "",
            in_view=seen_regions(messages[0], name) if messages else [],
            tracked=known_objects(messages[1], name) if messages else [],
            remembered=known_places(places) if places else [],
            notes=[*_notes(seen, asked, known), *([sentence(places.message)] if places else [])],
        )

    async def known(self, camera: str) -> Listed:
        """Return the vocabulary, the tracked objects, and the remembered places of the classes."""
        vocabulary = await self.vocabulary()
        classes = word_classes(vocabulary.names, vocabulary.classes)
        asked = [each.name for each in classes if each.kind != "distractor"][:MOST_PLACES]
        seen, known = await at_once(partial(self._newest, camera, "objects"), partial(self._remembered_of, asked))
        messages = _or_note(seen, [])
        return Listed(
            classes=classes,
            version=vocabulary.version,
            objects=known_objects(messages[0]) if messages else [],
            places={name: known_places(answer) for name, answer in _or_note(known, {}).items()},
            notes=_notes(seen, known),
        )

    async def vocabulary(self) -> Any:
        """Return the answer of get_vocabulary."""
        return await asyncio.wrap_future(self._client.get_vocabulary())

    async def set_words(self, **change: Any) -> Any:
        """Return the answer of set_vocabulary to a change, whose fields are set_vocabulary's."""
        return await asyncio.wrap_future(self._client.set_vocabulary(**change))

    def start(self, word: str, stand_off_m: float) -> GoToRun:
        """Send the robot to a word; where it is on the way there already, it goes on."""
        run = self.run
        if run is None or run.is_cancelled or run.result.done() or self._word != word:
            run = self._client.go_to(word, stand_off_m=stand_off_m)
            self._word, self.run = word, run
        return run

    def report(self) -> GoToReport | None:
        """Return how far the newest go_to is; None before any. Raises ClientError where it has failed."""
        run = self.run
        if run is None:
            return None
        is_over = run.result.done()  # asked once: the client's thread may end it at any moment
        told = run.result.result() if is_over else run.feedback
        return GoToReport(
            word=name_of(self._word),
            is_over=is_over,
            state=(state_of(told) if told else "") or "STARTING",
            message=sentence(told.message) if told else "",
            position=position_of(told.position.point, told.position.header.frame_id) if is_over else None,
            distance_m=None if told is None or is_over else _finite(told.distance_m),
        )

    async def _newest(self, camera: str, *topics: str) -> list[Any]:
        """Return the next message of each topic: what was published before may be of a view that is gone."""
        await self._check_camera(camera)
        with ExitStack() as stack:
            feeds = [stack.enter_context(self._client.watch(topic, camera)) for topic in topics]
            asked = [feed.next(IMAGE_S) for feed in feeds]
            return [await asyncio.wrap_future(each) for each in asked]

    async def _check_camera(self, camera: str) -> None:
        """Raise AbsentNodeError for a camera that the segmenter does not have, or has not after some time."""
        end_s = time.monotonic() + DISCOVERY_S
        while camera not in (cameras := self._client.cameras()):
            if time.monotonic() > end_s:
                known = f"one of {', '.join(repr(name_of(each)) for each in cameras)}; choose one"
                absent = "an active segmenter, which has some; start it, or wait until it is active"
                raise AbsentNodeError(
                    f"the segmenter has no camera {name_of(camera)!r}, expected {known if cameras else absent}"
                )
            await asyncio.sleep(0.05)

    async def _in_view(self, name: str, camera: str, is_looked_for: bool) -> Any:
        return await asyncio.wrap_future(self._client.is_in_view(name, camera)) if is_looked_for else None

    async def _remembered(self, word: str) -> Any:
        return await asyncio.wrap_future(self._client.find(word))

    async def _remembered_of(self, words: Sequence[str]) -> dict[str, Any]:
        return {word: await self._remembered(word) for word in words}


async def at_once(*work: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Return what each of several gives, or the error that it raises.

    Not by asyncio's gather: cancelled after the last of them has answered, that raises what anyio's scopes, in which
    the SDK runs the calls, do not know as theirs, and the whole server ends.
    """
    found: list[Any] = [None] * len(work)

    async def do(index: int) -> None:
        try:
            found[index] = await work[index]()
        except Exception as error:
            found[index] = error

    async with anyio.create_task_group() as tasks:
        for index in range(len(work)):
            tasks.start_soon(do, index)
    return found


def _or_note(found: Any, otherwise: Any) -> Any:
    """Return what was found; what could not be asked is a note, and no failure of the whole."""
    if isinstance(found, ClientError):
        return otherwise
    if isinstance(found, BaseException):
        raise found
    return found


def _notes(*found: Any) -> list[str]:
    return [sentence(str(each)) for each in found if isinstance(each, ClientError)]


def _finite(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None
