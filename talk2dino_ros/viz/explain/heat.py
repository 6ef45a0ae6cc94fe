# SPDX-License-Identifier: Apache-2.0
"""Draw values as colours: heat maps, their scale, and tables of values."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from talk2dino_ros.viz.explain.blocks import INK, PAPER, Rgb
from talk2dino_ros.viz.legend import font_for

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scale:
    """The values that the colours begin and end with."""

    low: float
    high: float

    @staticmethod
    def of(*values: Values) -> "Scale":
        """Return the scale from the smallest to the largest of all values."""
        return Scale(min(float(each.min()) for each in values), max(float(each.max()) for each in values))

    def share(self, values: npt.ArrayLike) -> Values:
        """Scale values to 0..1, clipped at the ends."""
        span = max(self.high - self.low, 1e-12)
        return np.asarray(np.clip((np.asarray(values) - self.low) / span, 0, 1), np.float32)


def number_text(value: float, digits: int = 2) -> str:
    """Write so many digits behind the point, and no minus before a zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def digits_between(low: float, high: float) -> int:
    """Return how many digits behind the point tell two values apart: from 2 to 5."""
    return next((digits for digits in range(2, 5) if number_text(low, digits) != number_text(high, digits)), 5)


def heat(values: Values, scale: Scale, colours: int = cv2.COLORMAP_VIRIDIS) -> Rgb:
    """Draw float32 [h, w] as uint8 [h, w, 3] RGB, by one of OpenCV's maps of colours."""
    levels = np.rint(255 * scale.share(values)).astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(levels, colours), cv2.COLOR_BGR2RGB), np.uint8)


def scale_bar(scale: Scale, height: int, size: int, marks: Mapping[float, str], width: int) -> Rgb:
    """Return the scale as an upright bar with words beside some values, those inside of it; `width` pixels in all."""
    thick = size
    column = np.linspace(scale.high, scale.low, height, dtype=np.float32)[:, None].repeat(thick, axis=1)
    image = Image.new("RGB", (width, height), PAPER)
    image.paste(Image.fromarray(heat(column, scale)), (0, 0))
    draw = ImageDraw.Draw(image)
    for value, words in marks.items():
        if not scale.low <= value <= scale.high:
            continue
        y = round((1 - float(scale.share(value))) * (height - 1))
        draw.line((thick - 4, y, thick + 8, y), INK, 3)
        lines = words.split("\n")
        top = min(max(y - size * len(lines) // 2, 0), height - size * len(lines) - 4)
        for row, line in enumerate(lines):
            draw.text((thick + 14, top + row * size), line, INK, font_for(line, size), anchor="lt")
    return np.asarray(image)
