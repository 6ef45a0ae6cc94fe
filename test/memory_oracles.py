# SPDX-License-Identifier: Apache-2.0
"""The memory's voxels once more, slowly: plain loops over dictionaries, and rays cut at every border they cross."""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import numpy as np

from talk2dino_ros.perception.memory.keyframe import Keyframe

Cell = tuple[int, int, int]


@dataclass
class SlowVoxel:
    """What voxel_map.py keeps of a voxel."""

    feature: np.ndarray
    weight: float = 0.0
    detections: int = 0
    passed: int = 0
    first_ns: int = 2**62
    last_ns: int = 0
    best: tuple[float, int] = (-1.0, -1)


@dataclass
class SlowMap:
    """Voxels by their cells."""

    cell_m: float
    width: int
    voxels: dict[Cell, SlowVoxel] = field(default_factory=dict)

    def cell(self, point) -> Cell:
        return tuple(math.floor(value / self.cell_m) for value in point)

    def add(self, keyframe: Keyframe, number: int) -> None:
        hits: set[Cell] = set()
        for index, point in enumerate(keyframe.points):
            cell = self.cell(point)
            feature = np.zeros(self.width)
            feature[: keyframe.codes.shape[1]] = keyframe.codes[index] * np.float64(keyframe.scales[index])
            distance = float(np.linalg.norm(keyframe.millimetres[index] / 1000))
            self._hit(cell, feature, min(1.0, 1 / distance**2), keyframe.stamp_ns, number, cell not in hits)
            hits.add(cell)
        passed = {cell for point in keyframe.points for cell in self._passed(keyframe.pose.position, point)} - hits
        for cell in passed & set(self.voxels):
            voxel = self.voxels[cell]
            voxel.passed += 1
            if voxel.passed > min(voxel.detections, 2):
                del self.voxels[cell]

    def _hit(self, cell, feature, weight, stamp_ns, number, is_first):  # noqa: PLR0917
        voxel = self.voxels.setdefault(cell, SlowVoxel(np.zeros(self.width)))
        voxel.feature = (voxel.feature * voxel.weight + feature * weight) / (voxel.weight + weight)
        voxel.weight = min(voxel.weight + weight, 32.0)
        voxel.best = max(voxel.best, (weight, number), key=lambda pair: pair[0])
        if is_first:
            voxel.detections += 1
            voxel.passed = 0
            voxel.first_ns, voxel.last_ns = min(voxel.first_ns, stamp_ns), max(voxel.last_ns, stamp_ns)

    def _passed(self, start, end) -> list[Cell]:
        return cells_on_the_way([value / self.cell_m for value in start], [value / self.cell_m for value in end])[:-2]


def cells_on_the_way(start, end) -> list[Cell]:
    """The cells that a line passes, in order: it is cut at all borders, and each piece's middle asked for its cell."""
    start, end = [Fraction(value) for value in start], [Fraction(value) for value in end]
    cuts = {Fraction(0), Fraction(1)}
    for one, other in zip(start, end, strict=True):
        low, high = sorted((one, other))
        borders = range(math.floor(low) + 1, math.ceil(high))
        cuts.update((border - one) / (other - one) for border in borders)
    times = sorted(cuts)
    middles = [(one + other) / 2 for one, other in pairwise(times)]
    cells = [tuple(math.floor(a + (b - a) * t) for a, b in zip(start, end, strict=True)) for t in middles]
    return [cell for number, cell in enumerate(cells) if number == 0 or cell != cells[number - 1]]


def slow_components(cells: list[Cell]) -> list[set[Cell]]:
    """Sets of cells that are connected by their 26 neighbours, by a flood."""
    left, found = set(cells), []
    while left:
        flood, group = [left.pop()], set()
        while flood:
            cell = flood.pop()
            group.add(cell)
            near = {other for other in left if max(abs(a - b) for a, b in zip(cell, other, strict=True)) == 1}
            left -= near
            flood.extend(near)
        found.append(group)
    return found
