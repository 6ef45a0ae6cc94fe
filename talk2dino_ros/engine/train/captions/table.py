# SPDX-License-Identifier: Apache-2.0
"""A user's own images: a folder with captions.jsonl or captions.csv, which name the files from there.

captions.jsonl has `{"image": "a.jpg", "caption": "…"}` a line, or `"captions": ["…", "…"]`; captions.csv has the
columns image and caption. An image may stand in several rows. A further `split`, train or val, is optional; without it
all is for training.
"""

import csv
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.files.regular_files import read_regular
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.engine.train.captions.caption_set import (
    SPLITS,
    CaptionSet,
    Example,
    Split,
    captions_of,
    decode,
    parse_json,
)

NAMES = ("captions.jsonl", "captions.csv")


@dataclass(frozen=True)
class _Row:
    image: str
    captions: tuple[str, ...]
    split: str


def find_table(folder: Path) -> Path | None:
    """Return a folder's file of captions. Raises TrainingError where it has both kinds."""
    found = [folder / name for name in NAMES if (folder / name).is_file()]
    if len(found) > 1:
        raise TrainingError(f"{folder} has {' and '.join(NAMES)}, expected one of them; remove the other")
    return found[0] if found else None


def open_table(path: Path, split: Split) -> CaptionSet | None:
    """Read a split; None where no row is of it. Raises TrainingError."""
    rows = list(_read_lines(path) if path.suffix == ".jsonl" else _read_csv(path))
    captions: dict[str, tuple[str, ...]] = {}
    split_of: dict[str, str] = {}
    for row in rows:
        if split_of.setdefault(row.image, row.split) != row.split:
            raise TrainingError(
                f"{path} has {row.image} in train and in val, expected each image in one, as what was trained "
                "on proves nothing in a validation; correct its split in one of the rows"
            )
        captions[row.image] = captions.get(row.image, ()) + row.captions
    own = [image for image in captions if split_of[image] == split]
    if rows and not own:
        return None
    _check_files(path, captions)
    examples = (Example(image, captions[image], partial(read_regular, path.parent / image)) for image in own)
    return CaptionSet.of(f"{path} ({split})", examples)


def _check_files(path: Path, images: dict[str, Any]) -> None:
    missing = [image for image in images if not (path.parent / image).is_file()]
    if missing:
        raise TrainingError(
            f"{path.parent / missing[0]} is missing{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}, "
            f"expected the {counted(len(images), 'image')} that {path.name} names; put them there or remove their rows"
        )


def _read_lines(path: Path) -> Iterator[_Row]:
    for number, line in enumerate(decode(read_regular(path), str(path)).split("\n"), start=1):
        if line.strip():
            where = f"{path} line {number}"
            record = parse_json(line, where)
            if not isinstance(record, dict):
                raise TrainingError(f'{where} is not an object, expected {{"image": …, "caption": …}}; correct it')
            yield _row(record, where)


def _read_csv(path: Path) -> Iterator[_Row]:
    text = StringIO(decode(read_regular(path), str(path)), newline="")
    reader = csv.DictReader(text, strict=True)  # else a quote that is not closed takes in all rows below
    line = 0
    try:
        _check_columns(path, reader.fieldnames or ())
        line = reader.line_num
        for record in reader:
            where, line = f"{path} line {reader.line_num}", reader.line_num
            if None in record:
                raise TrainingError(
                    f"{where} has more values than columns, expected quotes around a caption with commas; add them"
                )
            yield _row(record, where)
    except csv.Error as error:
        raise TrainingError(
            f"{path} is not valid CSV after line {line} ({error}), expected commas between and quotes around texts; "
            "correct it"
        ) from error


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    if "image" not in columns or "caption" not in columns:
        raise TrainingError(
            f"{path} has the columns {', '.join(columns) or 'none'}, expected image and caption in its first line, "
            "with commas between; add or rename them"
        )


def _row(record: dict[str, Any], where: str) -> _Row:
    image, split = record.get("image"), record.get("split") or "train"
    if not isinstance(image, str) or not image:
        raise TrainingError(f"{where} names no image, expected the file's path from its folder; add it")
    image = posixpath.normpath(image)  # a.jpg and ./a.jpg are one image
    if image.startswith(("/", "../")):
        raise TrainingError(f"{where} names {image}, expected a path within its folder; move the image there")
    if split not in SPLITS:
        raise TrainingError(f"{where} has the split {split!r}, expected {' or '.join(SPLITS)}; correct it")
    return _Row(image, captions_of(record, where), split)
