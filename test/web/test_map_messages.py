# SPDX-License-Identifier: Apache-2.0
"""Costmaps, heats and places as whoever may send them."""

from types import SimpleNamespace

import numpy as np
import pytest
from nav_msgs.msg import OccupancyGrid
from sensor_msgs.msg import PointCloud2

from talk2dino_ros.web.robot.map_messages import cells_of, heat_of, places_of
from talk2dino_ros.web.web_source import WebError

NAN = float("nan")


def costmap(side_m=0.5, x=-1.0, width=3, values=(0, 100, -1, 1, 2, 3)):
    message = OccupancyGrid(data=list(values))
    message.info.resolution, message.info.width, message.info.height = side_m, width, 2
    message.info.origin.position.x = x
    return message


def cloud(*points, point_step=16, tail=b""):
    return PointCloud2(point_step=point_step, data=np.array(points, "<f4").tobytes() + tail)


def place(x, confidence=0.5):
    return SimpleNamespace(class_name="cup", position=SimpleNamespace(x=x, y=1.0, z=2.0), confidence=confidence)


def test_a_costmap_is_cells_side_and_corner():
    cells, side_m, corner = cells_of(costmap())
    assert (cells.tolist(), side_m, corner) == ([[0, 100, -1], [1, 2, 3]], 0.5, (-1.0, 0.0))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (costmap(width=4), "6 values for 4 x 2 cells"),
        (costmap(width=0, values=()), "0 values for 0 x 2 cells"),
        (costmap(side_m=0.0), "cells of 0 m"),
        (costmap(side_m=NAN), "cells of nan m"),
        (costmap(side_m=1e-30), "cells of 1e-30 m"),
        (costmap(x=float("inf")), r"begins at \(inf, 0\) m"),
    ],
)
def test_a_costmap_that_cannot_be_drawn_is_a_sentence(wrong, said):
    with pytest.raises(WebError, match=said):
        cells_of(wrong)


def test_of_a_heat_the_points_that_are_somewhere_are_left():
    points = [(1, 2, 3, 0.5), (NAN, 0, 0, 1), (0, 0, 0, float("inf")), (1e30, 0, 0, 1), (4, 5, 6, -0.5)]
    assert heat_of(cloud(*points)).tolist() == [[1, 2, 3, 0.5], [4, 5, 6, -0.5]]
    assert heat_of(None).shape == (0, 4)


@pytest.mark.parametrize("wrong", [cloud((1, 2, 3), point_step=12), cloud((1, 2, 3, 4), tail=b"x")])
def test_another_cloud_is_a_sentence(wrong):
    with pytest.raises(WebError, match=r"bytes a point and 1\d in all, expected 16 for each"):
        heat_of(wrong)


def test_places_that_are_nowhere_are_left_out():
    found = places_of([place(1.0), place(NAN), place(1e300), place(2.0, NAN)], "map")
    assert [(each.position, each.frame) for each in found] == [((1.0, 1.0, 2.0), "map")]
