# SPDX-License-Identifier: Apache-2.0
"""COCO captions in their official layout: annotations/captions_train2014.json and the folder train2014.

The paper trains on the split of 2014, which is taken where both years are there; the validation split is of the same
year, for that of one year lies in the training split of the other. The folders of images may also lie
in `images/`.
"""

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.files.regular_files import read_regular
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.engine.train.captions.caption_set import (
    CaptionSet,
    Example,
    Split,
    captions_of,
    decode,
    parse_json,
)

YEARS = (2014, 2017)


def is_coco(folder: Path) -> bool:
    """Tell whether a folder has COCO's captions of any split."""
    return any((folder / "annotations").glob("captions_*.json"))


def open_coco(folder: Path, split: Split) -> CaptionSet | None:
    """Read a split; None where it is not there, of the training split's year. Raises TrainingError."""
    years = (year for each in ("train", split) for year in YEARS if _annotations(folder, each, year).is_file())
    path = _annotations(folder, split, year := next(years, YEARS[0]))
    if not path.is_file():
        return None
    captions, files = _read(path)
    images = _images(folder, f"{split}{year}")
    there = {file.name for file in images.iterdir()}  # one look: asking for 80,000 files takes long on a network
    missing = [name for name in files.values() if name not in there]
    if missing:
        raise TrainingError(
            f"{images / missing[0]} is missing{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}, expected "
            f"the {counted(len(files), 'image')} of {path.name}; fetch the rest"
        )
    examples = (
        Example(name, tuple(captions[number]), partial(read_regular, images / name)) for number, name in files.items()
    )
    return CaptionSet.of(str(path), examples)


def _annotations(folder: Path, split: str, year: int) -> Path:
    return folder / "annotations" / f"captions_{split}{year}.json"


def _images(folder: Path, name: str) -> Path:
    for images in (folder / name, folder / "images" / name):
        if images.is_dir():
            return images
    raise TrainingError(
        f"{folder} has no folder {name} or images/{name}, expected COCO's images beside their captions; fetch them, "
        f"or remove annotations/captions_{name}.json"
    )


def _read(path: Path) -> tuple[dict[int, list[str]], dict[int, str]]:
    """Return the captions and the file names by the images' numbers, in the order of the file."""
    content = parse_json(decode(read_regular(path), str(path)), str(path))
    captions: dict[int, list[str]] = defaultdict(list)
    try:
        files = {int(image["id"]): str(image["file_name"]) for image in content["images"]}
        for annotation in content["annotations"]:
            number = int(annotation["image_id"])
            captions[number] += captions_of(annotation, f"{path}: an annotation of the image {number}")
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"{path} lacks COCO's captions ({error!r}), expected its official file") from error
    _check(path, content["images"], captions, files)
    return captions, files


def _check(path: Path, images: list[Any], captions: dict[int, list[str]], files: dict[int, str]) -> None:
    strange = [number for number in captions if number not in files]
    if strange or len(files) < len(images):
        what = f"captions of the image {strange[0]}, which it does not list" if strange else "two images of one number"
        raise TrainingError(f"{path} has {what}, expected COCO's official file; fetch it again")
