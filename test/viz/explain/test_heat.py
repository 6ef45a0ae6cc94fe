# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from talk2dino_ros.viz.explain.heat import Scale, digits_between, heat, number_text, scale_bar

YELLOW, PURPLE = (253, 231, 36), (68, 1, 84)  # the ends of viridis, as its authors publish them


def test_a_scale_reaches_from_the_smallest_to_the_largest_of_all():
    scale = Scale.of(np.array([[0.2, 0.4]], np.float32), np.array([[-0.1]], np.float32))
    assert (scale.low, scale.high) == pytest.approx((-0.1, 0.4))
    np.testing.assert_allclose(scale.share([-0.1, 0.15, 0.4, 9.0]), [0, 0.5, 1, 1], atol=1e-6)


def test_the_largest_is_yellow_and_the_smallest_purple_in_rgb():
    picture = heat(np.array([[0.0, 1.0]], np.float32), Scale(0, 1))
    assert np.abs(picture[0, 0].astype(int) - PURPLE).max() <= 1
    assert np.abs(picture[0, 1].astype(int) - YELLOW).max() <= 1


def test_values_that_are_all_the_same_have_one_colour():
    flat = np.full((2, 2), 0.3, np.float32)
    assert len(np.unique(heat(flat, Scale.of(flat)).reshape(-1, 3), axis=0)) == 1


def test_another_map_of_colours_can_be_had():
    ends = heat(np.array([[0.0, 1.0]], np.float32), Scale(0, 1), cv2.COLORMAP_INFERNO)
    assert ends[0, 0].max() <= 5  # inferno starts black


@pytest.mark.parametrize(("value", "text"), [(0.126, "0.13"), (-0.001, "0.00"), (-0.25, "-0.25"), (1, "1.00")])
def test_numbers_have_two_digits_and_no_minus_before_zero(value, text):
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("low", "high", "digits"), [(0.1, 0.3, 2), (0.0001, 0.0042, 3), (-0.0001, 0.0002, 4), (0.25, 0.25, 5)]
)
def test_a_scale_s_ends_are_written_so_that_they_can_be_told_apart(low, high, digits):
    assert digits_between(low, high) == digits


def test_the_bar_has_the_largest_value_at_its_top_and_marks_where_they_belong():
    bar = scale_bar(Scale(0, 1), 201, 20, {0.25: "quarter", 2.0: "outside"}, 150)
    assert bar.shape == (201, 150, 3)
    assert np.abs(bar[0, 0].astype(int) - YELLOW).max() <= 1
    assert np.abs(bar[-1, 0].astype(int) - PURPLE).max() <= 1
    inked = np.flatnonzero((bar[:, 40:] < 128).any(axis=(1, 2)))
    assert 130 < inked.min() <= inked.max() < 170  # a quarter of the way up is row 150
    np.testing.assert_array_equal(bar, scale_bar(Scale(0, 1), 201, 20, {0.25: "quarter"}, 150))
