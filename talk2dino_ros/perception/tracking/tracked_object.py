# SPDX-License-Identifier: Apache-2.0
"""Tracked objects and their tracks: state, position and confidence from the detections.

A region flickers: it is missed in one image and seen where nothing is in another. An object is what remains when one
image alone neither makes nor ends a belief.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.errors import Talk2DinoError

Box = tuple[int, int, int, int]  # x, y, width, height in pixels
Vector = tuple[float, float, float]
UNKNOWN_EXTENT: Vector = (0.0, 0.0, 0.0)


class TrackerError(Talk2DinoError):
    """Invalid tracker option or detection."""


class TrackState(IntEnum):
    """State of a tracked object; the values are those of talk2dino_msgs/TrackedObject."""

    TENTATIVE = 0
    CONFIRMED = 1
    LOST = 2


@dataclass(frozen=True)
class TrackerOptions:
    """Options for confirmation, association, loss and expiry of tracked objects.

    confirm_detections, confirm_window: an object is confirmed when it was seen in so many of the last images: one
        wrong mask must not move a robot, and one missing mask must not hide an object that is there.
    new_confidence: a detection below it starts no object, as what is doubted at first sight mostly is nothing. A region
        that could as well be something else, or nothing, has 0.5, however many words there are.
    keep_confidence: a detection of a known object counts down to this lower confidence, as an object that was seen well
        does not go because it is seen badly: with one threshold it would come and go around it.
    association_distance_m: a detection so far from where its object was seen last may still be it. More lets a faster
        object or a noisier depth keep its id, less keeps two objects of one class apart.
    association_overlap: where depth is missing, boxes that overlap so much (intersection over union) are the same
        object. Less lets a faster camera keep its ids, more keeps neighbours apart.
    lost_after: a confirmed object is lost when so many images in a row miss it: single images miss what is there.
    expiry_s: a lost object keeps its id for so long, so that a robot that turns away and back finds the same object;
        longer keeps what was carried away.
    position_smoothing: the older detections' share in a position: depth is noisy, so a mean is nearer to the truth;
        an object that moves needs less, as its mean lags behind it. 0.0: the last detection alone.
    """

    confirm_detections: int = 3
    confirm_window: int = 5
    new_confidence: float = 0.55
    keep_confidence: float = 0.5
    association_distance_m: float = 0.5
    association_overlap: float = 0.3
    lost_after: int = 5
    expiry_s: float = 30.0
    position_smoothing: float = 0.8

    def __post_init__(self) -> None:
        for field in fields(self):
            low, high = RANGES[field.name]
            if not low <= getattr(self, field.name) <= high:  # NaN is not
                raise TrackerError(
                    f"{field.name} is {getattr(self, field.name)}, expected {low} to {high}; choose one in between"
                )
        if self.confirm_detections > self.confirm_window:
            raise TrackerError(
                f"confirm_detections is {self.confirm_detections} of the last {self.confirm_window} images, "
                "expected at most all of them; lower it or raise confirm_window"
            )
        if self.keep_confidence > self.new_confidence:
            raise TrackerError(
                f"keep_confidence is {self.keep_confidence}, expected at most new_confidence, {self.new_confidence}; "
                "lower it, as a known object needs less evidence than a new one"
            )


# Lowest and highest value of each option, both allowed.
RANGES: dict[str, tuple[float, float]] = {
    "confirm_detections": (1, 100),
    "confirm_window": (1, 100),
    "new_confidence": (0.0, 1.0),
    "keep_confidence": (0.0, 1.0),
    "association_distance_m": (0.01, 100.0),
    "association_overlap": (0.01, 0.99),
    "lost_after": (1, 1000),
    "expiry_s": (0.0, 86400.0),
    "position_smoothing": (0.0, 0.99),
}


@dataclass(frozen=True)
class Detection:
    """One detection: a region of one image.

    confidence: 0..1. box: x, y, width, height in pixels. position, covariance (row-major 3x3, m^2) and extent: metres
    in the frame that `Objects.update` is told; None without depth.
    """

    class_id: int
    class_name: str
    confidence: float
    box: Box
    position: Vector | None = None
    covariance: tuple[float, ...] | None = None
    extent: Vector | None = None

    def __post_init__(self) -> None:
        numbers = (self.confidence, *(self.position or ()), *(self.covariance or ()), *(self.extent or ()))
        if not all(map(math.isfinite, numbers)) or not 0 <= self.confidence <= 1:
            raise TrackerError(
                f"a detection of {self.class_name!r} has confidence {self.confidence}, position {self.position}, "
                f"covariance {self.covariance} and extent {self.extent}, expected finite numbers and a confidence of "
                "0 to 1; leave the position out where depth has none"
            )


@dataclass(frozen=True)
class TrackedObject:
    """Tracked object, as in talk2dino_msgs/TrackedObject; the position is None where none was ever measured."""

    id: int
    state: TrackState
    class_id: int
    class_name: str
    confidence: float
    detections: int
    position: Vector | None
    covariance: tuple[float, ...] | None
    extent: Vector | None
    first_seen_ns: int
    last_seen_ns: int
    box: Box


class Track:
    """Track of one object; call `see` or `miss` for each image.

    last_position: where it was seen last, metres; None before the first detection with depth. A moving object is looked
    for there and not at its mean, which lags behind it.
    """

    def __init__(self, object_id: int, options: TrackerOptions) -> None:
        self.id = object_id
        self.state = TrackState.TENTATIVE
        self.class_id = 0
        self.last_position: Vector | None = None
        self.last_seen_ns = 0
        self.box: Box = (0, 0, 0, 0)
        self._options = options
        self._class_name = ""
        self._first_seen_ns = 0
        self._detections = 0
        self._seen: deque[bool] = deque(maxlen=options.confirm_window)
        self._confidences: deque[float] = deque(maxlen=options.confirm_window)
        self._missed = 0  # images in a row
        self._place: _Place | None = None

    def see(self, stamp_ns: int, detection: Detection) -> None:
        """Update with the detection of one image."""
        if not self._detections:
            self._first_seen_ns, self._class_name = stamp_ns, detection.class_name
        self.class_id, self.box, self.last_seen_ns = detection.class_id, detection.box, stamp_ns
        self._detections += 1
        self._missed = 0
        self._seen.append(True)
        self._confidences.append(detection.confidence)
        if detection.position is not None:
            self.last_position = detection.position
            if self._place is None:
                self._place = _Place(self._options.position_smoothing)
            self._place.add(detection.position, detection.covariance, detection.extent)
        if sum(self._seen) >= self._options.confirm_detections:
            self.state = TrackState.CONFIRMED

    def miss(self) -> None:
        """Update with an image that has no detection of it."""
        self._missed += 1
        self._seen.append(False)
        if self.state == TrackState.CONFIRMED and self._missed >= self._options.lost_after:
            self.state = TrackState.LOST

    def is_over(self, stamp_ns: int) -> bool:
        """Whether to drop it: expired, or never confirmed and in none of the last images."""
        is_noise = self.state == TrackState.TENTATIVE and not any(self._seen)
        return is_noise or stamp_ns - self.last_seen_ns > self._options.expiry_s * 1e9

    @property
    def is_found_by_box(self) -> bool:
        """Whether boxes may associate it; not a lost object with a position, as the camera may have turned since."""
        return self._place is None or self.state != TrackState.LOST

    def tracked(self) -> TrackedObject:
        """Return its present state as a tracked object."""
        place = self._place
        return TrackedObject(
            id=self.id,
            state=self.state,
            class_id=self.class_id,
            class_name=self._class_name,
            confidence=sum(self._confidences) / len(self._confidences),
            detections=self._detections,
            position=_vector(place.mean) if place else None,
            covariance=tuple(place.covariance.reshape(-1).tolist()) if place else None,
            extent=_vector(place.extent) if place else None,
            first_seen_ns=self._first_seen_ns,
            last_seen_ns=self.last_seen_ns,
            box=self.box,
        )


class _Place:
    """The mean of an object's positions, older ones counting less and less.

    Not weighted by the covariances: they say how far the surface spreads, not how wrong the position is, and an object
    that is half outside of the image spreads less and would count more.
    """

    def __init__(self, smoothing: float) -> None:
        self.mean = np.zeros(3)
        self.covariance = np.zeros((3, 3))
        self.extent = np.zeros(3)
        self._smoothing = smoothing
        self._weight = 0.0  # of all detections so far, the last one's being 1

    def add(self, position: Vector, covariance: tuple[float, ...] | None, extent: Vector | None) -> None:
        """Take in one detection: the plain mean at first, then the exponential one."""
        self._weight = self._smoothing * self._weight + 1.0
        gain = 1.0 / self._weight
        step = np.asarray(position) - self.mean
        spread = np.zeros((3, 3)) if covariance is None else np.reshape(covariance, (3, 3))
        # the law of total variance: the surface's own spread, and that of the positions about their mean
        self.covariance = (1 - gain) * (self.covariance + gain * np.outer(step, step)) + gain * spread
        self.mean = self.mean + gain * step
        self.extent = self.extent + gain * (np.asarray(extent or UNKNOWN_EXTENT) - self.extent)


def _vector(array: NDArray[np.float64]) -> Vector:
    x, y, z = array.tolist()
    return x, y, z
