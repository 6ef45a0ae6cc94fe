# SPDX-License-Identifier: Apache-2.0
"""ADE20K, the 150 classes of the scene parsing challenge (ADEChallengeData2016): 0 in a label file is ignored."""

from pathlib import Path

from talk2dino_ros.engine.evaluate.datasets.dataset import (
    Found,
    Kind,
    class_names,
    find_root,
    paired,
    reduced_lookup,
    visible,
)

CLASSES = class_names("ade20k")


def find(folder: Path) -> Found:
    """Read the validation split."""
    images, labels = "images/validation", "annotations/validation"
    root = find_root(folder, ("ADEChallengeData2016",), (images, labels))
    pairs = ((image, root / labels / f"{image.stem}.png") for image in visible((root / images).glob("*.jpg")))
    return Found(paired(pairs, str(root / images)), reduced_lookup(len(CLASSES)))


ADE20K = Kind("ADE20K, 150 classes", "ADE", CLASSES, find)
