# SPDX-License-Identifier: Apache-2.0
"""Tiny data sets in the official layouts, for the tests of their readers: one or two pictures, labels as given."""

from pathlib import Path

import numpy as np
from PIL import Image

from talk2dino_ros.engine.evaluate.confusion import IGNORED
from talk2dino_ros.viz.pictures import write_picture


def write_label(path, values, palette=False):
    """Write a label PNG, uint8 [H, W]; with a palette, as the Pascal kits have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(values, np.uint8))
    if palette:
        picture = picture.convert("P")  # same values: mode L to P keeps them
        picture.putpalette([channel for value in range(256) for channel in (value, 255 - value, 7)])
    picture.save(path)


def write_image(path, size):
    """Write a picture of (H, W)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(path, np.full((*size, 3), 100, np.uint8))


def write_pascal(root, year, labels):
    """VOCdevkit/YEAR; labels: name -> values. The split's list names them, and another picture is of no split."""
    split, folder = {
        "VOC2012": ("Segmentation", "SegmentationClass"),
        "VOC2010": ("SegmentationContext", "SegmentationClassContext"),
    }[year]
    kit = root / "VOCdevkit" / year
    for name, values in labels.items():
        write_image(kit / "JPEGImages" / f"{name}.jpg", np.shape(values))
        write_label(kit / folder / f"{name}.png", values, palette=year == "VOC2012")
    write_image(kit / "JPEGImages" / "2007_000001.jpg", (2, 2))
    (kit / "ImageSets" / split).mkdir(parents=True)
    (kit / "ImageSets" / split / "val.txt").write_text("".join(f"{name}\n" for name in labels))
    return root


def write_cityscapes(root, what, labels):
    """what: labelTrainIds or labelIds. labels: name, such as frankfurt_000000_000294 -> values."""
    for name, values in labels.items():
        city = name.split("_")[0]
        write_image(root / "leftImg8bit/val" / city / f"{name}_leftImg8bit.png", np.shape(values))
        write_label(root / "gtFine/val" / city / f"{name}_gtFine_{what}.png", values)
        write_label(root / "gtFine/val" / city / f"{name}_gtFine_color.png", np.full_like(values, 77))
    return root


def write_ade20k(root, labels):
    """ADEChallengeData2016."""
    for name, values in labels.items():
        write_image(root / "ADEChallengeData2016/images/validation" / f"{name}.jpg", np.shape(values))
        write_label(root / "ADEChallengeData2016/annotations/validation" / f"{name}.png", values)
    return root


def write_coco(root, labels, suffix="", layout=("val2017", "stuffthingmaps/val2017")):
    """val2017 with its label pictures; suffix: what a converter puts behind their names."""
    for name, values in labels.items():
        write_image(root / layout[0] / f"{name}.jpg", np.shape(values))
        write_label(root / layout[1] / f"{name}{suffix}.png", values)
    return root


def write_folder(root, classes, pictures):
    """Anybody's own data set. pictures: name -> (uint8 [H, W, 3] RGB, values [H, W])."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "classes.txt").write_text("\n".join(classes) + "\n", encoding="utf-8")
    for part in ("images", "labels"):
        (root / part).mkdir(exist_ok=True)
    for name, (rgb, values) in pictures.items():
        write_picture(root / "images" / name, rgb)
        write_label(root / "labels" / f"{Path(name).stem}.png", values)
    return root


def names_of(dataset):
    """The class names in the label of the first sample, by pixel; None where it is ignored."""
    truth = dataset.read_label(dataset.samples[0])
    return [None if number == IGNORED else dataset.classes[number] for number in truth.ravel()]
