# SPDX-License-Identifier: Apache-2.0
"""The legend of an overlay: a panel with a colour swatch and a name per class.

Pillow draws the names, since OpenCV's own fonts end at ASCII. Each name takes the first font that has all its
letters: Pillow's built-in one (Latin), then what the system has of FONTS. A name that no font covers (emoji,
Chinese without a Chinese font) is drawn with boxes for the letters that are missing.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Rgb = NDArray[np.uint8]
Entry = tuple[str, tuple[int, int, int]]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "wqy-microhei.ttc")
PANEL_COLOR = (24, 24, 28)
PANEL_OPACITY = 0.72
TEXT_COLOR = (245, 245, 245)
SMALLEST_TEXT = 10  # pixels high; smaller letters cannot be read


def draw_legend(picture: Rgb, entries: Sequence[Entry]) -> None:
    """Draw the panel into the top left corner of uint8 [H, W, 3] RGB; an image too small for letters gets none.

    entries: name and (red, green, blue) each. Those that find no room are counted in a last line.
    """
    height, width = picture.shape[:2]
    text_size = max(SMALLEST_TEXT, round(min(height / 26, width / 32)))
    if not entries or height < 4 * text_size or width < 8 * text_size:
        return
    panel = _panel(tuple(entries), text_size, width - text_size, height - text_size)
    corner = picture[text_size // 2 :, text_size // 2 :][: panel.shape[0], : panel.shape[1]]
    color, opacity = panel[:, :, :3].astype(np.float32), panel[:, :, 3:].astype(np.float32) / 255
    corner[:] = np.rint(corner + opacity * (color - corner)).astype(np.uint8)


@lru_cache(maxsize=32)
def _panel(entries: tuple[Entry, ...], text_size: int, max_width: int, max_height: int) -> NDArray[np.uint8]:
    """Draw uint8 [h, w, 4] RGBA; cached, for a stream shows the same classes over and over."""
    line, pad = round(text_size * 1.45), text_size // 2
    rows = max(1, (max_height - 2 * pad) // line)
    shown = entries if len(entries) <= rows else entries[: rows - 1]
    names = [_shorten(name, text_size, max_width - 3 * pad - text_size) for name, _ in shown]
    if len(shown) < len(entries):
        names.append(f"+ {len(entries) - len(shown)} more")
    widest = max(_width(name, text_size) for name in names)
    image = Image.new("RGBA", (min(max_width, widest + 3 * pad + text_size), line * len(names) + 2 * pad))
    draw = ImageDraw.Draw(image)
    backing = (*PANEL_COLOR, round(255 * PANEL_OPACITY))
    draw.rounded_rectangle((0, 0, image.width - 1, image.height - 1), radius=pad, fill=backing)
    for row, name in enumerate(names):
        middle = pad + row * line + line // 2
        if row < len(shown):
            _draw_swatch(draw, pad, middle, text_size, shown[row][1])
        draw.text((2 * pad + text_size, middle), name, TEXT_COLOR, font_for(name, text_size), anchor="lm")
    return np.asarray(image)


def _draw_swatch(draw: ImageDraw.ImageDraw, left: int, middle: int, size: int, color: tuple[int, int, int]) -> None:
    box = (left, middle - size // 2, left + size - 1, middle - size // 2 + size - 1)
    draw.rounded_rectangle(box, radius=size // 5, fill=color)


def _shorten(name: str, text_size: int, room: int) -> str:
    """Cut a name that is wider than `room` pixels and end it with an ellipsis."""
    if _width(name, text_size) <= room:
        return name
    low, high = 0, min(len(name), 200)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _width(name[:middle] + "…", text_size) <= room else (low, middle - 1)
    return name[:low] + "…"


def _width(name: str, text_size: int) -> int:
    return int(np.ceil(font_for(name, text_size).getlength(name)))


def font_for(name: str, text_size: int) -> Font:
    """Return the first font, at this size in pixels, that has all letters of a name."""
    fonts = _fonts(text_size)
    return next((font for font in fonts if _covers(font, name)), fonts[0])


@lru_cache(maxsize=8)
def _fonts(text_size: int) -> tuple[Font, ...]:
    """Return Pillow's own font and those of FONTS that the system has."""
    fonts: list[Font] = [ImageFont.load_default(text_size)]
    for file in FONTS:
        try:
            fonts.append(ImageFont.truetype(file, text_size))
        except OSError:  # not installed
            continue
    return tuple(fonts)


def _covers(font: Font, name: str) -> bool:
    """Whether the font has a glyph of its own for each letter, and not the box that stands for a missing one."""
    missing = bytes(font.getmask("\U0010ffff"))
    return all(letter.isspace() or bytes(font.getmask(letter)) != missing for letter in set(name))
