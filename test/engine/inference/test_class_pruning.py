# SPDX-License-Identifier: Apache-2.0
"""By hand, and against the refinement of all classes: what is pruned would have won nothing."""

import pytest
import torch

from talk2dino_ros.engine.inference.canvas import upsampled
from talk2dino_ros.engine.inference.class_pruning import contenders
from talk2dino_ros.engine.inference.pamr import pamr


def alive(*windows, background=None):
    return contenders([torch.tensor(window) for window in windows], background).tolist()


def test_a_class_below_another_at_every_patch_is_pruned():
    assert alive([[[0.5, 0.6]], [[0.4, 0.5]], [[0.3, 0.7]]]) == [True, False, True]


def test_a_class_that_is_above_at_one_patch_of_one_window_stays():
    assert alive([[[0.5, 0.6]], [[0.4, 0.5]]], [[[0.5, 0.4]], [[0.4, 0.5]]]) == [True, True]


def test_a_class_equal_to_another_stays():
    assert alive([[[0.5, 0.6]], [[0.5, 0.5]], [[0.5, 0.6]]]) == [True, True, True]


def test_a_class_that_only_two_others_together_beat_everywhere_stays():
    # the third is nowhere the best, but PAMR may mix the patches at which the others are low
    assert alive([[[0.6, 0.1]], [[0.1, 0.6]], [[0.5, 0.5]]]) == [True, True, True]


def test_a_class_nowhere_above_the_background_is_pruned():
    assert alive([[[0.56, 0.2]], [[0.2, 0.54]]], background=0.55) == [True, False]


def test_a_class_above_the_background_in_another_window_stays():
    assert alive([[[0.56]], [[0.2]]], [[[0.2]], [[0.56]]], background=0.55) == [True, True]


def test_a_lead_within_rounding_error_prunes_nothing():
    assert alive([[[0.500005, 0.6]], [[0.5, 0.599995]]]) == [True, True]
    assert alive([[[0.5001, 0.6001]], [[0.5, 0.6]]]) == [True, False]


def test_a_class_within_rounding_error_of_the_background_stays():
    assert alive([[[0.7, 0.1]], [[0.1, 0.549995]]], background=0.55) == [True, True]
    assert alive([[[0.7, 0.1]], [[0.1, 0.5499]]], background=0.55) == [True, False]


def test_where_all_classes_are_below_the_background_the_highest_stays():
    assert alive([[[0.3, 0.2]], [[0.1, 0.4]]], background=0.55) == [False, True]


def test_of_forty_classes_only_the_one_above_all_others_stays():
    # class i is i steps above the first everywhere: the last dominates all
    scores = torch.linspace(0.3, 0.7, 40)[:, None, None].expand(40, 2, 2)
    assert contenders([scores], None).tolist() == [False] * 39 + [True]


@pytest.mark.parametrize("background", [None, 0.5])
def test_pruning_keeps_every_winner(background):
    generator = torch.Generator().manual_seed(4)
    level = torch.linspace(0.35, 0.5, 12)[:, None, None]
    scores = level + 0.06 * torch.rand(12, 6, 8, generator=generator)
    rgb = torch.rand(3, 60, 80, generator=generator)
    can_win = contenders([scores], background)
    refined = pamr(rgb, upsampled(scores, (60, 80)))
    best, winner = refined.max(dim=0)
    winners = winner[best > (background or 0)].unique()
    assert not can_win.all()
    assert can_win[winners].all()
