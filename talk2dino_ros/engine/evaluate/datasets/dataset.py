# SPDX-License-Identifier: Apache-2.0
"""A labelled data set: pairs of an image and a label file, the classes, and what the file's values mean."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.errors import ImageError, Talk2DinoError
from talk2dino_ros.engine.evaluate.confusion import IGNORED
from talk2dino_ros.engine.files.picture_reader import open_picture, orientation_in, upright
from talk2dino_ros.engine.files.regular_files import read_regular
from talk2dino_ros.engine.text.counted import counted

BACKGROUND = "background"  # the class that no word is for; first in the lists that have it
IGNORE_VALUE = 255  # in the label files of every data set here
_OUTSIDE = -2  # a label file's value that no class has

Lookup = npt.NDArray[np.int16]  # [256]: a label file's value -> class, IGNORED or _OUTSIDE


class DatasetError(Talk2DinoError):
    """A data set, or what was kept of a run over it, that is not as expected."""


@dataclass(frozen=True)
class Sample:
    """An image and its labels."""

    image: Path
    label: Path

    @property
    def name(self) -> str:
        """File name of the image."""
        return self.image.name


@dataclass(frozen=True)
class Found:
    """Contents of a folder: the samples, the meaning of their label values, and the hidden files, which are skipped."""

    samples: tuple[Sample, ...]
    lookup: Lookup
    hidden: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A row of the table of data sets (datasets/__init__.py).

    column: its name in the paper's table. classes: in the order of their numbers. find: reads the official layout.
    background_cleaning: whether the paper's evaluation has it on this set.
    """

    title: str
    column: str
    classes: tuple[str, ...]
    find: Callable[[Path], Found]
    background_cleaning: bool = False


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set that was found, ready to be read.

    total: images that the whole set has; `samples` may be fewer. hidden: picture files that were passed over.
    """

    name: str
    title: str
    column: str
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    lookup: Lookup
    total: int
    background_cleaning: bool = False
    hidden: tuple[Path, ...] = ()

    @property
    def has_background(self) -> bool:
        """Whether pixels of no class are a class of their own, number 0."""
        return self.classes[0] == BACKGROUND

    @property
    def words(self) -> tuple[str, ...]:
        """The classes that words stand for."""
        return self.classes[1:] if self.has_background else self.classes

    def read_label(self, sample: Sample, size: tuple[int, int] | None = None) -> npt.NDArray[np.int16]:
        """Read a label file as int16 [H, W], classes or IGNORED.

        size: (H, W) of the upright image, where known; a label drawn on the image as it was stored is turned with it.
        Raises ImageError for a damaged file, DatasetError for values outside of the class list.
        """
        values = _read_values(sample, size)
        truth = self.lookup[np.minimum(values, 255)]
        outside = (truth == _OUTSIDE) | (values > 255)
        if outside.any():
            strange = sorted({int(value) for value in np.unique(values[outside])})
            raise DatasetError(
                f"{sample.label} has {counted(int(outside.sum()), 'pixel')} with the ids "
                f"{', '.join(map(str, strange[:5]))}{', …' if len(strange) > 5 else ''}, expected those of "
                f"{self.name}'s {counted(len(self.classes), 'class', 'classes')}; correct the label file or the class "
                "list"
            )
        return truth


def _read_values(sample: Sample, size: tuple[int, int] | None) -> npt.NDArray[np.int64]:
    path = sample.label
    try:
        with open_picture(path) as picture:
            picture.load()
            label = upright(picture, orientation_in(picture))
            if size is not None and label.size != size[::-1]:
                turned = upright(label, _orientation_of(sample.image))
                label = turned if turned.size == size[::-1] else label
            values = np.array(label)
    except (OSError, SyntaxError, ValueError, ImageError) as error:  # all from damaged files
        raise ImageError(
            f"{path} cannot be read as a label picture ({error}), expected a PNG; fetch it again"
        ) from error
    if values.ndim != 2:
        raise DatasetError(
            f"{path} has {values.shape[2]} channels, expected one, with a class id in each pixel (a palette is fine); "
            "convert it"
        )
    return values.astype(np.int64)


def _orientation_of(path: Path) -> int:
    with open_picture(path) as picture:
        return orientation_in(picture)


def visible(paths: Iterable[Path]) -> list[Path]:
    """Sort files, without hidden ones, such as the `._photo.jpg` that macOS puts beside a photo.jpg."""
    return sorted(path for path in paths if not path.name.startswith("."))


def class_names(name: str) -> tuple[str, ...]:
    """Return the names of a data set's classes, in the order of their numbers, without background."""
    text = (resources.files("talk2dino_ros.engine") / "data/dataset_classes.json").read_text(encoding="utf-8")
    return tuple(json.loads(text)[name])


def lookup(classes: Mapping[int, int], ignored: Iterable[int] = (IGNORE_VALUE,)) -> Lookup:
    """Make the lookup table of label values; a value that is not named is outside of the class list."""
    table = np.full(256, _OUTSIDE, np.int16)
    table[list(ignored)] = IGNORED
    for value, number in classes.items():
        table[value] = number
    return table


def plain_lookup(count: int) -> Lookup:
    """Make the lookup table in which the value is the class."""
    return lookup({value: value for value in range(count)})


def reduced_lookup(count: int) -> Lookup:
    """Make the lookup table with 0 ignored and 1 the first class: mmseg's `reduce_zero_label`."""
    return lookup({number + 1: number for number in range(count)}, ignored=(0, IGNORE_VALUE))


def find_root(folder: Path, usual: Iterable[str], needed: Iterable[str]) -> Path:
    """Return `folder`, or the first usual folder in it, that has all that is needed. Raises DatasetError."""
    needed = tuple(needed)
    roots = [folder, *(folder / name for name in usual)]
    for root in roots:
        if all(os.path.exists(root / path) for path in needed):
            return root
    lack = "lacks" if os.path.isdir(folder) else "is no folder with"
    places = "".join(f" or in {name}" for name in usual)
    raise DatasetError(
        f"{folder} {lack} {' and '.join(needed)}, expected the data set's layout there{places}; name "
        "the folder that holds it (`talk2dino evaluate --help` shows the layout)"
    )


def paired(pairs: Iterable[tuple[Path, Path]], what: str) -> tuple[Sample, ...]:
    """Make samples; raises DatasetError where there are none, or a file is missing."""
    samples = tuple(Sample(image, label) for image, label in pairs)
    if not samples:
        raise DatasetError(f"{what} holds no image, expected at least one; name the folder of the data set")
    missing = [path for sample in samples for path in (sample.image, sample.label) if not os.path.isfile(path)]
    if missing:
        raise DatasetError(
            f"{missing[0]} is missing{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}, expected an image "
            f"and a label file for each of the {len(samples)} of {what}; fetch or convert the rest"
        )
    return samples


def read_list(path: Path) -> list[str]:
    """Read a text file's lines, without blank ones at its end. Raises DatasetError where it is not UTF-8."""
    try:
        return [line.strip() for line in read_regular(path).decode("utf-8-sig").rstrip().splitlines()]
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path} is not UTF-8 ({error.reason} at byte {error.start}), expected one name a line in UTF-8; convert it"
        ) from error
