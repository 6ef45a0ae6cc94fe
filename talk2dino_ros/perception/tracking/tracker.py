# SPDX-License-Identifier: Apache-2.0
"""Multi-object tracker: association, confirmation, loss and expiry.

Tracks are kept per class name; positions are in one frame, which has to be a fixed one (`target_frame`) where the
camera moves. Nothing is predicted: an object is looked for where it was seen last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from talk2dino_ros.perception.tracking.association import Array, best_pairs, overlap_gains, position_gains
from talk2dino_ros.perception.tracking.tracked_object import (
    Detection,
    Track,
    TrackedObject,
    TrackerError,
    TrackerOptions,
    TrackState,
)

__all__ = ["Detection", "TrackState", "TrackedObject", "Tracker", "TrackerError", "TrackerOptions"]

_ORDER = {TrackState.CONFIRMED: 0, TrackState.LOST: 1, TrackState.TENTATIVE: 2}
# The association's time grows with the cube of a class's tracks: 500 take a sixth of a second.
MOST_OF_A_CLASS = 500
MOST_TRACKS = 1000
_NOWHERE = (np.nan, np.nan, np.nan)


class Tracker:
    """Tracker of one camera's objects (two cameras' stamps need not ascend together). Not for two threads at a time.

    It follows at most MOST_OF_A_CLASS objects of a class and MOST_TRACKS in all; beyond, the longest lost of the class
    give way to what is seen, and if there is none, a detection has no object.
    """

    def __init__(self, options: TrackerOptions | None = None) -> None:
        """Start without objects."""
        self._options = options or TrackerOptions()
        self._tracks: dict[str, list[Track]] = {}  # by class name
        self._next_id = 1
        self._stamp_ns: int | None = None
        self._frame_id = ""

    def update(
        self, stamp_ns: int, frame_id: str, detections: Sequence[Detection], labels: Mapping[int, str]
    ) -> list[int]:
        """Update with all detections of one image; return the id of each detection's object, 0: none.

        frame_id: of the positions. labels: id to name of the vocabulary that the image was segmented with.
        A stamp that goes back (a bag that loops) and another frame make everything forgotten; ids go on. A class
        that left the vocabulary takes its objects with it; one with another id keeps them.
        Raises TrackerError, and changes nothing, for a detection that does not fit the labels.
        """
        _check_labels(detections, labels)
        if frame_id != self._frame_id or (self._stamp_ns is not None and stamp_ns < self._stamp_ns):
            self.clear()
        self._stamp_ns, self._frame_id = stamp_ns, frame_id
        self._adopt(labels)
        self._forget(stamp_ns)
        seen: dict[str, list[int]] = {name: [] for name in self._tracks}
        for number, detection in enumerate(detections):
            if detection.confidence >= self._options.keep_confidence:
                seen.setdefault(detection.class_name, []).append(number)
        ids = [0] * len(detections)
        for name, numbers in seen.items():
            found = self._follow(name, stamp_ns, [detections[number] for number in numbers])
            for number, object_id in zip(numbers, found, strict=True):
                ids[number] = object_id
        self._forget(stamp_ns)
        return ids

    def objects(self) -> list[TrackedObject]:
        """Return the objects after the last image: the confirmed, then the lost, then the tentative, by id."""
        known = [track.tracked() for tracks in self._tracks.values() for track in tracks]
        return sorted(known, key=lambda tracked: (_ORDER[tracked.state], tracked.id))

    def clear(self) -> None:
        """Forget all objects; their ids are not reused."""
        self._tracks.clear()
        self._stamp_ns = None

    def _adopt(self, labels: Mapping[int, str]) -> None:
        """Drop the classes that left the vocabulary, renumber those that stayed."""
        class_ids = {name: class_id for class_id, name in labels.items()}
        self._tracks = {name: tracks for name, tracks in self._tracks.items() if name in class_ids}
        for name, tracks in self._tracks.items():
            for track in tracks:
                track.class_id = class_ids[name]

    def _forget(self, stamp_ns: int) -> None:
        for name, tracks in list(self._tracks.items()):
            tracks[:] = [track for track in tracks if not track.is_over(stamp_ns)]
            if not tracks:
                del self._tracks[name]

    def _follow(self, name: str, stamp_ns: int, detections: Sequence[Detection]) -> list[int]:
        """Tell one class's tracks what was seen of them, and start new ones; return the id of each detection's."""
        tracks = self._tracks.setdefault(name, [])
        _make_room(tracks, len(detections))
        pairs = dict(best_pairs(self._gains(detections, tracks)))
        for index in set(range(len(tracks))) - set(pairs.values()):
            tracks[index].miss()
        ids = []
        for row, detection in enumerate(detections):
            track = tracks[pairs[row]] if row in pairs else self._start(detection, tracks)
            if track is not None:
                track.see(stamp_ns, detection)
            ids.append(track.id if track is not None else 0)
        return ids

    def _start(self, detection: Detection, tracks: list[Track]) -> Track | None:
        is_full = len(tracks) >= MOST_OF_A_CLASS or sum(map(len, self._tracks.values())) >= MOST_TRACKS
        if is_full or detection.confidence < self._options.new_confidence:
            return None
        tracks.append(Track(self._next_id, self._options))
        self._next_id += 1
        return tracks[-1]

    def _gains(self, detections: Sequence[Detection], tracks: Sequence[Track]) -> Array:
        """Return how well each detection fits each track [N, M]: by position where both have one, else by box."""
        here = np.array([detection.position or _NOWHERE for detection in detections]).reshape(-1, 3)
        there = np.array([track.last_position or _NOWHERE for track in tracks]).reshape(-1, 3)
        by_position = position_gains(here, there, self._options.association_distance_m)
        boxes = np.array([detection.box for detection in detections], np.float64).reshape(-1, 4)
        last_boxes = np.array([track.box for track in tracks], np.float64).reshape(-1, 4)
        by_box = overlap_gains(boxes, last_boxes, self._options.association_overlap)
        by_box[:, [not track.is_found_by_box for track in tracks]] = 0.0
        have_both = ~np.isnan(here[:, None, 0]) & ~np.isnan(there[None, :, 0])
        return np.where(have_both, by_position, by_box)


def _make_room(tracks: list[Track], wanted: int) -> None:
    """Drop the longest lost ones where what is seen may need their places."""
    too_many = max(len(tracks) + wanted - MOST_OF_A_CLASS, 0)
    lost = sorted((each for each in tracks if each.state == TrackState.LOST), key=lambda each: each.last_seen_ns)
    gone = {each.id for each in lost[:too_many]}
    tracks[:] = [each for each in tracks if each.id not in gone]


def _check_labels(detections: Sequence[Detection], labels: Mapping[int, str]) -> None:
    for detection in detections:
        if labels.get(detection.class_id) != detection.class_name:
            raise TrackerError(
                f"a detection is of class {detection.class_id}, {detection.class_name!r}, expected "
                f"{labels.get(detection.class_id)!r} as in the labels; give the labels of the image's own vocabulary"
            )
