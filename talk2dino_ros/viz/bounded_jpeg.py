# SPDX-License-Identifier: Apache-2.0
"""A picture as JPEG of at most so many bytes."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

QUALITIES = (85, 70, 50, 30)
SHRINKS = 6  # each to 0.7 of the size: to an eighth


def bounded_jpeg(rgb: NDArray[np.uint8], *, longest_side: int, most_bytes: int) -> bytes:
    """Return uint8 [H, W, 3] RGB as JPEG: not larger than it is, no side longer than `longest_side` pixels.

    Quality is given up before size. Where nothing fits `most_bytes`, it is what came nearest.
    """
    picture = Image.fromarray(rgb)
    picture.thumbnail((longest_side, longest_side), Image.Resampling.BOX)
    for _ in range(SHRINKS):
        for quality in QUALITIES:
            content = _encoded(picture, quality)
            if len(content) <= most_bytes:
                return content
        smaller = (max(1, int(picture.width * 0.7)), max(1, int(picture.height * 0.7)))
        picture = picture.resize(smaller, Image.Resampling.BOX)
    return content


def _encoded(picture: Image.Image, quality: int) -> bytes:
    content = BytesIO()
    picture.save(content, "JPEG", quality=quality)
    return content.getvalue()
