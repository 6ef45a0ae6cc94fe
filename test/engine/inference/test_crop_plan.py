# SPDX-License-Identifier: Apache-2.0
"""Expectations are the published protocol's numbers (short side 448, windows 448 at stride 224), by hand."""

import numpy as np
import pytest

from talk2dino_ros.engine.inference.crop_plan import Crop, Plan, make_plan


def test_square_shows_the_whole_image_to_a_square_network():
    assert make_plan("square", (480, 640), 448, 14) == Plan((480, 640), (Crop(0, 0, 480, 640),), (448, 448))


def test_aspect_keeps_the_short_side_and_rounds_to_whole_patches():
    # 640 / 480 * 448 = 597.3, which lies between 42 and 43 patches of 14: 588 is nearer than 602
    assert make_plan("aspect", (480, 640), 448, 14).network == (448, 602)
    assert make_plan("aspect", (1280, 720), 448, 16).network == (800, 448)


def test_slide_takes_two_windows_of_a_camera_image():
    plan = make_plan("slide", (480, 640), 448, 14)
    assert plan == Plan((448, 597), (Crop(0, 0, 448, 448), Crop(0, 149, 448, 448)), (448, 448))


def test_slide_takes_three_windows_of_a_wide_image():
    plan = make_plan("slide", (720, 1280), 448, 14)
    assert plan.canvas == (448, 796)
    assert [crop.left for crop in plan.crops] == [0, 224, 348]


def test_slide_takes_one_window_of_a_square_image():
    assert make_plan("slide", (100, 100), 448, 14).crops == (Crop(0, 0, 448, 448),)


def test_slide_caps_the_long_side_of_a_ribbon():
    # 100 x 1000: scale is 2048 / 1000, not 448 / 100; the window is as high as the canvas
    plan = make_plan("slide", (100, 1000), 448, 14)
    assert plan.canvas == (205, 2048)
    assert {(crop.height, crop.width) for crop in plan.crops} == {(205, 448)}
    assert plan.crops[-1].left == 2048 - 448


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (480, 640), (449, 448), (897, 671), (4320, 7680)])
def test_slide_windows_cover_every_pixel_and_stay_inside(size):
    plan = make_plan("slide", size, 448, 14)
    covered = np.zeros(plan.canvas, bool)
    for crop in plan.crops:
        assert crop.top + crop.height <= plan.canvas[0]
        assert crop.left + crop.width <= plan.canvas[1]
        covered[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width] = True
    assert covered.all()


@pytest.mark.parametrize("mode", ["square", "aspect"])
def test_a_canvas_limit_shrinks_large_images_only(mode):
    assert make_plan(mode, (480, 640), 448, 14, 1280 * 720).canvas == (480, 640)
    assert make_plan(mode, (4320, 7680), 448, 14, 1280 * 720).canvas == (720, 1280)
