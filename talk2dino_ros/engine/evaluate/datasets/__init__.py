# SPDX-License-Identifier: Apache-2.0
"""The table of data sets; a new one is a row. Their class names stand in engine/data/dataset_classes.json."""

from pathlib import Path

import numpy as np

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.evaluate.datasets.ade20k import ADE20K
from talk2dino_ros.engine.evaluate.datasets.cityscapes import CITYSCAPES
from talk2dino_ros.engine.evaluate.datasets.coco import COCO_OBJECT, COCO_STUFF
from talk2dino_ros.engine.evaluate.datasets.dataset import Dataset, DatasetError, Kind, Sample
from talk2dino_ros.engine.evaluate.datasets.folder import folder_kind
from talk2dino_ros.engine.evaluate.datasets.pascal import CONTEXT59, CONTEXT60, VOC20, VOC21

__all__ = ["DATASETS", "FOLDER", "Dataset", "DatasetError", "Sample", "open_dataset"]

DATASETS: dict[str, Kind] = {
    "voc20": VOC20,
    "voc21": VOC21,
    "context59": CONTEXT59,
    "context60": CONTEXT60,
    "coco_object": COCO_OBJECT,
    "coco_stuff": COCO_STUFF,
    "cityscapes": CITYSCAPES,
    "ade20k": ADE20K,
}
FOLDER = "folder"  # the name of anybody's own data set


def open_dataset(name: str, folder: Path, limit: int = 0) -> Dataset:
    """Find a data set's samples in its official layout. limit: so many of them, evenly spread; 0: all.

    Raises ModelError for a name that does not exist, DatasetError for a folder that does not hold it.
    """
    if name != FOLDER and name not in DATASETS:
        raise ModelError(f"the data set is {name!r}, expected one of {', '.join(DATASETS)}, {FOLDER}; choose of these")
    if limit < 0:
        raise DatasetError(f"limit is {limit}, expected a number of images from 1, or 0 for all; give one")
    kind = folder_kind(folder) if name == FOLDER else DATASETS[name]
    found = kind.find(folder)
    return Dataset(
        name,
        kind.title,
        kind.column,
        kind.classes,
        _spread(found.samples, limit),
        found.lookup,
        len(found.samples),
        kind.background_cleaning,
        found.hidden,
    )


def _spread(samples: tuple[Sample, ...], limit: int) -> tuple[Sample, ...]:
    """Select evenly spread samples; the first ones of a set are often of one place or one kind."""
    if not 0 < limit < len(samples):
        return samples
    return tuple(samples[index] for index in np.linspace(0, len(samples) - 1, limit).round().astype(int))
