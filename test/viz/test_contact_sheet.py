# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np

from talk2dino_ros.viz.contact_sheet import CELL_WIDTH, SheetRow, choose, draw_sheet
from talk2dino_ros.viz.overlay import color_of

GREY = 120


def row_of(truth, predicted, shape=(140, 420)):
    """A grey picture whose left and right halves have these classes."""
    halves = [np.repeat([[pair]], shape[0], axis=0).reshape(-1, 2) for pair in (truth, predicted)]
    wide = [np.repeat(half, shape[1] // 2, axis=1) for half in halves]
    return SheetRow("a.png", np.full((*shape, 3), GREY, np.uint8), wide[0].astype(np.int16), wide[1].astype(np.int64))


def cells(sheet, names=3):
    """The middle line of the last strip: of each cell the colour in the middle of its left and its right half."""
    line = sheet[-6 - 70]
    lefts = [3 + column * (CELL_WIDTH + 6) for column in range(names)]
    return [tuple(line[left + offset].tolist() for offset in (150, 300)) for left in lefts]


def tinted(class_id):
    return [round((GREY + channel) / 2) for channel in color_of(class_id)]


def test_each_row_shows_image_labels_and_mask():
    sheet = draw_sheet("title", {"best": [row_of((1, 2), (2, 1))]}, {1: "cat", 2: "dog"})
    plain = [GREY] * 3
    assert cells(sheet) == [(plain, plain), (tinted(1), tinted(2)), (tinted(2), tinted(1))]


def test_ignored_pixels_are_dark_and_what_no_class_won_keeps_its_colour():
    sheet = draw_sheet("title", {"worst": [row_of((-1, 0), (3, 0))]}, {1: "cat", 2: "dog"})
    # 3 is no class: the list has 0 (background, not named), 1 and 2
    assert cells(sheet)[1:] == [([30] * 3, [GREY] * 3), ([GREY] * 3, [GREY] * 3)]


def test_pictures_of_any_size_fit():
    rows = [row_of((0, 1), (1, 1), shape=shape) for shape in ((2, 2), (3000, 40), (40, 3000))]
    sheet = draw_sheet("title", {"median": rows}, {0: "a", 1: "b"})
    assert sheet.shape[1] == draw_sheet("title", {"median": [row_of((0, 1), (1, 1))]}, {}).shape[1]
    assert sheet.dtype == np.uint8


def test_a_run_without_an_image_has_a_title_only():
    title = draw_sheet("title", {"best": [], "median": [], "worst": []}, {})
    whole = draw_sheet("title", {"best": [row_of((0, 1), (1, 1))]}, {})
    assert len(title) < len(whole)
    np.testing.assert_array_equal(title, whole[: len(title)])


def test_best_median_and_worst_are_chosen_and_none_twice():
    shares = {place: place / 20 for place in range(20)}
    assert choose(shares) == {"best": [19, 18, 17], "median": [11, 10, 9], "worst": [0, 1, 2]}


def test_few_images_are_all_shown_once_without_those_without_a_score():
    assert choose({0: 0.5, 1: math.nan, 2: 0.9, 3: 0.1, 4: 0.2}) == {"best": [2, 0, 4], "median": [], "worst": [3]}
    assert choose({0: math.nan}) == {"best": [], "median": [], "worst": []}
