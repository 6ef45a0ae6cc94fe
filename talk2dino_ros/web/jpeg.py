# SPDX-License-Identifier: Apache-2.0
"""Pictures for a browser."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

QUALITY = 80


def to_jpeg(rgb: npt.NDArray[np.uint8], longest: int) -> bytes:
    """Return uint8 [H, W, 3] RGB as JPEG, at most this many pixels wide and high."""
    height, width = rgb.shape[:2]
    scale = min(1.0, longest / max(height, width))
    if scale < 1:
        size = (max(1, round(scale * width)), max(1, round(scale * height)))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    _, content = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return bytes(content)
