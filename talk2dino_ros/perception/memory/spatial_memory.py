# SPDX-License-Identifier: Apache-2.0
"""The memory of one map: keyframes on disk, voxels made of them, and what can be asked of both. Read this file first.

One thread at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.engine.errors import ImageError, Talk2DinoError
from talk2dino_ros.perception.memory.disk.keyframe_store import FeatureKind, KeyframeStore
from talk2dino_ros.perception.memory.feature_basis import MOST_DIMENSIONS, FeatureBasis, to_codes, unit_vectors
from talk2dino_ros.perception.memory.image_gate import RejectedImageError
from talk2dino_ros.perception.memory.keyframe import FARTHEST_M, Keyframe, to_millimetres
from talk2dino_ros.perception.memory.memory_kernels import BITS
from talk2dino_ros.perception.memory.place_finder import ANYWHERE, FoundPlace, Search, Winners, find_places
from talk2dino_ros.perception.memory.remembered_view import RememberedPicture, outlined
from talk2dino_ros.perception.memory.sensor_pose import SensorPose
from talk2dino_ros.perception.memory.thinning import in_order_of_worth
from talk2dino_ros.perception.memory.voxel_map import VoxelMap, voxel_centres
from talk2dino_ros.perception.memory.word_query import WordQuery, scores_of

MAX_RANGE_M = 6.0  # of the patches that are remembered, unless it is set
MOST_PLACES = 10_000  # that are known by their ids, before the oldest are not
OTHER_VIEWS = 20  # that are tried where a place's best one is gone
THIN_TO = 0.95  # of max_bytes, so that not every keyframe makes one go


class ForgottenPlaceError(Talk2DinoError):
    """A place's id that is not, or no longer, known."""


@dataclass(frozen=True, eq=False)
class SeenImage:
    """An image as it comes, N patches.

    features: float [N, D], of any length. points: float [N, 3], metres in the map; NaN where there is no depth.
    centres: float [N, 2] and patch_size (height, width) in pixels of the picture.
    """

    stamp_ns: int
    camera: str
    pose: SensorPose
    features: NDArray[np.floating]
    points: NDArray[np.floating]
    centres: NDArray[np.floating]
    patch_size: tuple[float, float]
    jpeg: bytes


@dataclass(frozen=True)
class Finding:
    """places: with their ids, best first. best_score, best_margin: the highest of any voxel; None of an empty map.

    refused: where there are no places, the best one that has too little evidence, of those that would else be wanted.
    """

    places: list[tuple[int, FoundPlace]]
    best_score: float | None
    best_margin: float | None
    refused: FoundPlace | None = None

    @property
    def best_evidence(self) -> float | None:
        """Of the best place, the refused one too; None where the word wins nowhere."""
        best = self.places[0][1] if self.places else self.refused
        return best.evidence if best else None


@dataclass(frozen=True, eq=False)
class KeyframeReach:
    """When and from where a keyframe was taken, and the box around its points."""

    stamp_ns: int
    pose: SensorPose
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def touches(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> bool:
        """Whether the two boxes share a point."""
        return bool((self.low <= high).all() and (self.high >= low).all())


def in_reach(seen: SeenImage, max_range_m: float) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_]]:
    """Return an image's features at length 1, its points as the camera has them, and which patches have both.

    Raises RejectedImageError where no patch has.
    """
    units, good = unit_vectors(seen.features)
    with np.errstate(invalid="ignore", over="ignore"):  # of points that are nowhere
        points = seen.pose.to_sensor(seen.points)
        good &= np.linalg.norm(points, axis=1) <= min(max_range_m, FARTHEST_M)
    if not good.any():
        raise RejectedImageError(
            "no depth",
            f"none of the {len(good)} patches has a point within {max_range_m:g} m, expected depth for some; look at "
            "the depth image, or raise max_range_m",
        )
    return units, points, good


class SpatialMemory:
    """Remember images in a store, and find places in it by words.

    cell_m: side of a voxel. max_range_m: patches farther away are left out. max_bytes: on disk, beyond which the
    keyframes that are worth least go; 0: without limit. thinned: how many have gone so. places: those that are known by
    their ids. reaches: of the keyframes, by their ids. See memory_changes.py for what changes the past.
    """

    def __init__(
        self,
        store: KeyframeStore,
        *,
        cell_m: float,
        max_range_m: float = FARTHEST_M,
        max_bytes: int = 0,
        most_dimensions: int = MOST_DIMENSIONS,
    ) -> None:
        self.store = store
        self.max_range_m = max_range_m
        self.max_bytes = max_bytes
        self.thinned = 0
        self.cell_m = cell_m
        self._most = most_dimensions
        self.places: dict[int, FoundPlace] = {}
        self._next_place = 1
        self.rebuild()

    def rebuild(self) -> None:
        """Make the voxels anew from the keyframes; damaged ones are left out, and noted by the store."""
        directions = self.store.directions
        self._basis = FeatureBasis(directions, max(min(self._most, directions.shape[1]), len(directions)))
        self.voxels = VoxelMap(self.cell_m, self._basis.most)
        self.reaches: dict[int, KeyframeReach] = {}
        for number, keyframe in self.store:
            self._take(number, keyframe)

    @property
    def keyframes(self) -> int:
        """How many keyframes there are."""
        return len(self.reaches)

    @property
    def floor_m2(self) -> float:
        """Square metres of floor over which there are voxels."""
        columns = self.voxels.keys[self.voxels.columns["detections"] > 0] >> BITS
        return len(np.unique(columns)) * self.cell_m**2

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the voxels take."""
        return self.voxels.nbytes

    def remember(self, seen: SeenImage, kind: FeatureKind) -> int:
        """Write an image as a keyframe and take it into the map; return the keyframe's id.

        Raises RejectedImageError where no patch has a place, StoreError where it cannot be among the others, or cannot
        be written; then nothing has changed.
        """
        self.store.check_kind(kind)
        units, points, good = in_reach(seen, self.max_range_m)
        known = self._basis if self.store.kind else FeatureBasis.empty(kind.dimensions, self._most)
        basis = known.grown_for(units[good])
        codes, scales = to_codes(basis.coefficients(units[good]))
        centres = np.rint(seen.centres[good]).clip(0, 65535).astype(np.uint16)
        keyframe = Keyframe(
            seen.stamp_ns,
            seen.camera,
            seen.pose,
            codes,
            scales,
            to_millimetres(points[good]),
            centres,
            seen.patch_size,
            seen.jpeg,
        )
        number = self.store.add(keyframe, kind, basis.directions[len(known) :])
        if self.voxels.width != basis.most:  # the first of all
            self.voxels = VoxelMap(self.cell_m, basis.most)
        self._basis = basis
        self._take(number, keyframe)
        self._thin(number)
        return number

    def find(self, query: WordQuery, search: Search = ANYWHERE, *, since_ns: int = 0) -> Finding:
        """Find the places where a word wins, seen since a stamp; where there are none, say how close the best came."""
        winners = self.compare(query)
        among = (self.voxels.columns["detections"] > 0) & (self.voxels.columns["last_ns"] >= since_ns)
        if not among.any():
            return Finding([], None, None)
        places = find_places(self.voxels, query, winners, among, search)
        refused = [] if places else find_places(self.voxels, query, winners, among, search.for_the_best())
        return Finding(
            [(self._number(place), place) for place in places],
            float(scores_of(winners.best[among].max())),
            winners.best_margin(among),
            refused[0] if refused else None,
        )

    def compare(self, query: WordQuery) -> Winners:
        """Compare every voxel with a query's words."""
        if not len(self._basis):
            return Winners(np.empty(0, np.float32), np.empty(0, np.float32))
        return Winners.of(self.voxels, query, self._basis.coefficients(query.vectors))

    def place(self, number: int) -> FoundPlace:
        """Return a place that `find` has answered; raise ForgottenPlaceError where it is not known any more."""
        if number not in self.places:
            raise ForgottenPlaceError(
                f"there is no place {number}, expected the id of one that was found; find it again"
            )
        return self.places[number]

    def view(self, number: int) -> tuple[RememberedPicture, Keyframe]:
        """Return the picture that shows a place best, outlined, and its keyframe.

        Raises ForgottenPlaceError or ImageError.
        """
        place = self.place(number)
        last: ImageError | None = None
        for each in self._views(place):
            keyframe = self.store.read(each)
            try:
                if keyframe is not None:
                    return outlined(keyframe, place.keys, self.cell_m), keyframe
            except ImageError as error:
                last = error
        raise last or ImageError(f"no picture of place {number} is kept any more, expected one; find it again")

    def _take(self, number: int, keyframe: Keyframe) -> None:
        points = keyframe.points
        self.reaches[number] = KeyframeReach(keyframe.stamp_ns, keyframe.pose, points.min(axis=0), points.max(axis=0))
        self.voxels.add(keyframe, number)

    def _number(self, place: FoundPlace) -> int:
        number, self._next_place = self._next_place, self._next_place + 1
        self.places[number] = place
        if len(self.places) > MOST_PLACES:
            del self.places[next(iter(self.places))]
        return number

    def _views(self, place: FoundPlace) -> list[int]:
        """Return the ids of keyframes that may show a place: the best one first, then the newest."""
        centres = voxel_centres(place.keys, self.cell_m)
        low, high = centres.min(axis=0), centres.max(axis=0)
        others = [number for number, reach in self.reaches.items() if reach.touches(low, high) and number != place.view]
        newest = sorted(others, key=lambda number: -self.reaches[number].stamp_ns)[:OTHER_VIEWS]
        return [place.view, *newest]

    def _thin(self, newest: int) -> None:
        """Let the keyframes go that are worth least, where there are too many bytes; voxels stay until a rebuild."""
        size = self.store.bytes_on_disk() if self.max_bytes else 0
        if size <= self.max_bytes or len(self.reaches) < 2:
            return
        stamps = {number: reach.stamp_ns for number, reach in self.reaches.items() if number != newest}
        share = 1 - THIN_TO * self.max_bytes / size
        gone = in_order_of_worth(stamps, self.voxels)[: max(1, round(share * len(stamps)))]
        self.store.change([], gone)
        for number in gone:
            del self.reaches[number]
        self.thinned += len(gone)


def compile_loops() -> None:
    """Compile what the first image and the first word would otherwise wait for; kept from then on."""
    patch = Keyframe(
        0,
        "",
        SensorPose((0, 0, 0), (0, 0, 0, 1)),
        np.zeros((1, 1), np.int8),
        np.ones(1, np.float32),
        np.zeros((1, 3), np.int16),
        np.zeros((1, 2), np.uint16),
    )
    voxels = VoxelMap(1.0, 1)
    voxels.add(patch, 0)
    query = WordQuery("", np.ones((2, 1), np.float32), None, 1.0)
    find_places(voxels, query, Winners.of(voxels, query, query.vectors), np.ones(1, np.bool_))
