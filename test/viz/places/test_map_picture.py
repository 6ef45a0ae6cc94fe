# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from talk2dino_ros.viz.places.map_picture import MapContent, ShownPlace, draw_map

PALE_RED = (239, 86, 86)  # 0.6 of red, and 0.4 of a light grey, 216.75


def content(**changes) -> MapContent:
    """A row of red floor along x without its cell 7, the last one hot; a camera above the first, a ceiling above 2."""
    xs = np.array([0, 1, 2, 3, 4, 5, 6, 8, 9, 2]) + 0.5
    centres = np.column_stack([xs, np.full(10, 0.5), np.array([0.05] * 9 + [2.4])])
    colours = np.array([(255, 0, 0)] * 9 + [(0, 0, 255)], np.uint8)
    scores = np.where(xs == 9.5, 0.7, 0.5)
    way = np.array([[0.5, 0.5, 1.0]])
    values = {"centres": centres, "colours": colours, "scores": scores, "cell_m": 1.0, "way": way}
    return MapContent(**{**values, **changes})


def at(picture: np.ndarray, x: float, y: float) -> tuple[int, ...]:
    """The colour at x, y in metres: the map begins at 0, 0, is one cell high, and a cell has 24 pixels."""
    return tuple(picture[23 - int(y * 24), int(x * 24)].tolist())


def test_x_goes_right_and_y_up_and_what_is_hot_has_the_heats_colour():
    picture = draw_map(content(), [], "title")
    assert at(picture, 5.5, 0.5) == PALE_RED
    assert at(picture, 9.5, 0.5)[1] > 200  # nine parts of ten of the heat's end, (253, 231, 36)
    assert at(picture, 7.5, 0.5) == (228, 228, 232)  # nothing was seen there
    two_rows = content(centres=content().centres + np.array([[0, 1, 0]] + [[0, 0, 0]] * 9))
    assert at(draw_map(two_rows, [], ""), 0.2, 0.2) == PALE_RED  # y 1.5, in the upper one of two rows


def test_a_ceiling_hides_nothing():
    assert at(draw_map(content(), [], ""), 2.3, 0.2) == PALE_RED
    without_way = draw_map(content(way=np.zeros((0, 3))), [], "")
    assert at(without_way, 2.3, 0.2)[2] > 200  # it is not known how high the camera was: the highest is shown


def test_a_place_has_its_box_around_it():
    place = ShownPlace((5.5, 0.5, 0.0), (1.0, 1.0, 1.0), ("mug", "seen"))
    picture = draw_map(content(), [place], "")
    assert at(picture, 5.08, 0.5) == (0, 190, 255)
    assert at(picture, 5.5, 0.5) == PALE_RED


@pytest.mark.parametrize("count", [0, 1])
def test_a_map_of_nothing_and_of_one_voxel_can_be_drawn(count):
    values = {"centres": np.zeros((count, 3)), "colours": np.zeros((count, 3), np.uint8), "scores": np.ones(count)}
    assert draw_map(content(**values, way=np.zeros((0, 3))), [], "").size


def test_a_map_of_many_kilometres_takes_no_more_pixels():
    far = np.array([[0.0, 0.0, 0.0], [9000.0, 100.0, 0.0]])
    picture = draw_map(content(centres=far, colours=np.zeros((2, 3), np.uint8), scores=np.ones(2), cell_m=0.1), [], "")
    assert picture.shape[1] < 2000
