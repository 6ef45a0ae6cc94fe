# SPDX-License-Identifier: Apache-2.0
"""Two folders of results over the same images, held against each other pixel by pixel and class by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.cli.files.image_record import Record
from talk2dino_ros.cli.files.result_folder import COCO, ResultsError, read_results
from talk2dino_ros.cli.files.result_writer import read_mask
from talk2dino_ros.engine.text.class_entries import parse_classes

UNLABELED = "(unlabeled)"  # a name that no class has


@dataclass(frozen=True)
class ResultSide:
    """One folder. about: what it was made with. names: id to name of what its masks may hold. records: its images."""

    path: Path
    about: dict[str, Any]
    names: dict[int, str]
    records: list[Record]


@dataclass(frozen=True)
class ImagePair:
    """An image in both. differing: the share of its pixels that have another name, 0..1."""

    one: Record
    other: Record
    differing: float


@dataclass(frozen=True)
class ClassAgreement:
    """A name in both folders. shares: of all pixels, 0..1. iou: None where neither has a pixel of it."""

    name: str
    iou: float | None
    shares: tuple[float, float]
    images: tuple[int, int]  # that have a pixel of it


@dataclass(frozen=True)
class ResultComparison:
    """names: of all classes of both, N with that of unlabeled pixels, which is the first.

    pairs: those that differ most first. counts: int64 [N, N], pixels by the name in the one and in the other. images:
    int64 [2, N], how many images have a pixel of a name. missing: how many images only the one and only the other has.
    """

    sides: tuple[ResultSide, ResultSide]
    names: list[str]
    pairs: list[ImagePair]
    counts: NDArray[np.int64]
    images: NDArray[np.int64]
    missing: tuple[int, int]

    @property
    def same(self) -> float:
        """The share of pixels that have the same name in both, 0..1."""
        return float(np.trace(self.counts) / self.counts.sum())

    def classes(self) -> list[ClassAgreement]:
        """Return how far the two agree on each name."""
        return [self._agreement(place, name) for place, name in enumerate(self.names)]

    def exchanges(self, most: int) -> list[tuple[str, str, float]]:
        """Return the most frequent pairs of different names, and their share of all pixels."""
        counts, total = self.counts.copy(), self.counts.sum()
        np.fill_diagonal(counts, 0)
        places = np.argsort(-counts, axis=None, kind="stable")[:most]
        rows, columns = np.unravel_index(places, counts.shape)
        found = zip(rows.tolist(), columns.tolist(), strict=True)
        return [
            (self.names[row], self.names[column], float(counts[row, column] / total))
            for row, column in found
            if counts[row, column]
        ]

    def _agreement(self, place: int, name: str) -> ClassAgreement:
        counts = self.counts
        both, one, other = counts[place, place], counts[place].sum(), counts[:, place].sum()
        either, total = one + other - both, counts.sum()
        return ClassAgreement(
            name,
            float(both / either) if either else None,
            (float(one / total), float(other / total)),
            (int(self.images[0, place]), int(self.images[1, place])),
        )


def compare_results(one: Path, other: Path) -> ResultComparison:
    """Compare the masks of the images that both folders have, by their pixels. Raises ResultsError, ImageError."""
    sides = (_side(one), _side(other))
    names = [UNLABELED, *dict.fromkeys([*sides[0].names.values(), *sides[1].names.values()])]
    first, second = (_by_pixels(side.records) for side in sides)
    common = [key for key in first if key in second]
    if not common:
        raise ResultsError(
            f"{one} and {other} have no image in common, expected results of the same images; run `talk2dino segment` "
            "on the same ones twice, each with its own --output"
        )
    counts, images = np.zeros((len(names), len(names)), np.int64), np.zeros((2, len(names)), np.int64)
    pairs = []
    for key in common:
        own = _counts(places_of(sides[0], names, first[key]), places_of(sides[1], names, second[key]), len(names))
        counts += own
        images += np.stack([own.any(axis=1), own.any(axis=0)])
        pairs.append(ImagePair(first[key], second[key], float(1 - np.trace(own) / own.sum())))
    pairs.sort(key=lambda pair: -pair.differing)
    missing = (len(first) - len(common), len(second) - len(common))
    return ResultComparison(sides, names, pairs, counts, images, missing)


def places_of(side: ResultSide, names: Sequence[str], record: Record) -> NDArray[np.int64]:
    """Return for each pixel of an image, int64 [H, W], which of `names` it has in a folder."""
    table = np.zeros(256, np.int64)
    for class_id, name in side.names.items():
        table[class_id] = names.index(name)
    return table[read_mask(side.path / record["mask"])]


def _side(path: Path) -> ResultSide:
    about, records = read_results(path)
    if not (path / COCO).exists():
        raise ResultsError(
            f"{path} holds unfinished results, expected those of a run that came to its end; give its command again"
        )
    entries = zip(about["ids"], parse_classes(about["classes"]), strict=True)
    return ResultSide(path, about, {class_id: entry.name for class_id, entry in entries if entry.is_labelled}, records)


def _by_pixels(records: Sequence[Record]) -> dict[tuple[tuple[str, int, int], int], Record]:
    """Return records by their image's pixels and size, and how many of the same came before."""
    seen: Counter[tuple[str, int, int]] = Counter()
    found = {}
    for record in sorted(records, key=lambda record: (record["image"], record["number"] or 0)):
        key = (record["pixels"], record["height"], record["width"])
        found[key, seen[key]] = record
        seen[key] += 1
    return found


def _counts(one: NDArray[np.int64], other: NDArray[np.int64], names: int) -> NDArray[np.int64]:
    return np.bincount((one * names + other).reshape(-1), minlength=names * names).reshape(names, names)
