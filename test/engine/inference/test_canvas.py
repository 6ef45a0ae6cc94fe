# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.inference.canvas import averaged, check_image, make_canvas, patch_grid
from talk2dino_ros.engine.inference.crop_plan import Crop, Plan


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
)
def test_an_array_that_is_no_rgb_image_is_refused(image):
    with pytest.raises(ImageError, match=r"expected uint8 \[H, W, 3\] RGB"):
        check_image(image)


def test_the_canvas_is_rgb_between_0_and_1_and_takes_strided_views():
    image = np.zeros((2, 8, 3), np.uint8)
    image[:, ::2] = (255, 51, 0)
    canvas = make_canvas(image[:, ::2], Plan((2, 4), (), (1, 1)), "cpu")
    torch.testing.assert_close(canvas[:, 1, 3], torch.tensor([1.0, 0.2, 0.0]))


def test_a_read_only_image_is_taken_as_it_is():
    image = np.full((1, 1, 3), 255, np.uint8)
    image.flags.writeable = False
    assert make_canvas(image, Plan((1, 1), (), (1, 1)), "cpu").flatten().tolist() == [1, 1, 1]


def test_overlapping_crops_are_averaged():
    plan = Plan((1, 3), (Crop(0, 0, 1, 2), Crop(0, 1, 1, 2)), (1, 1))
    merged = averaged([torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[4.0, 8.0]]])], plan)
    assert merged.tolist() == [[[1.0, 3.0, 8.0]]]


def test_four_windows_that_overlap_both_ways_are_averaged():
    plan = Plan((3, 3), tuple(Crop(top, left, 2, 2) for top in (0, 1) for left in (0, 1)), (1, 1))
    merged = averaged([torch.full((1, 2, 2), value) for value in (1.0, 3.0, 5.0, 11.0)], plan)
    assert merged.tolist() == [[[1, 2, 3], [3, 5, 7], [5, 8, 11]]]


def test_a_last_window_that_was_shifted_inside_weighs_as_much_as_any():
    plan = Plan((1, 5), (Crop(0, 0, 1, 4), Crop(0, 1, 1, 4)), (1, 1))
    merged = averaged([torch.tensor([[[0.0, 1.0, 2.0, 3.0]]]), torch.tensor([[[5.0, 6.0, 7.0, 8.0]]])], plan)
    assert merged.tolist() == [[[0, 3, 4, 5, 8]]]


def test_a_constant_seen_by_every_window_is_the_constant_on_the_patch_grid():
    plan = Plan((4, 8), (Crop(0, 0, 4, 4), Crop(0, 2, 4, 4), Crop(0, 4, 4, 4)), (4, 4))
    grid = patch_grid([torch.full((2, 2, 2), 0.25)] * 3, plan, patch_size=2)
    assert grid.shape == (2, 2, 4)
    np.testing.assert_allclose(grid, 0.25)
