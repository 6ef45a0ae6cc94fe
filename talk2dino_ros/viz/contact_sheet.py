# SPDX-License-Identifier: Apache-2.0
"""A contact sheet of a run: the best, median and worst images, each beside its labels and its mask."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from talk2dino_ros.viz.legend import font_for
from talk2dino_ros.viz.overlay import Rgb, overlay

EACH = 3  # images of a kind
CELL_WIDTH, TALLEST_CELL = 420, 320  # pixels
_NO_CLASS, _IGNORED = 254, 255  # ids that no class has here
_LINE, _GAP, _TEXT = 24, 6, 14  # pixels
_PAPER, _INK, _HEADING = (255, 255, 255), (30, 30, 34), (110, 110, 118)
_DIMMED = 0.25  # of its brightness a pixel keeps that is ignored


@dataclass(frozen=True)
class SheetRow:
    """One image: what it is called, uint8 [H, W, 3] RGB, and classes [H, W], in the truth below 0 where ignored."""

    caption: str
    rgb: Rgb
    truth: npt.NDArray[np.int16]
    predicted: npt.NDArray[np.int64]


def choose(shares: Mapping[int, float], each: int = EACH) -> dict[str, list[int]]:
    """Choose places by their IoU: `best` (the best first), `median` (around the middle), `worst` (the worst first).

    None is chosen twice; nan, of an image that says nothing, never.
    """
    scored = [place for place, share in shares.items() if not math.isnan(share)]
    order = sorted(scored, key=lambda place: -shares[place])
    best, rest = order[:each], order[each:]
    worst = rest[-each:][::-1]
    rest = rest[: len(rest) - len(worst)]
    first = max(0, (len(rest) - each) // 2)
    return {"best": best, "median": rest[first : first + each], "worst": worst}


def draw_sheet(title: str, groups: Mapping[str, Sequence[SheetRow]], names: Mapping[int, str]) -> Rgb:
    """Draw uint8 [H, W, 3] RGB. names: of the classes that are coloured; others, such as background, are not.

    What is ignored is dark in the labels' picture.
    """
    width = 3 * (CELL_WIDTH + _GAP)
    heads = np.concatenate([_text(head, width // 3, _HEADING) for head in ("image", "labels", "mask")], axis=1)
    strips = [_text(title, width, _INK), heads]
    for name, rows in groups.items():
        for row in rows:
            strips += [_text(f"{name}: {row.caption}", width, _INK), _pictures(row, names)]
    return np.concatenate(strips)


def _pictures(row: SheetRow, names: Mapping[int, str]) -> Rgb:
    scale = min(CELL_WIDTH / row.rgb.shape[1], TALLEST_CELL / row.rgb.shape[0])
    height, width = (max(1, round(side * scale)) for side in row.rgb.shape[:2])
    size = (width, height)
    rgb = cv2.resize(row.rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    truth, mask = (_ids(classes) for classes in (row.truth, row.predicted))
    cells = [rgb]
    for ids in (truth, mask):
        small = cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST)
        shown = np.where((small == _IGNORED)[..., None], rgb * _DIMMED, rgb).astype(np.uint8)
        cells.append(overlay(shown, small, names))
    strip = np.full((height + _GAP, 3 * (CELL_WIDTH + _GAP), 3), _PAPER, np.uint8)
    for column, cell in enumerate(cells):
        left = column * (CELL_WIDTH + _GAP) + _GAP // 2
        strip[:height, left : left + width] = cell
    return strip


def _ids(classes: npt.NDArray[np.int16] | npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    return np.where(classes < 0, _IGNORED, np.minimum(classes, _NO_CLASS)).astype(np.uint8)


def _text(text: str, width: int, color: tuple[int, int, int]) -> Rgb:
    picture = Image.new("RGB", (width, _LINE), _PAPER)
    font = font_for(text, _TEXT)
    ImageDraw.Draw(picture).text((_GAP // 2, _LINE // 2), text, color, font, anchor="lm")
    return np.asarray(picture)
