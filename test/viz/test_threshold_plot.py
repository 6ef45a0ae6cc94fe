# SPDX-License-Identifier: Apache-2.0
"""The plot of thresholds: its curves by counting, its colours in the picture."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("matplotlib")

from talk2dino_ros.engine.evaluate.calibration import calibrate_class
from talk2dino_ros.engine.text.class_entries import parse_class
from talk2dino_ros.viz.threshold_plot import _share_above, draw_thresholds

PEAKS = np.array([0.0, 0.0, 0.5, 0.52, 0.52, 0.6])


def test_a_curve_is_the_share_of_pictures_that_reach_each_threshold():
    at, share = _share_above(PEAKS, (0.49, 0.61))
    for threshold in np.linspace(0.491, 0.609, 60):
        drawn = share[np.searchsorted(at, threshold, side="right") - 1]  # as a step that holds until the next
        assert drawn == pytest.approx((threshold <= PEAKS).mean())


@pytest.mark.parametrize("count", [1, 3])
def test_both_kinds_of_pictures_are_drawn_in_their_colours_and_any_name(tmp_path, count):
    names = ["cup", "$\\frac{1}{2}$", "椅子: chair"][:count]
    classes = [calibrate_class(parse_class(name), PEAKS.tolist(), [0.55, 0.62], 0.2, None) for name in names]
    draw_thresholds(tmp_path / "plot.png", classes, "a title")
    with Image.open(tmp_path / "plot.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    for colour in ((0xD5, 0x5E, 0x00), (0x00, 0x72, 0xB2), (0, 0, 0)):
        assert (pixels == colour).all(axis=1).sum() > 50


def test_a_class_that_no_picture_shows_is_drawn_too(tmp_path):
    never = calibrate_class(parse_class("cup"), [0.0], [], 0.2, None)
    draw_thresholds(tmp_path / "plot.png", [never], "none")
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.width > 300
