# SPDX-License-Identifier: Apache-2.0
import numpy as np

from talk2dino_ros.viz.places.view_sheet import draw_views


def test_three_pictures_make_a_row_and_the_fourth_is_below():
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (90, 90, 90)]
    views = [(str(number), np.full((320, 420, 3), colour, np.uint8)) for number, colour in enumerate(colours)]
    sheet = draw_views(views, "title")
    middles = [(26 + 26 + 160 + row * 354, 8 + 210 + column * 428) for row, column in ((0, 0), (0, 1), (0, 2), (1, 0))]
    assert [tuple(sheet[at].tolist()) for at in middles] == colours


def test_a_large_picture_is_made_smaller_and_keeps_its_shape():
    sheet = draw_views([("", np.full((100, 1000, 3), 50, np.uint8))], "")
    assert (sheet == 50).all(axis=2).any(axis=1).sum() == 42
