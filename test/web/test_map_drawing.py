# SPDX-License-Identifier: Apache-2.0
"""The map from above, with pixels counted by hand."""

import numpy as np
import pytest

from talk2dino_ros.web.map_drawing import PLACE, ROBOT, UNKNOWN, MapView, draw_from_above

CELLS = np.full((20, 40), 0, np.int8)  # 4 m by 2 m, from (-1, 2) on
CELLS[0, 0], CELLS[19, 39] = 100, -1


def view(**changes):
    return MapView(**{"cells": CELLS, "cell_m": 0.1, "origin": (-1.0, 2.0), **changes})


def test_x_goes_to_the_right_and_y_up():
    picture = draw_from_above(view())
    assert picture.shape == (400, 800, 3)  # 20 pixels a cell
    assert picture[399, 0].tolist() == [40, 40, 40]  # the first cell is lowest on the left, and lethal
    assert picture[0, 799].tolist() == list(UNKNOWN)
    assert picture[200, 400].tolist() == [250, 250, 250]


def test_the_robot_and_the_places_are_where_they_are():
    picture = draw_from_above(view(robot=(1.0, 3.0, 0.0), places=[(0.0, 3.5), (2.0, 2.5)]))
    assert picture[200, 400].tolist() == list(ROBOT)
    red = np.argwhere((picture == PLACE).all(axis=-1))
    assert red[red[:, 1] < 400].mean(axis=0) == pytest.approx([100, 200], abs=2)
    assert red[red[:, 1] > 400].mean(axis=0) == pytest.approx([300, 600], abs=2)


def test_the_robot_looks_along_its_yaw():
    blue = np.argwhere((draw_from_above(view(robot=(1.0, 3.0, np.pi / 2))) == ROBOT).all(axis=-1))
    rows, columns = blue[:, 0] - 200, blue[:, 1] - 400
    assert (rows < 0).sum() < (rows > 0).sum() / 2  # its tip is up, and its back is wide
    assert abs(columns.mean()) < 1


def test_the_hottest_cell_is_seen_and_the_middle_one_is_as_it_was():
    heat = np.array(
        [[0.05, 2.55, z, score] for z, score in ((0, 0.5), (1, 0.7))] + [[1.05, 2.55, 0, 0.4], [2.05, 2.55, 0, 0.5]]
    )
    picture = draw_from_above(view(heat=heat.astype(np.float32))).astype(int)
    hot, cold, middle = picture[285, 215], picture[285, 415], picture[285, 615]
    assert np.abs(hot - 250).max() > 50
    assert cold.tolist() == middle.tolist() == [250, 250, 250]


def test_where_no_grid_is_known_the_map_holds_all_that_is():
    picture = draw_from_above(MapView(robot=(0.0, 0.0, 0.0), places=[(3.0, 1.0)]))
    assert (picture == ROBOT).all(axis=-1).any()
    assert (picture == PLACE).all(axis=-1).any()
    assert draw_from_above(MapView()).size > 0


def test_a_map_of_more_cells_than_pixels_keeps_its_walls_and_its_places():
    cells = np.full((1000, 3999), 0, np.int8)  # 200 m by 50 m: five cells a pixel
    cells[:, 1002] = 100  # a wall as thin as a cell
    picture = draw_from_above(MapView(cells, 0.05, (0.0, 0.0), places=[(100.0, 25.0)]))
    assert picture.shape == (200, 800, 3)
    assert picture[100, 200].tolist() == [40, 40, 40]
    assert picture[100, 199].tolist() == picture[100, 201].tolist() == [250, 250, 250]
    red = np.argwhere((picture == PLACE).all(axis=-1))
    assert red.mean(axis=0) == pytest.approx([100, 400], abs=2)


def test_what_is_far_outside_is_not_in_the_picture_and_harms_none():
    picture = draw_from_above(view(cell_m=0.001, places=[(1e6, -1e6)], robot=(-1e6, 1e6, 0.0)))
    assert picture.shape == (400, 800, 3)
    assert not (picture == PLACE).all(axis=-1).any()
    assert not (picture == ROBOT).all(axis=-1).any()
