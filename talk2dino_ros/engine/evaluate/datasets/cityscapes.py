# SPDX-License-Identifier: Apache-2.0
"""Cityscapes: leftImg8bit/val/CITY/*.png, gtFine/val/CITY/*.png.

The labels are the train ids (cityscapesscripts' createTrainIdLabelImgs) where all are there, else the label ids that
the archive itself holds, mapped as cityscapesscripts does.
"""

import os
from pathlib import Path

from talk2dino_ros.engine.evaluate.datasets.dataset import (
    IGNORE_VALUE,
    Found,
    Kind,
    class_names,
    find_root,
    lookup,
    paired,
    plain_lookup,
    visible,
)

CLASSES = class_names("cityscapes")
# cityscapesscripts' labels.py: the label ids of the classes above; the others of 0..33 are ignored
LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
LAST_LABEL_ID = 33
_IMAGE_SUFFIX = "_leftImg8bit.png"


def find(folder: Path) -> Found:
    """Read the validation split."""
    root = find_root(folder, ("cityscapes",), ("leftImg8bit/val", "gtFine/val"))
    images = visible((root / "leftImg8bit/val").glob(f"*/*{_IMAGE_SUFFIX}"))
    train_ids = [_label(root, image, "labelTrainIds") for image in images]
    is_converted = all(os.path.isfile(path) for path in train_ids)
    labels = train_ids if is_converted else [_label(root, image, "labelIds") for image in images]
    samples = paired(zip(images, labels, strict=True), str(root / "leftImg8bit/val"))
    if is_converted:
        return Found(samples, plain_lookup(len(CLASSES)))
    ignored = (*(set(range(LAST_LABEL_ID + 1)) - set(LABEL_IDS)), IGNORE_VALUE)
    return Found(samples, lookup({value: number for number, value in enumerate(LABEL_IDS)}, ignored=ignored))


def _label(root: Path, image: Path, what: str) -> Path:
    stem = image.name.removesuffix(_IMAGE_SUFFIX)
    return root / "gtFine/val" / image.parent.name / f"{stem}_gtFine_{what}.png"


CITYSCAPES = Kind("Cityscapes, 19 classes", "City", CLASSES, find)
