# SPDX-License-Identifier: Apache-2.0
"""A user's own data set: `images/`, `labels/` with a PNG of the same name for each, and `classes.txt`.

Line i of classes.txt, counted from 0, is the class of the pixels with the value i, written as everywhere
(`name` or `name: prompt, prompt`); 255 is ignored. A first line `background`, in capitals or not, is what no word
is for.
"""

from pathlib import Path

from talk2dino_ros.engine.evaluate.datasets.dataset import (
    BACKGROUND,
    DatasetError,
    Found,
    Kind,
    find_root,
    paired,
    plain_lookup,
    read_list,
)
from talk2dino_ros.engine.files.picture_reader import hidden_pictures, visible_pictures
from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.text.counted import counted


def folder_kind(folder: Path) -> Kind:
    """Return the row that a folder describes by itself. Raises DatasetError, VocabularyError."""
    root = find_root(folder, (), ("images", "labels", "classes.txt"))
    classes = tuple(read_list(root / "classes.txt"))
    if classes and classes[0].casefold() == BACKGROUND:
        classes = (BACKGROUND, *classes[1:])
    _check_classes(root / "classes.txt", classes)
    return Kind(
        f"{root.name}, {counted(len(classes), 'class', 'classes')}", "", classes, lambda _: _find(root, len(classes))
    )


def _check_classes(path: Path, classes: tuple[str, ...]) -> None:
    words = classes[1:] if classes[:1] == (BACKGROUND,) else classes
    hidden = [entry.text for entry in parse_classes(words) if not entry.is_labelled]
    if hidden:
        raise DatasetError(
            f"{path} has the distractor or question '{hidden[0]}', expected classes that are scored; write it without "
            "its mark"
        )


def _find(root: Path, count: int) -> Found:
    images = root / "images"
    pairs = ((image, root / "labels" / f"{image.stem}.png") for image in visible_pictures(images))
    return Found(paired(pairs, str(images)), plain_lookup(count), tuple(hidden_pictures(images)))
