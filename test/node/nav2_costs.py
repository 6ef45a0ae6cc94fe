# SPDX-License-Identifier: Apache-2.0
"""What Nav2's semantic_segmentation_layer (kiwicampus, rolling a70cf6e) makes of masks: costs, by its rules.

The plane is cut into tiles of the costmap's resolution. Of each image a tile takes one pixel, and keeps it for the
decay time. One class of a tile is its dominant one, and decides what is written into the costmap; a tile that nothing
is known of is not written, so that its cell keeps the last cost for good.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Tile = tuple[int, int]


@dataclass(frozen=True)
class Cost:
    """A class type's parameters."""

    base_cost: int = 0
    max_cost: int = 0
    mark_confidence: int = 0
    samples_to_max_cost: int = 0
    dominant_priority: bool = False


class Sample(NamedTuple):
    confidence: float
    stamp_s: float


@dataclass
class Queues:
    """A tile's samples by class id, and which class is the dominant one."""

    samples: dict[int, deque[Sample]] = field(default_factory=lambda: defaultdict(deque))
    dominant: int | None = None

    def push(self, class_id: int, sample: Sample, *, has_priority: bool) -> None:
        """Take a sample; a class takes over by its priority or by more samples, and the others' are dropped then."""
        most = len(self.samples[self.dominant]) if self.dominant is not None else 0
        self.samples[class_id].append(sample)
        if class_id == self.dominant or not (has_priority or len(self.samples[class_id]) > most):
            return
        if self.dominant is not None:
            self.samples = defaultdict(deque, {class_id: self.samples[class_id]})
        self.dominant = class_id

    def purge(self, oldest_s: float) -> None:
        """Drop what is older; without its samples the dominant class is replaced by the one that has the most."""
        for class_id, queue in list(self.samples.items()):
            while queue and queue[0].stamp_s < oldest_s:
                queue.popleft()
            if not queue:
                del self.samples[class_id]
        if self.dominant not in self.samples:
            self.dominant = max(self.samples, key=lambda each: len(self.samples[each]), default=None)


class Costs:
    """The layer's tiles and costmap. costs: each class name's, as the class types list them."""

    def __init__(
        self,
        costs: dict[str, Cost],
        *,
        resolution_m: float = 0.05,
        decay_s: float = 5.0,
        distance_m: tuple[float, float] = (0.3, 5.0),
        use_cost_selection: bool = True,
    ) -> None:
        self.costmap: dict[Tile, int] = {}
        self.ignored: set[str] = set()  # names that the layer calls a CRITICAL ERROR
        self._costs = costs
        self._resolution_m = resolution_m
        self._decay_s = decay_s
        self._distance_m = distance_m
        self._use_cost_selection = use_cost_selection
        self._by_id: dict[int, Cost] = {}
        self._tiles: dict[Tile, Queues] = defaultdict(Queues)

    def on_label_info(self, names: dict[int, str]) -> None:
        """Take what ids mean from now on; what the tiles hold stays under the old ids."""
        self.ignored |= set(names.values()) - set(self._costs)
        self._by_id = {each: self._costs[name] for each, name in names.items() if name in self._costs}

    def on_image(
        self,
        class_ids: npt.NDArray[np.uint8],
        confidence: npt.NDArray[np.uint8],
        points: npt.NDArray[np.float32],
        stamp_s: float,
        sensor: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        """Take mask and confidence [H, W] and the points [H, W, 3] of their pixels, in the costmap's frame."""
        for queues in self._tiles.values():
            queues.purge(stamp_s - self._decay_s)
        for tile, pixel in self._best_pixels(class_ids.ravel(), confidence.ravel(), points.reshape(-1, 3), sensor):
            class_id = int(class_ids.ravel()[pixel])
            if class_id in self._by_id:  # unlabeled pixels win tiles, and are then passed over
                sample = Sample(float(confidence.ravel()[pixel]), stamp_s)
                self._tiles[tile].push(class_id, sample, has_priority=self._by_id[class_id].dominant_priority)

    def update(self, now_s: float) -> None:
        """Write the costmap, as the costmap's own update does at its rate."""
        for tile, queues in list(self._tiles.items()):
            queues.purge(now_s - self._decay_s)
            if queues.dominant is None:
                del self._tiles[tile]
                continue
            samples = queues.samples[queues.dominant]
            cost = self._by_id.get(queues.dominant, Cost())
            mean = sum(sample.confidence for sample in samples) / len(samples)
            is_marked = len(samples) >= cost.samples_to_max_cost and mean > cost.mark_confidence
            self.costmap[tile] = cost.max_cost if is_marked else cost.base_cost

    def tile_at(self, x: float, y: float) -> Tile:
        """The tile of a place in metres."""
        return int(np.floor(x / self._resolution_m)), int(np.floor(y / self._resolution_m))

    def _best_pixels(
        self,
        class_ids: npt.NDArray[np.uint8],
        confidence: npt.NDArray[np.uint8],
        points: npt.NDArray[np.float32],
        sensor: tuple[float, float, float],
    ) -> list[tuple[Tile, int]]:
        """Of each tile that was seen the costliest pixel, or the surest one; of equals the first."""
        distance_m = np.linalg.norm(points - np.float32(sensor), axis=1)
        nearest_m, furthest_m = self._distance_m
        worth = confidence
        if self._use_cost_selection:
            max_costs = np.zeros(256, np.uint8)
            for class_id, cost in self._by_id.items():
                max_costs[class_id] = cost.max_cost
            worth = max_costs[class_ids]
        best: dict[Tile, int] = {}
        for pixel in np.flatnonzero((distance_m > nearest_m) & (distance_m < furthest_m)).tolist():  # NaN is neither
            tile = self.tile_at(*points[pixel, :2])
            if tile not in best or worth[pixel] > worth[best[tile]]:
                best[tile] = pixel
        return list(best.items())
