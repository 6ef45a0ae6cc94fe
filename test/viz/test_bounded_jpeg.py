# SPDX-License-Identifier: Apache-2.0
"""A picture as JPEG of at most so many bytes."""

from io import BytesIO

import numpy as np
from PIL import Image

from talk2dino_ros.viz.bounded_jpeg import bounded_jpeg


def test_red_stays_red_and_a_small_picture_its_size():
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[..., 0] = 255
    picture = Image.open(BytesIO(bounded_jpeg(rgb, longest_side=100, most_bytes=10_000)))
    assert (picture.format, picture.size) == ("JPEG", (60, 40))
    red, green, blue = picture.getpixel((30, 20))
    assert red > 250
    assert max(green, blue) < 5


def test_the_longest_side_is_bounded_and_the_shape_kept():
    picture = Image.open(BytesIO(bounded_jpeg(np.zeros((400, 800, 3), np.uint8), longest_side=200, most_bytes=10_000)))
    assert picture.size == (200, 100)


def test_noise_fits_too():
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    assert len(bounded_jpeg(noise, longest_side=640, most_bytes=200_000)) > 100_000
    assert len(bounded_jpeg(noise, longest_side=640, most_bytes=20_000)) <= 20_000
