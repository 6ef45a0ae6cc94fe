# SPDX-License-Identifier: Apache-2.0
"""Pictures out of pictures: text, frames, rows and columns, all as uint8 [H, W, 3] RGB on white."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from talk2dino_ros.viz.legend import Font, font_for

Rgb = NDArray[np.uint8]
Colour = tuple[int, int, int]

PAPER = (255, 255, 255)
INK = (34, 34, 40)
PALE_INK = (105, 105, 115)
LINE = 1.32  # of the text's size


def text_block(text: str, width: int, size: int, colour: Colour = INK) -> Rgb:
    """Set a text in lines of at most `width` pixels; the block is `width` wide."""
    font, step = font_for(text, size), round(LINE * size)
    lines = _wrapped(text, width, font)
    image = Image.new("RGB", (width, step * len(lines)), PAPER)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        draw.text((0, row * step + step // 2), line, colour, font, anchor="lm")
    return np.asarray(image)


def _wrapped(text: str, width: int, font: Font) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def above(pictures: Sequence[Rgb], gap: int = 0) -> Rgb:
    """Stack pictures below one another, aligned left."""
    width = max(picture.shape[1] for picture in pictures)
    parts: list[Rgb] = []
    for picture in pictures:
        parts += [_paper(gap, width)] if parts else []
        parts.append(np.hstack([picture, _paper(len(picture), width - picture.shape[1])]))
    return np.vstack(parts)


def beside(pictures: Sequence[Rgb], gap: int = 0) -> Rgb:
    """Put pictures beside one another, aligned at the top."""
    height = max(len(picture) for picture in pictures)
    parts: list[Rgb] = []
    for picture in pictures:
        parts += [_paper(height, gap)] if parts else []
        parts.append(np.vstack([picture, _paper(height - len(picture), picture.shape[1])]))
    return np.hstack(parts)


def padded(picture: Rgb, margin: int) -> Rgb:
    """Pad a picture with white."""
    return np.asarray(np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), constant_values=255), np.uint8)


def scaled(picture: Rgb, width: int, height: int) -> Rgb:
    """Resize; what is enlarged keeps its pixels as squares, as they are the patches or the pixels to be shown."""
    shrinks = width < picture.shape[1]
    resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST)
    return np.asarray(resized, np.uint8)


def framed(picture: Rgb, colour: Colour, thickness: int, inset: int = 0) -> Rgb:
    """Copy a picture and frame it, `inset` pixels from its edge."""
    copy: Rgb = picture.copy()
    inner = copy[inset : len(copy) - inset, inset : copy.shape[1] - inset]
    for edge in (np.s_[:thickness], np.s_[-thickness:], np.s_[:, :thickness], np.s_[:, -thickness:]):
        inner[edge] = colour
    return copy


def captioned(picture: Rgb, caption: str, size: int, colour: Colour = INK) -> Rgb:
    """Put a caption above a picture, in lines as wide as it."""
    return above([text_block(caption, picture.shape[1], size, colour), picture], gap=size // 4)


def _paper(height: int, width: int) -> Rgb:
    return np.full((height, width, 3), 255, np.uint8)
