# SPDX-License-Identifier: Apache-2.0
"""Points of patches by hand: surfaces, their borders, holes, and what a depth camera mixes at a border."""

import math

import numpy as np
import pytest

from talk2dino_ros.perception.space.camera_model import CameraModel
from talk2dino_ros.perception.space.depth import Depth
from talk2dino_ros.perception.space.patch_points import patch_points

WIDTH, HEIGHT, FOCAL = 64, 48, 50.0
CENTRE = ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)
SIDE = 18  # of a patch, whose rows and columns 1, 3, ..., 17 are looked at
RANGE = {"near_m": 0.1, "far_m": 10.0}


def camera(distortion=()):
    matrix = np.array([[FOCAL, 0, CENTRE[0]], [0, FOCAL, CENTRE[1]], [0, 0, 1]])
    return CameraModel(matrix, distortion, "plumb_bob", WIDTH, HEIGHT)


def centres(*pairs):
    return np.array(pairs, np.float32)


def points_of(metres, places=((24, 24),), size=(SIDE, SIDE), lens=None):
    metres = np.broadcast_to(np.asarray(metres, np.float32), (HEIGHT, WIDTH))
    return patch_points(Depth(metres, lens or camera()), centres(*places), size, **RANGE)


def patch_with(values):
    """Depth of 9 m with these values, [18, 18] or one per column, in the patch around (24, 24)."""
    metres = np.full((HEIGHT, WIDTH), 9.0)
    metres[15:33, 15:33] = values
    return metres


def test_a_wall_is_met_by_the_rays_of_the_patches_centres():
    found = points_of(2.0, [(8, 8), (24, 40)])
    assert found.dtype == np.float32
    # the corner between pixels 7 and 8 is 7.5 where pixels are counted by their middles
    expected = [
        [(x - 0.5 - CENTRE[0]) / FOCAL * 2, (y - 0.5 - CENTRE[1]) / FOCAL * 2, 2] for x, y in ((8, 8), (24, 40))
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_middle_of_the_image_is_straight_ahead():
    np.testing.assert_allclose(points_of(3.0, [(WIDTH / 2, HEIGHT / 2)]), [[0, 0, 3]], atol=1e-6)


def test_the_ray_goes_through_the_lens():
    lens = camera((-0.25, 0.06, 0.001, 0.001, 0.0))
    point = points_of(2.0, [(10, 9)], lens=lens)
    np.testing.assert_allclose(lens.project(point), [[9.5, 8.5]], atol=1e-3)


def test_a_floor_that_slopes_away_is_met_in_the_patchs_middle():
    """A plane 1 m below the camera: the row v below its middle sees it at FOCAL / v; rows 30 to 48 at 2.1 to 7.7 m."""
    below = np.arange(HEIGHT) - CENTRE[1]
    metres = np.where(below > 5, FOCAL / np.maximum(below, 5), np.nan)[:, None]
    x, y, z = points_of(metres, [(24, 39)])[0]
    assert z == pytest.approx(FOCAL / (39 - CENTRE[1]))  # of pixel row 39, half a row below the patch's middle
    assert y == pytest.approx((38.5 - CENTRE[1]) / FOCAL * z)
    assert y == pytest.approx(1.0, abs=0.5 / 15)
    assert x / z == pytest.approx((23.5 - CENTRE[0]) / FOCAL)


@pytest.mark.parametrize(("near_columns", "expected"), [(10, 1.0), (6, 3.0)])
def test_at_a_border_the_surface_that_fills_most_of_the_patch_counts(near_columns, expected):
    columns = np.where(np.arange(SIDE) < near_columns, 1.0, 3.0)
    assert points_of(patch_with(columns))[0, 2] == expected


def test_a_median_on_mixed_pixels_is_a_point_in_the_air_and_none():
    """Four columns at 1 m, four at 3 m and one between, whose pixels are mixed of both: each at another depth."""
    seen = np.tile(np.where(np.arange(SIDE) < 9, 1.0, 3.0), (SIDE, 1))
    seen[:, 9] = np.linspace(1.2, 2.8, SIDE)  # of 81 the median is the middle one of these nine
    assert np.isnan(points_of(patch_with(seen))).all()
    seen[:, 9] = 2.0  # a post between the two, with one depth, is there
    assert points_of(patch_with(seen))[0, 2] == 2.0


def test_noise_of_a_depth_camera_moves_a_wall_by_little():
    noise = np.random.default_rng(3).normal(
        1, 0.02, (SIDE, SIDE)
    )  # 2 % of the depth; the median's error is 1.25 / 9 of that
    assert points_of(patch_with(4.0 * noise))[0, 2] == pytest.approx(4.0, abs=4 * 4.0 * 0.02 * 1.25 / 9)


@pytest.mark.parametrize(("with_depth", "is_point"), [(6, True), (5, False)])
def test_a_quarter_of_a_patch_needs_depth(with_depth, is_point):
    columns = np.where(np.arange(SIDE) < with_depth, 2.0, np.nan)  # of columns 1, 3, 5 three of nine, or two
    found = points_of(patch_with(columns))
    assert np.isfinite(found).all() == is_point
    assert np.isnan(found).all() != is_point


def test_depth_out_of_range_counts_as_none():
    for metres in (0.05, 11.0):
        assert np.isnan(points_of(metres)).all()
    half = np.where(np.arange(SIDE) < 9, 0.05, 2.0)
    assert points_of(patch_with(half))[0, 2] == 2.0


def test_patches_without_depth_are_nan_and_cost_the_others_nothing():
    metres = np.full((HEIGHT, WIDTH), 2.0)
    metres[15:33, 15:33] = np.nan
    found = points_of(metres, [(24, 24), (8, 24)])
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


def test_patches_smaller_than_a_pixel_and_at_the_images_border_have_a_point():
    found = points_of(2.0, [(0.25, 0.25), (WIDTH - 0.25, HEIGHT - 0.25)], size=(0.5, 0.5))
    np.testing.assert_allclose(found[:, 2], 2.0)


def test_plain_loops_agree_on_a_seeded_scene():
    rng = np.random.default_rng(5)
    metres = np.where(rng.random((HEIGHT, WIDTH)) < 0.6, np.nan, rng.choice([1.0, 1.02, 2.0, 3.1], (HEIGHT, WIDTH)))
    metres = metres.astype(np.float32)
    places = [(x, y) for y in (6, 18, 30, 42) for x in (8, 24, 40, 56)]
    found = points_of(metres, places, size=(12, 16))[:, 2]
    for (x, y), z in zip(places, found, strict=True):
        rows = [int(y - 6 + (i + 0.5) * 12 / 9) for i in range(9)]
        columns = [int(x - 8 + (i + 0.5) * 16 / 9) for i in range(9)]
        depths = sorted(float(metres[v, u]) for v in rows for u in columns if not np.isnan(metres[v, u]))
        last = len(depths) - 1
        spread = 1 / depths[int(0.45 * last)] - 1 / depths[math.ceil(0.55 * last)]
        is_surface = len(depths) >= 81 / 4 and spread <= 0.5 * (1 / depths[0] - 1 / depths[-1])
        np.testing.assert_equal(z, np.float32(depths[last // 2] if is_surface else np.nan))
    assert 0 < np.isnan(found).sum() < len(found)
