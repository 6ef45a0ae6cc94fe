# SPDX-License-Identifier: Apache-2.0
"""The pictures of a comparison: both overlays of an image, and where they differ."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from talk2dino_ros.cli.files.compared.comparison import ImagePair, ResultComparison, ResultSide, places_of
from talk2dino_ros.cli.files.image_record import Record
from talk2dino_ros.cli.files.result_folder import FILM, OVERLAY
from talk2dino_ros.cli.files.result_writer import read_mask
from talk2dino_ros.viz.overlay import tinted
from talk2dino_ros.viz.pictures import read_picture
from talk2dino_ros.viz.videos import open_video

Rgb = NDArray[np.uint8]
Key = tuple[str, int | None]

WIDTH, QUALITY = 480, 82  # pixels of a picture; of its JPEG
DIFFERENT = (255, 0, 170)  # a colour that no class has
_PAPER = 200


def pair_pictures(comparison: ResultComparison, pairs: Sequence[ImagePair]) -> list[tuple[str, str, str]]:
    """Return for each pair both overlays and the difference, as `data:` URLs."""
    ones = _overlays(comparison.sides[0], [pair.one for pair in pairs])
    others = _overlays(comparison.sides[1], [pair.other for pair in pairs])
    return [
        (_url(one), _url(other), _url(_difference(comparison, pair, one)))
        for pair, one, other in zip(pairs, ones, others, strict=True)
    ]


def _overlays(side: ResultSide, records: Sequence[Record]) -> list[Rgb]:
    films: dict[str, Mapping[int, Rgb]] = {}
    for name in dict.fromkeys(record["image"] for record in records if record["number"] is not None):
        wanted = {record["number"] for record in records if record["image"] == name}
        films[name] = _frames(side, name, wanted)
    return [_overlay(side, record, films.get(record["image"], {})) for record in records]


def _overlay(side: ResultSide, record: Record, frames: Mapping[int, Rgb]) -> Rgb:
    if record["number"] in frames:
        return _small(frames[record["number"]])
    name = f"{record['image']}{OVERLAY}"
    if name in record["files"]:
        return _small(read_picture(side.path / name))
    mask = read_mask(side.path / record["mask"])  # a run with --no-overlay
    return _small(tinted(np.full((*mask.shape, 3), _PAPER, np.uint8), mask, side.names, alpha=0.8))


def _frames(side: ResultSide, name: str, wanted: set[int]) -> dict[int, Rgb]:
    """Return the overlays of a stream's images by their numbers, smaller; none where none were written."""
    if not side.about["overlay"]:
        return {}
    path = side.path / f"{name}{FILM}"
    numbers = sorted(record["number"] for record in side.records if record["image"] == name)
    with open_video(path) as video:
        images = zip(numbers, video.images(), strict=False)
        return {number: _small(rgb) for number, rgb in images if number in wanted}


def _difference(comparison: ResultComparison, pair: ImagePair, shown: Rgb) -> Rgb:
    """Return the image in grey, with the pixels that have another name in one colour."""
    one, other = (
        places_of(side, comparison.names, record)
        for side, record in zip(comparison.sides, (pair.one, pair.other), strict=True)
    )
    differs = cv2.resize((one != other).astype(np.uint8), shown.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    grey = cv2.cvtColor(cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB) // 2 + 90
    return np.where(differs[..., None] > 0, np.array(DIFFERENT, np.uint8), grey).astype(np.uint8)


def _small(rgb: Rgb) -> Rgb:
    scale = WIDTH / rgb.shape[1]
    if scale >= 1:
        return rgb
    size = (WIDTH, max(1, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _url(rgb: Rgb) -> str:
    content = BytesIO()
    Image.fromarray(rgb).save(content, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
