# SPDX-License-Identifier: Apache-2.0
"""Bags seen by the workers of a cluster, and remembered by the process that asked, in their order.

A worker does with a bag what one process does, but that it writes what it has seen of each image into a folder that all
machines share. The store has one writer, and a basis that grows with each keyframe: so it gets the same bytes.
"""

from __future__ import annotations

import hashlib
import pickle
import platform
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from talk2dino_ros.cli.memory.bag_builder import (
    BagBuilder,
    BuildReport,
    BuildSettings,
    ImageKey,
    build_bag,
    kind_of,
    known_images,
)
from talk2dino_ros.cli.memory.seen_images import SeenImages
from talk2dino_ros.engine.cluster.ray_cluster import Row, done_by_cluster, import_ray
from talk2dino_ros.engine.errors import ClusterError, Talk2DinoError

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter
    from talk2dino_ros.perception.memory.disk.keyframe_store import FeatureKind
    from talk2dino_ros.perception.memory.spatial_memory import SeenImage, SpatialMemory

SEEN = "seen"  # the folder in the map's own for what was seen and is not remembered yet

OpenModel = Callable[[], "Segmenter"]


class BagWorker:
    """A process of the cluster; it opens the model with its first bag. known: images that the store has already."""

    def __init__(
        self,
        open_model: OpenModel,
        settings: BuildSettings,
        kind: FeatureKind,
        known: set[ImageKey],
        max_range_m: float,
    ) -> None:
        self._open_model = open_model
        self._settings = settings
        self._kind = kind
        self._known = known
        self._max_range_m = max_range_m
        self._segmenter: Segmenter | None = None

    def __call__(self, row: Row) -> Row:
        """See a bag; row: its path and the folder of what is seen. Adds files, report, and what went wrong, or ""."""
        seen, report, error = SeenImages(Path(row["seen"]), self._max_range_m), BuildReport(), ""
        try:
            report = self._build(Path(row["bag"]), seen)
        except Talk2DinoError as raised:
            error = str(raised)
        return {**row, "files": pickle.dumps(seen.paths), "report": pickle.dumps(report), "error": error}

    def _build(self, bag: Path, seen: SeenImages) -> BuildReport:
        there = {_key(image) for _, image in seen}
        builder = BagBuilder(self._model(), self._settings, self._known | there, seen.put)
        build_bag(builder, bag, self._settings, progress=False)
        return builder.report

    def _model(self) -> Segmenter:
        if self._segmenter is None:
            segmenter = self._open_model()
            if kind_of(segmenter, self._settings.frame) != self._kind:
                raise ClusterError(
                    f"the machine {platform.node()} has other weights of {self._kind.model} than the one that started "
                    "the build, expected the same files on all machines; copy them"
                )
            self._segmenter = segmenter
        return self._segmenter


def build_on_cluster(
    memory: SpatialMemory,
    bags: Sequence[Path],
    open_model: OpenModel,
    settings: BuildSettings,
    *,
    folder: Path,
    choices: str,
    address: str,
) -> BuildReport:
    """Remember the images of bags as one process does, seen by the workers of a Ray cluster.

    folder: the map's, which all machines share, as the bags. choices: what else the model was opened with; what was
    seen with others is not taken. address: see `done_by_cluster`. Raises ClusterError, BagError, StoreError.
    """
    import_ray()
    kind = kind_of(open_model(), settings.frame)
    memory.store.check_kind(kind)
    known, report = known_images(memory.store), BuildReport()
    sight = memory.max_range_m
    rows = {
        str(bag.resolve()): {"bag": str(bag.resolve()), "seen": str(folder.resolve() / SEEN / each)}
        for bag in bags
        for each in [_name(str(bag.resolve()), settings, kind, sight, choices)]
    }
    left, done = list(rows), {}
    work = done_by_cluster(address, BagWorker, lambda _: (open_model, settings, kind, known, sight), [*rows.values()])
    with closing(work), tqdm(total=len(rows), unit="bag", desc="bags") as bar:
        for row in work:
            if row["error"]:
                raise ClusterError(row["error"])
            done[row["bag"]] = row
            while left and left[0] in done:
                _remember(memory, kind, known, done.pop(left.pop(0)), report)
                bar.update()
    with suppress(OSError):  # there may be what other runs have left
        (folder / SEEN).rmdir()
    return report


def _remember(memory: SpatialMemory, kind: FeatureKind, known: set[ImageKey], row: Row, report: BuildReport) -> None:
    """Remember what was seen of a bag, and remove it."""
    seen = SeenImages(Path(row["seen"]), memory.max_range_m)
    check_arrived(pickle.loads(row["files"]))
    for path, image in seen:
        if _key(image) not in known:
            memory.remember(image, kind)
            known.add(_key(image))
            report.made += 1
        path.unlink()
    with suppress(OSError):
        seen.folder.rmdir()
    report.add(pickle.loads(row["report"]))


def check_arrived(files: Sequence[Path]) -> None:
    """Raise ClusterError where a file that a worker wrote cannot be seen from here."""
    missing = [path for path in files if not path.exists()]
    if missing:
        raise ClusterError(
            f"{missing[0]} was written by a worker but is not here, expected a folder that all machines of the cluster "
            "share; name one by --output"
        )


def _key(seen: SeenImage) -> ImageKey:
    return seen.camera, seen.stamp_ns, seen.pose.position


def _name(*what: object) -> str:
    """Return a folder's name for what was seen of a bag in this way and no other."""
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]
