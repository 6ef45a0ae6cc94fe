# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from talk2dino_ros.viz.class_plot import draw_classes
from talk2dino_ros.viz.pictures import read_picture

BAR = (0x1F, 0x5F, 0xA8)


def facts_of(shares, miou=50.0):
    return {
        "title": "kitchen, 3 classes",
        "model": "mini",
        "protocol": "talk2dino",
        "options": {"refine": "pamr"},
        "images": 2,
        "images_of_the_set": 3,
        "miou": miou,
        "classes": {name: {"iou": iou} for name, iou in shares.items()},
    }


def bars(path):
    """The lengths, in pixels, of the plot's bars from top to bottom."""
    is_bar = (read_picture(path) == BAR).all(axis=2).sum(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_bar > 0, [0]]).astype(int)))
    return [int(is_bar[start:stop].max()) for start, stop in edges.reshape(-1, 2)]


def test_bars_are_as_long_as_the_shares_the_best_on_top(tmp_path):
    draw_classes(tmp_path / "a.png", facts_of({"cat": 20.0, "cup: mug, cup": 80.0, "dog": 40.0, "sky": None}))
    lengths = bars(tmp_path / "a.png")
    assert len(lengths) == 3
    assert lengths[0] / lengths[2] == pytest.approx(4, rel=0.03)
    assert lengths[1] / lengths[2] == pytest.approx(2, rel=0.03)


@pytest.mark.parametrize(
    "shares",
    [
        {"$5 bill$": 10.0, "猫": 20.0, "a_b^{": 30.0},
        {f"class {number}": number / 2 for number in range(171)},
        {"cat": None},
    ],
    ids=["odd names", "many", "nothing scored"],
)
def test_every_evaluation_run_can_be_plotted(shares, tmp_path):
    draw_classes(tmp_path / "a.png", facts_of(shares, miou=None if None in shares.values() else 50.0))
    assert read_picture(tmp_path / "a.png").std() > 1
