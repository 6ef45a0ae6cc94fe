# SPDX-License-Identifier: Apache-2.0
"""Resizing as the papers' evaluations do it: on 8-bit pictures, before the networks' own arithmetic begins."""

import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]


def resized_picture(rgb: Rgb, size: tuple[int, int], resize: str) -> Rgb:
    """Resize uint8 [H, W, 3] to `size` (H, W).

    resize: `mmcv` is OpenCV's bilinear, which skips pixels where it shrinks (mmcv's `imrescale`, Talk2DINO);
    `bicubic` is Pillow's, which does not (dino.txt).
    """
    if rgb.shape[:2] == size:
        return rgb
    height, width = size
    if resize == "mmcv":
        import cv2  # evaluations alone need it

        return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    from PIL import Image

    return np.array(Image.fromarray(rgb).resize((width, height), Image.Resampling.BICUBIC))
