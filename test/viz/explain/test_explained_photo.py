# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from talk2dino_ros.viz.explain.explained_photo import draw_box, fitting, gridded, masked, most_changed
from talk2dino_ros.viz.overlay import color_of


@pytest.mark.parametrize(
    ("shape", "room", "size"),
    [((100, 200), (400, 400), (400, 200)), ((200, 100), (400, 400), (200, 400)), ((1, 9000), (90, 90), (90, 1))],
)
def test_a_picture_keeps_its_shape_in_the_room_it_has(shape, room, size):
    assert fitting(np.zeros((*shape, 3), np.uint8), *room) == size


def test_the_grid_has_a_line_between_patches_and_none_at_the_edge():
    dark = np.zeros((40, 60, 3), np.uint8)
    bright = gridded(dark, (60, 40), (2, 3))[:, :, 0] > 0
    assert np.flatnonzero(bright.all(axis=1)).tolist() == [20]
    assert np.flatnonzero(bright.all(axis=0)).tolist() == [20, 40]


def test_the_box_lies_where_most_pixels_changed():
    before, after = np.zeros((30, 60), np.uint8), np.zeros((30, 60), np.uint8)
    after[2:4, 2:4] = 1
    after[20:29, 35:55] = 1
    x0, y0, x1, y1 = most_changed(before, after)
    assert (x1 - x0, y1 - y0) == (20, 10)
    assert (x0, y0) in {(35, 19), (35, 20)}
    assert most_changed(before, before) == (0, 0, 20, 10)
    assert most_changed(before[:2, :1], after[:2, :1]) == (0, 0, 1, 1)


def test_a_part_shows_its_own_mask_with_and_without_pamr(explanation):
    box = (60, 0, 90, 20)  # labelled by PAMR alone
    without = masked(explanation, (30, 20), box, pamr=False)
    with_it = masked(explanation, (30, 20), box)
    grey = explanation.rgb[0:20, 60:90] @ (0.299, 0.587, 0.114)  # Rec. 601
    assert np.abs(without - grey[..., None]).max() <= 1
    blend = 0.45 * grey[..., None] + 0.55 * np.array(color_of(1))
    assert np.abs(with_it - blend)[1:-1, 1:-1].max() <= 1.5


def test_a_box_is_drawn_at_the_pictures_scale():
    picture = np.full((40, 40, 3), 100, np.uint8)
    draw_box(picture, (5, 5, 15, 15), 2)
    assert (picture[20, 10] != 100).any()
    assert (picture[20, 20] == 100).all()
    assert (picture[2, 2] == 100).all()
