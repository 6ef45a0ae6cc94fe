# SPDX-License-Identifier: Apache-2.0
"""The desk's source: a thread has the engine segment what is looked at, with the words of the moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.doctor.health_finding import HealthFinding, Level
from talk2dino_ros.perception.points_of_interest import PointOfInterest, find_points
from talk2dino_ros.perception.presence import Presence, presences_of
from talk2dino_ros.perception.space.regions import layers_of
from talk2dino_ros.viz.overlay import overlay, with_answers
from talk2dino_ros.web.desk.desk_camera import DeskCamera, LostImages
from talk2dino_ros.web.jpeg import to_jpeg
from talk2dino_ros.web.web_source import (
    ConflictError,
    PageCamera,
    PagePlace,
    PagePoint,
    PageState,
    SeenClass,
    Snapshot,
    WebError,
    WordsReply,
    no_camera,
    page_class,
    page_color,
)

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmentation, Segmenter, Vocabulary

Rgb = npt.NDArray[np.uint8]
IDLE_S = 0.02  # between two looks for an image that is due
MOST_DETAIL = 1600  # pixels of an overlay's long side on the page


@dataclass
class _View:
    """What is known of a camera's newest image. number, version: of the image and the words it was segmented with."""

    page: PageCamera
    jpeg: bytes = b""
    rgb: Rgb | None = None
    mask: npt.NDArray[np.uint8] | None = None
    number: int = 0
    version: int = 0
    labels: dict[int, str] = field(default_factory=dict)


class DeskSource:
    """Segments the cameras of a desk in a thread of its own. on_change: see PageSource."""

    def __init__(
        self,
        segmenter: Segmenter,
        vocabulary: Vocabulary,
        cameras: Mapping[str, DeskCamera],
        health: Sequence[HealthFinding] = (),
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._segmenter = segmenter
        self._vocabulary = vocabulary.with_ids(vocabulary.ids, time.time_ns())
        self._cameras = cameras
        self._health = tuple(health)
        self._views = {name: _View(PageCamera(name)) for name in cameras}
        self._watched: frozenset[str] = frozenset()
        self._notice = ""
        self._lost = LostImages()
        self._words_lock = threading.Lock()
        self._closed = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="segmentation", daemon=True)
        self._thread.start()

    def state(self) -> PageState:
        """Return what is to be shown now."""
        vocabulary = self._vocabulary
        entries = zip(vocabulary.classes, vocabulary.ids, strict=True)
        return PageState(
            self._segmenter.model.name,
            vocabulary.version,
            tuple(page_class(entry.text, class_id) for entry, class_id in entries),
            tuple(view.page for view in self._views.values()),
            self._segmenter.options.background,
            (*self._flaws(), *self._health),
            notice=self._notice,
        )

    def _flaws(self) -> list[HealthFinding]:
        return [HealthFinding(name, each.flaw, Level.NOTE) for name, each in self._cameras.items() if each.flaw]

    def overlay(self, camera: str) -> tuple[int, bytes] | None:
        """Return number and JPEG of a camera's newest overlay."""
        view = self._views.get(camera)
        return (view.page.number, view.jpeg) if view and view.jpeg else None

    def watch(self, cameras: frozenset[str]) -> None:
        """Segment these from now on."""
        self._watched = cameras
        self._wake.set()

    def set_words(self, classes: Sequence[str], expected_version: int) -> WordsReply:
        """Encode the words, while the images go on with the old ones. Raises ConflictError, VocabularyError."""
        with self._words_lock:
            old = self._vocabulary
            if expected_version not in (0, old.version):
                raise ConflictError(
                    "the words were changed meanwhile by another page, expected those that this page shows; they are "
                    "shown now, change them again"
                )
            self._tell("reading the words")
            try:
                new = self._segmenter.encode_vocabulary(classes, old)
            finally:
                self._tell("")
            self._vocabulary = new.with_ids(new.ids, time.time_ns())
        self._wake.set()
        self.on_change()
        now = self.state()
        return WordsReply(now.version, now.classes, " ".join(new.warnings))

    def _tell(self, notice: str) -> None:
        self._notice = notice
        self.on_change()

    def snapshot(self, camera: str) -> Snapshot:
        """Return the newest image. Raises WebError where there is none."""
        view = self._views.get(camera)
        if view is None or view.rgb is None or view.mask is None:
            raise no_camera(camera, [name for name, view in self._views.items() if view.rgb is not None])
        labels = {str(class_id): name for class_id, name in view.labels.items()}
        facts = {"model": self._segmenter.model.name, "vocabulary_version": str(view.version), "labels": labels}
        return Snapshot(view.rgb, view.mask, {**facts, **asdict(view.page)})

    def go_to(self, class_name: str, object_id: int) -> None:
        """Raise WebError."""
        raise WebError(
            f"there is no robot to send to {class_name[:60]!r}, expected one; start the robot's page (web:=true)"
        )

    def stop_going(self) -> None:
        """Do nothing."""

    def find(self, word: str) -> tuple[str, tuple[PagePlace, ...]]:
        """Raise WebError."""
        raise WebError(
            "there is no memory to ask, expected one; start the robot's page (web:=true) and the node memory"
        )

    def close(self) -> None:
        """End the thread, and close the files."""
        self._closed.set()
        self._wake.set()
        self._thread.join()
        for camera in self._cameras.values():
            camera.close()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            looked = [self._look(name) for name in sorted(self._watched)]
            if not any(looked):
                self._wake.wait(IDLE_S)

    def _look(self, name: str) -> bool:
        """Segment a camera's image where it or the words are new; return whether."""
        view, vocabulary = self._views[name], self._vocabulary
        is_same = view.version == vocabulary.version
        try:
            # new words are a reason to try again what could not be shown
            newest = self._cameras[name].newest(view.number if is_same or view.rgb is not None else 0)
            if newest is None and (is_same or view.rgb is None):
                return False
            number, rgb = newest or (view.number, view.rgb)
            if rgb is not None:
                self._views[name] = self._segmented(view, number, rgb, vocabulary)
        except Exception as error:  # of libraries, too: the thread outlives every image
            page = PageCamera(name, view.page.number, problem=str(self._lost.told(error, name)))
            self._views[name] = _View(page, number=1, version=vocabulary.version)
        self.on_change()
        return True

    def _segmented(self, view: _View, number: int, rgb: Rgb, vocabulary: Vocabulary) -> _View:
        start_s = time.perf_counter()
        result = self._segmenter.segment(rgb, vocabulary, return_scores=True)
        latency_ms = 1e3 * (time.perf_counter() - start_s)
        labels, questions = vocabulary.labels(), vocabulary.questions()
        points = [point for layer in layers_of(result, labels, questions) for point in find_points(*layer)]
        mask, confidence = with_answers(result)
        page = PageCamera(
            view.page.name,
            view.page.number + 1,
            (rgb.shape[1], rgb.shape[0]),
            round(latency_ms, 1),
            self._cameras[view.page.name].dropped,
            tuple(_seen(mask, confidence, labels | questions)),
            tuple(map(_point, points)),
            tuple(self._presences(vocabulary, result, points)),
        )
        jpeg = to_jpeg(overlay(rgb, mask, {**labels, **questions}), MOST_DETAIL)
        return _View(page, jpeg, rgb, result.class_ids, number, vocabulary.version, vocabulary.mask_labels())

    def _presences(
        self, vocabulary: Vocabulary, result: Segmentation, points: Sequence[PointOfInterest]
    ) -> list[Presence]:
        assert result.scores is not None, "they are asked for above"
        seen = {point.class_id for point in points}
        background, scale = self._segmenter.options.background, self._segmenter.model.logit_scale
        return presences_of(vocabulary, result.scores, seen, background, scale)


def _seen(mask: Any, confidence: Any, labels: Mapping[int, str]) -> list[SeenClass]:
    """Return part of the pixels and mean confidence of each class that is in the mask."""
    counts = np.bincount(mask.reshape(-1), minlength=256)
    sums = np.bincount(mask.reshape(-1), confidence.reshape(-1), minlength=256)
    return [
        SeenClass(name, round(float(counts[i]) / mask.size, 4), round(float(sums[i] / counts[i]) / 255, 3))
        for i, name in labels.items()
        if counts[i]
    ]


def _point(point: PointOfInterest) -> PagePoint:
    color = page_color(point.class_id)
    confidence = round(point.confidence, 3)
    return PagePoint(point.class_name, color, confidence, point.pixel, point.box, reason="no depth is read at a desk")
