# SPDX-License-Identifier: Apache-2.0
"""Extraction by many machines, or by all GPUs of one: Ray Data hands the missing parts to workers, which write them.

A worker makes a part by the same code as one process does, into the same store; nothing of the features passes
through Ray. The store has to lie in a folder, and the images in places, that all machines share.
"""

import pickle
import platform
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from talk2dino_ros.engine.cluster.ray_cluster import LOCAL, Row, done_by_cluster, import_ray
from talk2dino_ros.engine.errors import Talk2DinoError, TrainingError
from talk2dino_ros.engine.train.captions import CaptionSet
from talk2dino_ros.engine.train.features.extract import BATCH, INPUT_SIZE, Extraction, ExtractionReport
from talk2dino_ros.engine.train.features.frozen import FrozenModel
from talk2dino_ros.engine.train.features.part_writers import PartWriter, make_writer
from talk2dino_ros.engine.train.features.store_folder import KINDS, PART_SIZE, Kind, StoreFolder

OpenModel = Callable[[], FrozenModel]


class PartWorker:
    """A process of the cluster: it holds one network at a time. Errors are returned: Ray would wrap them into pages."""

    def __init__(self, open_model: OpenModel, store: StoreFolder, batch: int, threads: int) -> None:
        self._open_model = open_model
        self._store = store
        self._options = batch, threads
        self._writers: dict[Kind, PartWriter] = {}

    def __call__(self, row: Row) -> Row:
        """Make a part; row: its kind and number, its examples as bytes. Returns what went wrong, or ''."""
        error = ""
        try:
            examples = pickle.loads(row["examples"])
            self._writer(row["kind"]).write(self._store, row["part"], examples, lambda count: None)
        except Talk2DinoError as raised:
            error = str(raised)
        return {"kind": row["kind"], "part": row["part"], "error": error}

    def _writer(self, kind: Kind) -> PartWriter:
        if kind not in self._writers:
            self._writers.clear()
            model = self._open_model()
            check_worker(model, self._store)
            self._writers[kind] = make_writer(kind, model, *self._options)
        return self._writers[kind]


def check_worker(model: FrozenModel, store: StoreFolder) -> None:
    """Raise TrainingError where a worker's networks are not those of the machine that asked."""
    own = replace(
        store.key,
        model=model.name,
        image_sum=model.image_sum,
        text_sum=model.text_sum,
        precision=model.precision,
        patch_size=model.patch_size,
    )
    if own != store.key:
        raise TrainingError(
            f"the machine {platform.node()} has other weights of {model.name} than the one that started the "
            "extraction, expected the same files on all machines; copy them"
        )


def extract_on_cluster(
    captions: CaptionSet,
    open_model: OpenModel,
    folder: str | Path,
    *,
    address: str = LOCAL,
    batch: int = BATCH,
    input_size: int = INPUT_SIZE,
    part_size: int = PART_SIZE,
    threads: int = 0,
    fresh: bool = False,
    progress: bool = True,
) -> ExtractionReport:
    """Fill a store, or what is missing of it, as `extract` does, by the workers of a Ray cluster.

    open_model: `open_frozen` with its arguments; it is called here and by each worker, whose GPU it should take
    (device auto). address: as `done_by_cluster` takes it. threads: of each worker; 0: its share of the cores. Raises
    TrainingError, ClusterError.
    """
    import_ray()
    extraction = Extraction.begin(
        captions, open_model(), Path(folder).resolve(), input_size=input_size, part_size=part_size, fresh=fresh
    )
    missing = [(kind, part) for kind in KINDS for part in extraction.missing(kind)]
    total = len(KINDS) * len(extraction.store.parts)
    rows = [{"kind": kind, "part": part, "examples": pickle.dumps(extraction.examples(part))} for kind, part in missing]
    if rows:
        disable = None if progress else True
        work = done_by_cluster(
            address, PartWorker, lambda share: (open_model, extraction.store, batch, threads or share), rows
        )
        with (
            closing(work),
            tqdm(total=total, initial=total - len(rows), unit="part", desc="features", disable=disable) as bar,
        ):
            for row in work:
                if row["error"]:
                    raise TrainingError(row["error"])
                check_arrived(extraction.store, row["kind"], row["part"])
                bar.update()
    return extraction.report()


def check_arrived(store: StoreFolder, kind: Kind, part: int) -> None:
    """Raise TrainingError where a part that a worker wrote cannot be seen from here."""
    if not store.is_there(kind, part):
        raise TrainingError(
            f"{store.file(kind, part)} was written by a worker but is not here, expected a folder that all machines of "
            "the cluster share; name one with --store"
        )
