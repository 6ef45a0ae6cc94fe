# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.inference.canvas import make_canvas
from talk2dino_ros.engine.inference.crop_plan import Plan
from talk2dino_ros.engine.inference.resizing import resized_picture
from talk2dino_ros.viz.pictures import read_picture


def row_of(values):
    """One row of pixels, red as given, green and blue 7 and 9."""
    return np.array([[(value, 7, 9) for value in values]], np.uint8)


def test_mmcvs_resize_interpolates_two_pixels_also_when_shrinking():
    # the middles of the two wide pixels lie at 1.5 and 5.5: what else is in the row does not count
    row = row_of([255, 100, 200, 255, 0, 10, 30, 0])
    assert resized_picture(row, (1, 2), "mmcv").tolist() == [[[150, 7, 9], [20, 7, 9]]]
    # -0.25 (the edge), 0.25, 0.75, 1.25 (the edge)
    assert resized_picture(row_of([0, 100]), (1, 4), "mmcv")[0, :, 0].tolist() == [0, 25, 75, 100]


def test_mmcvs_resize_is_bilinear_without_antialiasing_within_one_grey_level():
    photo = read_picture(PHOTOS / "rocket.jpg")
    pixels = torch.from_numpy(photo).permute(2, 0, 1)[None].float()
    expected = F.interpolate(pixels, (97, 146), mode="bilinear", align_corners=False)[0].permute(1, 2, 0).numpy()
    assert np.abs(resized_picture(photo, (97, 146), "mmcv") - expected).max() <= 1


def test_bicubic_is_antialiased():
    photo = read_picture(PHOTOS / "rocket.jpg")
    pixels = torch.from_numpy(photo).permute(2, 0, 1)[None].float()
    expected = F.interpolate(pixels, (97, 146), mode="bicubic", antialias=True).clamp(0, 255)[0].permute(1, 2, 0)
    assert np.abs(resized_picture(photo, (97, 146), "bicubic") - expected.numpy()).max() <= 2  # it rounds twice


@pytest.mark.parametrize("resize", ["mmcv", "bicubic"])
def test_height_comes_before_width_and_the_same_size_is_left_alone(resize):
    photo = read_picture(PHOTOS / "rocket.jpg")
    assert resized_picture(photo, (10, 20), resize).shape == (10, 20, 3)
    assert resized_picture(photo, photo.shape[:2], resize) is photo


def test_the_canvas_holds_what_the_resize_made():
    photo = read_picture(PHOTOS / "rocket.jpg")
    canvases = {
        resize: make_canvas(photo, Plan((50, 60), (), (1, 1)), "cpu", resize)
        for resize in ("antialias", "mmcv", "bicubic")
    }
    for resize in ("mmcv", "bicubic"):
        expected = resized_picture(photo, (50, 60), resize)
        np.testing.assert_array_equal((canvases[resize] * 255).round().permute(1, 2, 0).numpy(), expected)
    assert (canvases["mmcv"] - canvases["antialias"]).abs().max() > 0.1
