# SPDX-License-Identifier: Apache-2.0
"""Extraction by many machines, or by all GPUs of one: Ray Data hands the missing parts to workers, which write them.

A worker makes a part by the same code as one process does, into the same store; nothing of the features passes
through Ray. The store has to lie in a folder, and the images in places, that all machines share.
"""

import os
import pickle
import platform
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from talk2dino_ros.engine.errors import Talk2DinoError, TrainingError
from talk2dino_ros.engine.train.captions import CaptionSet
from talk2dino_ros.engine.train.features.extract import BATCH, INPUT_SIZE, Extraction, ExtractionReport
from talk2dino_ros.engine.train.features.frozen import FrozenModel
from talk2dino_ros.engine.train.features.part_writers import PartWriter, make_writer
from talk2dino_ros.engine.train.features.store_folder import KINDS, PART_SIZE, Kind, StoreFolder

LOCAL = "local"  # the address of a cluster that is started on this machine, and ended with the extraction
CONNECTING_S = 5.0  # how long a cluster has to answer
# Ray Data's messages on the terminal are of its inner life, and the figures that Ray sends home are the user's own.
_QUIET = {"RAY_DATA_LOG_LEVEL": "ERROR", "RAY_USAGE_STATS_ENABLED": "0"}

Row = dict[str, Any]
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
    (device auto). address: a cluster's as `ray.init` takes it, `auto` for the one that this machine is part of, or
    `local`. There is a worker a GPU; where the cluster has none, one a core. threads: of each worker; 0: its share of
    the cores. Raises TrainingError.
    """
    ray = _import_ray()
    extraction = Extraction.begin(
        captions, open_model(), Path(folder).resolve(), input_size=input_size, part_size=part_size, fresh=fresh
    )
    missing = [(kind, part) for kind in KINDS for part in extraction.missing(kind)]
    total = len(KINDS) * len(extraction.store.parts)
    if missing:
        disable = None if progress else True
        with (
            _connected(ray, address),
            tqdm(total=total, initial=total - len(missing), unit="part", desc="features", disable=disable) as bar,
        ):
            for _ in _make(ray, extraction, missing, open_model=open_model, batch=batch, threads=threads):
                bar.update()
    return extraction.report()


def _make(
    ray: Any,
    extraction: Extraction,
    parts: list[tuple[Kind, int]],
    *,
    open_model: OpenModel,
    batch: int,
    threads: int,
) -> Iterator[None]:
    """Have parts made, and yield whenever another is there. Raises TrainingError."""
    rows = [{"kind": kind, "part": part, "examples": pickle.dumps(extraction.examples(part))} for kind, part in parts]
    resources = ray.cluster_resources()
    gpus, cores = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
    workers = max(1, min(gpus or cores, len(rows)))
    made = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        PartWorker,
        fn_constructor_args=(open_model, extraction.store, batch, threads or max(1, cores // workers)),
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_gpus=1 if gpus else 0,
        num_cpus=1,
    )
    try:
        for row in made.iter_rows():
            if row["error"]:
                raise TrainingError(row["error"])
            check_arrived(extraction.store, row["kind"], row["part"])
            yield
    except ray.exceptions.RayError as error:
        raise TrainingError(
            f"the cluster failed ({str(error).strip().splitlines()[-1]}), expected workers that live until the end; "
            "run the same command again, which goes on from here"
        ) from error


def check_arrived(store: StoreFolder, kind: Kind, part: int) -> None:
    """Raise TrainingError where a part that a worker wrote cannot be seen from here."""
    if not store.is_there(kind, part):
        raise TrainingError(
            f"{store.file(kind, part)} was written by a worker but is not here, expected a folder that all machines of "
            "the cluster share; name one with --store"
        )


def _import_ray() -> Any:
    for name, value in _QUIET.items():  # Ray reads them when it is imported
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise TrainingError(
            f"Ray cannot be imported ({error}), expected it for an extraction on a cluster; pip install 'ray[data]', "
            "or leave --cluster out"
        ) from error
    return ray


def _check_listening(address: str) -> None:
    """Raise OSError where nothing listens at HOST:PORT, which Ray itself tries for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), CONNECTING_S).close()


@contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    """Use the cluster that this process is connected to already, or connect for as long as it takes."""
    if ray.is_initialized():
        yield
        return
    try:
        _check_listening(address)
        ray.init(address=address, include_dashboard=False if address == LOCAL else None, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError) as error:
        raise TrainingError(
            f"the cluster {address!r} cannot be reached ({str(error).splitlines()[0]}), expected the address of a "
            f"running Ray cluster, auto, or {LOCAL}; start one with `ray start --head`"
        ) from error
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False  # there is one already
        yield
    finally:
        ray.shutdown()
