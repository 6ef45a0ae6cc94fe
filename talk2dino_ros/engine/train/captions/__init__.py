# SPDX-License-Identifier: Apache-2.0
"""Images with captions for training: from COCO, from a folder with a table, or from WebDataset shards."""

import os
from pathlib import Path

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.files.regular_files import user_path
from talk2dino_ros.engine.train.captions.caption_set import SPLITS, CaptionSet, Example, Split
from talk2dino_ros.engine.train.captions.coco_captions import is_coco, open_coco
from talk2dino_ros.engine.train.captions.table import find_table, open_table
from talk2dino_ros.engine.train.captions.webdataset import find_shards, open_shards

__all__ = ["SPLITS", "CaptionSet", "Example", "Split", "open_captions"]


def open_captions(path: str | Path, split: Split) -> CaptionSet | None:
    """Find the images and captions of a split; None where the data has no such split.

    Raises TrainingError for a path that holds none of the three layouts, or captions that cannot be used.
    """
    path = user_path(path).absolute()  # a cluster's workers are in folders of their own
    try:
        return _open(path, split)
    except OSError as error:
        raise TrainingError(
            f"{error.filename or path} cannot be read ({error.strerror or error}), expected files of your own; correct "
            "its name or its rights"
        ) from error


def _open(path: Path, split: Split) -> CaptionSet | None:
    if is_coco(path):
        return open_coco(path, split)
    if table := find_table(path):
        return open_table(table, split)
    if find_shards(path):
        return open_shards(path, split)
    raise TrainingError(
        f"{path} {'holds no captions' if os.path.exists(path) else 'does not exist'}, expected COCO's "
        "annotations/captions_*.json, a captions.jsonl or captions.csv beside images, or WebDataset's *.tar; "
        "name the folder that holds them"
    )
