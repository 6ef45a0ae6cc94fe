# SPDX-License-Identifier: Apache-2.0
"""COCO-Stuff (164k, 171 classes) and COCO-Object (its 80 things and background), on val2017.

Both are in the same official label pictures (stuffthingmaps): the category id less one, with gaps. mmseg's converter
writes `_labelTrainIds.png` of them, the converter of GroupViT, which the open-vocabulary papers use, writes
`_instanceTrainIds.png`. Converted files are read where all are there, else the official ones, mapped likewise.
"""

import os
from pathlib import Path

from talk2dino_ros.engine.evaluate.datasets.dataset import (
    BACKGROUND,
    IGNORE_VALUE,
    DatasetError,
    Found,
    Kind,
    Lookup,
    class_names,
    lookup,
    paired,
    plain_lookup,
    visible,
)

THINGS = class_names("coco_things")
STUFF = class_names("coco_stuff")
# Values below 182 that no official label picture has: COCO dropped these categories.
GAPS = (11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90)
OFFICIAL_IDS = tuple(value for value in range(182) if value not in GAPS)

_IMAGES = ("images/val2017", "val2017")
_LABELS = ("annotations/val2017", "stuffthingmaps/val2017")


def _find(folder: Path, suffix: str, converted: Lookup, official: Lookup) -> Found:
    images = _first_folder(folder, _IMAGES, "images")
    labels = _first_folder(folder, _LABELS, "label pictures")
    pictures = visible(images.glob("*.jpg"))
    own = [labels / f"{picture.stem}{suffix}" for picture in pictures]
    if all(os.path.isfile(path) for path in own):
        return Found(paired(zip(pictures, own, strict=True), str(images)), converted)
    pairs = ((picture, labels / f"{picture.stem}.png") for picture in pictures)
    return Found(paired(pairs, str(images)), official)


def _first_folder(folder: Path, names: tuple[str, ...], what: str) -> Path:
    for name in names:
        if os.path.isdir(folder / name):
            return folder / name
    raise DatasetError(
        f"{folder} holds no {what}, expected them in {' or '.join(names)}; name the folder that holds COCO's val2017"
    )


def _find_stuff(folder: Path) -> Found:
    official = lookup({value: number for number, value in enumerate(OFFICIAL_IDS)})
    return _find(folder, "_labelTrainIds.png", plain_lookup(len(OFFICIAL_IDS)), official)


def _find_objects(folder: Path) -> Found:
    # Stuff, and what is not labelled at all, count as background, as in GroupViT's converter.
    numbers = {value: number + 1 if number < len(THINGS) else 0 for number, value in enumerate(OFFICIAL_IDS)}
    official = lookup({**numbers, IGNORE_VALUE: 0}, ignored=())
    return _find(folder, "_instanceTrainIds.png", plain_lookup(len(THINGS) + 1), official)


COCO_STUFF = Kind("COCO-Stuff 164k, 171 classes", "Stuff", THINGS + STUFF, _find_stuff)
COCO_OBJECT = Kind(
    "COCO-Object, 80 classes and background",
    "Obj",
    (BACKGROUND, *THINGS),
    _find_objects,
    background_cleaning=True,
)
