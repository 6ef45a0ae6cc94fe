# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from talk2dino_ros.perception.points_of_interest import PointOfInterest
from talk2dino_ros.viz.overlay import color_of, overlay, palette, with_answers

RNG = np.random.default_rng(5)
UNLABELED = 255


def halves(height=60, width=80):
    """Class 2 on the left half, unlabeled on the right; too small for a legend."""
    mask = np.full((height, width), UNLABELED, np.uint8)
    mask[:, : width // 2] = 2
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8), mask


def small(rgb, mask):
    return rgb[:30], mask[:30]


def test_a_class_has_the_same_colour_in_every_process():
    assert [color_of(class_id) for class_id in (1, 2, 3)] == [(225, 60, 60), (30, 240, 120), (0, 120, 255)]


def test_every_class_has_a_colour_of_its_own():
    assert len({color_of(class_id) for class_id in range(256)}) == 256


def test_the_first_twenty_colours_are_far_apart_for_the_eye():
    rgb = np.array([[color_of(class_id) for class_id in range(1, 21)]], np.float32) / 255
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[0]
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[~np.eye(20, dtype=bool)]
    assert distance.min() > 30  # CIE76; 2.3 is what an eye can just tell apart


def test_no_colour_is_a_grey():
    assert (np.ptp(palette().astype(int), axis=1) > 40).all()


def test_unlabeled_pixels_keep_the_images_colours():
    rgb, mask = small(*halves())
    picture = overlay(rgb, mask, {2: "cup"})
    np.testing.assert_array_equal(picture[:, 40:], rgb[:, 40:])
    assert (picture[:, :40] != rgb[:, :40]).any(axis=2).mean() > 0.9


def test_ids_that_are_not_listed_keep_the_images_colours():
    rgb, mask = small(*halves())
    np.testing.assert_array_equal(overlay(rgb, mask, {7: "cup"}), rgb)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.5, 1.0])
def test_a_labelled_pixel_is_a_mix_of_image_and_colour(alpha):
    rgb, mask = small(*halves())
    picture = overlay(rgb, mask, {2: "cup"}, alpha=alpha)
    mixed = rgb[:, :38] * (1 - alpha) + np.array(color_of(2)) * alpha
    np.testing.assert_allclose(picture[:, :38], mixed, atol=0.51)


def test_the_colour_grows_with_the_confidence_from_half_to_full_strength():
    mask = np.full((3, 3), 2, np.uint8)
    rgb = np.full((3, 3, 3), 100, np.uint8)
    confidence = np.array([[0] * 3, [102] * 3, [255] * 3], np.uint8)
    picture = overlay(rgb, mask, {2: "cup"}, confidence, alpha=0.8)
    for row, strength in enumerate((0.4, 0.56, 0.8)):
        mixed = 100 + strength * (np.array(color_of(2)) - 100)
        np.testing.assert_allclose(picture[row, 1], mixed, atol=0.51)


def test_the_contour_is_the_full_colour_on_each_side_of_a_border():
    mask = np.full((20, 20), 2, np.uint8)
    mask[:, 10:] = 3
    picture = overlay(np.zeros((20, 20, 3), np.uint8), mask, {2: "a", 3: "b"})
    assert picture[5, 9].tolist() == list(color_of(2))
    assert picture[5, 10].tolist() == list(color_of(3))
    assert picture[5, 7].tolist() == [round(channel / 2 - 0.01) for channel in color_of(2)]


def test_the_legend_shows_the_colour_of_each_class_that_is_there_and_of_no_other():
    mask = np.full((300, 400), 2, np.uint8)
    mask[:, 200:] = 3
    picture = overlay(np.zeros((300, 400, 3), np.uint8), mask, {2: "cup", 3: "saucer", 4: "spoon"}, alpha=0.1)
    corner = {tuple(pixel) for pixel in picture[:150, :150].reshape(-1, 3).tolist()}
    assert color_of(2) in corner
    assert color_of(3) in corner
    assert color_of(4) not in corner


def test_the_same_input_gives_the_same_picture_and_the_input_stays_as_it_was():
    rgb, mask = halves(300, 400)
    rgb_before, mask_before = rgb.copy(), mask.copy()
    first, second = (overlay(rgb, mask, {2: "cup"}) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(rgb, rgb_before)
    np.testing.assert_array_equal(mask, mask_before)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (8, 400), (400, 8), (63, 97)])
def test_small_and_narrow_images_are_drawn(size):
    rgb = np.zeros((*size, 3), np.uint8)
    point = PointOfInterest(1, "x", 1.0, 1.0, (0, 0), (0, 0, 1, 1))
    labels = {1: "a name that is much too long for so small an image"}
    picture = overlay(rgb, np.ones(size, np.uint8), labels, np.ones(size, np.uint8), points=[point])
    assert picture.shape == rgb.shape
    assert picture.dtype == np.uint8


def test_views_and_read_only_images_are_drawn():
    rgba = RNG.integers(0, 256, (40, 50, 4), dtype=np.uint8)
    rgba.flags.writeable = False
    mask = np.full((40, 100), 2, np.uint8)[:, ::2]
    plain = overlay(np.ascontiguousarray(rgba[:, :, :3]), np.ascontiguousarray(mask), {2: "cup"})
    np.testing.assert_array_equal(overlay(rgba[:, :, :3], mask, {2: "cup"}), plain)


def test_a_point_is_drawn_where_it_is():
    rgb = np.full((120, 160, 3), 90, np.uint8)
    mask = np.full((120, 160), UNLABELED, np.uint8)
    point = PointOfInterest(2, "cup", 1.0, 0.1, (100, 80), (90, 70, 20, 20))
    changed = (overlay(rgb, mask, {2: "cup"}, points=[point]) != rgb).any(axis=2)
    ys, xs = np.nonzero(changed)
    assert (xs.min() + xs.max(), ys.min() + ys.max()) == (200, 160)
    assert np.ptp(xs) <= 10
    assert np.ptp(ys) <= 10


def test_answers_to_questions_are_drawn_over_the_mask():
    result = SimpleNamespace(
        class_ids=np.array([[1, 1, 255]], np.uint8),
        confidence=np.array([[200, 200, 0]], np.uint8),
        answers={7: np.array([[0, 150, 151]], np.uint8)},
    )
    mask, confidence = with_answers(result)
    assert (mask.tolist(), confidence.tolist()) == ([[1, 7, 7]], [[200, 150, 151]])
    assert result.class_ids.tolist() == [[1, 1, 255]]
