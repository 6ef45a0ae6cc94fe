# SPDX-License-Identifier: Apache-2.0
"""A sheet of the pictures in which places were seen, each with a line of text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from talk2dino_ros.viz.legend import font_for

Rgb = NDArray[np.uint8]

COLUMNS, CELL = 3, (420, 320)  # width and height of a picture at most, in pixels
_TEXT, _LINE, _GAP = 15, 26, 8
_PAPER, _INK = (255, 255, 255), (30, 30, 34)


def draw_views(views: Sequence[tuple[str, Rgb]], title: str) -> Rgb:
    """Draw uint8 [H, W, 3] RGB: up to three in a row, each uint8 [h, w, 3] RGB under its text."""
    columns = max(1, min(COLUMNS, len(views)))
    rows = -(-len(views) // columns)
    width, height = CELL[0] + _GAP, CELL[1] + _LINE + _GAP
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _LINE + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, _LINE // 2), title, _INK, font_for(title, _TEXT), anchor="lm")
    for number, (text, rgb) in enumerate(views):
        left, top = _GAP + number % columns * width, _LINE + number // columns * height
        draw.text((left, top + _LINE // 2), text, _INK, font_for(text, _TEXT), anchor="lm")
        picture = Image.fromarray(rgb)
        picture.thumbnail(CELL)
        sheet.paste(picture, (left, top + _LINE))
    return np.asarray(sheet)
