# SPDX-License-Identifier: Apache-2.0
"""Pascal VOC 2012 and Pascal Context, both in the layout of VOCdevkit.

Context's labels are the PNGs that mmseg's converter makes of `trainval_merged.json`, with their split in
ImageSets/SegmentationContext: 0 is background, then the 59 classes by the alphabet.
"""

from functools import partial
from pathlib import Path

from talk2dino_ros.engine.evaluate.datasets.dataset import (
    BACKGROUND,
    Found,
    Kind,
    class_names,
    find_root,
    paired,
    plain_lookup,
    read_list,
    reduced_lookup,
)

VOC_CLASSES = class_names("voc")
CONTEXT_CLASSES = class_names("context")
# Of each kit: its split's folder, its labels' folder, its number of classes without background.
_PARTS = {
    "VOC2012": ("Segmentation", "SegmentationClass", len(VOC_CLASSES)),
    "VOC2010": ("SegmentationContext", "SegmentationClassContext", len(CONTEXT_CLASSES)),
}


def _find(folder: Path, year: str, background: bool) -> Found:
    split, labels, count = _PARTS[year]
    list_file = f"ImageSets/{split}/val.txt"
    root = find_root(folder, (year, f"VOCdevkit/{year}"), ("JPEGImages", labels, list_file))
    names = read_list(root / list_file)
    pairs = ((root / "JPEGImages" / f"{name}.jpg", root / labels / f"{name}.png") for name in names)
    meaning = plain_lookup(count + 1) if background else reduced_lookup(count)
    return Found(paired(pairs, str(root / list_file)), meaning)


VOC20 = Kind("Pascal VOC 2012, 20 classes", "V20", VOC_CLASSES, partial(_find, year="VOC2012", background=False))
VOC21 = Kind(
    "Pascal VOC 2012, 20 classes and background",
    "V21",
    (BACKGROUND, *VOC_CLASSES),
    partial(_find, year="VOC2012", background=True),
    background_cleaning=True,
)
CONTEXT59 = Kind("Pascal Context, 59 classes", "C59", CONTEXT_CLASSES, partial(_find, year="VOC2010", background=False))
CONTEXT60 = Kind(
    "Pascal Context, 59 classes and background",
    "C60",
    (BACKGROUND, *CONTEXT_CLASSES),
    partial(_find, year="VOC2010", background=True),
)
