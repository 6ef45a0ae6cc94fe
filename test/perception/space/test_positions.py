# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError
from talk2dino_ros.perception.space.depth import Depth, depth_to_metres
from talk2dino_ros.perception.space.positions import MAX_POINTS, position_of, surface_points
from talk2dino_ros.perception.space.regions import find_regions

WIDTH, HEIGHT, FOCAL = 160, 120, 100.0


def camera(distortion=()):
    matrix = np.array([[FOCAL, 0, 79.5], [0, FOCAL, 59.5], [0, 0, 1]])
    return CameraModel(matrix, distortion, "plumb_bob", WIDTH, HEIGHT)


def region_of(inside):
    mask = np.where(inside, 1, 255).astype(np.uint8)
    (region,) = find_regions(mask, np.full(mask.shape, 255, np.uint8), {1: "object"}, min_area_share=0)
    return region


def square(x=30, y=20, side=40):
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[y : y + side, x : x + side] = True
    return inside


def surface(inside, metres, lens=None, **options):
    metres = np.broadcast_to(np.asarray(metres, np.float32), (HEIGHT, WIDTH))
    return surface_points(region_of(inside), Depth(metres, lens or camera()), **options)


def test_a_board_facing_the_camera_is_where_it_is():
    points = surface(square(), 2.0, erosion=0.0)  # 40 pixels of 0.02 m around pixel (49.5, 39.5)
    assert points.dtype == np.float64
    assert len(points) == 1600
    place = position_of(points, "camera")
    np.testing.assert_allclose(place.xyz, [-0.6, -0.4, 2.0])
    np.testing.assert_allclose(place.extent, [0.72, 0.72, 0], atol=0.021)  # 90 % of 0.8 m
    variance = (40**2 - 1) / 12 * 0.02**2  # of 40 numbers 0.02 apart
    np.testing.assert_allclose(np.reshape(place.covariance, (3, 3)), np.diag([variance, variance, 0]), atol=1e-9)
    assert place.frame_id == "camera"


def test_the_points_project_into_the_region_through_the_lens():
    lens = camera((-0.25, 0.06, 0.001, 0.001, 0.0))
    inside = square(100, 70)
    points = surface(inside, 3.0, lens)
    xs, ys = np.round(lens.project(points)).astype(int).T
    assert inside[ys, xs].all()
    assert (points[:, 2] == 3).all()


def test_the_border_is_left_out_by_its_share_of_the_way_to_the_middle():
    metres = np.full((HEIGHT, WIDTH), 5.0)
    metres[square(35, 25, 30)] = 2.0  # within 5 pixels of its border, the region shows the background
    points = surface(square(), metres, erosion=0.3)  # 20 pixels to the middle: 6 are left out
    assert len(points) == 30 * 30
    assert (points[:, 2] == 2).all()
    assert len(surface(square(), 5.0, erosion=0.0)) == 1600
    assert len(surface(square(), 5.0, erosion=1.0)) == 4  # the innermost ones


def test_a_region_one_pixel_wide_keeps_its_pixels():
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[50, 20:60] = True
    assert len(surface(inside, 1.0, erosion=0.9)) == 40


@pytest.mark.parametrize("share", [0.1, 0.3, 0.45])
def test_the_background_through_holes_does_not_move_the_object(share):
    rng = np.random.default_rng(0)
    metres = np.where(rng.random((HEIGHT, WIDTH)) < share, 6.0, 2.0)
    metres += 0.01 * rng.standard_normal(metres.shape)
    points = surface(square(), metres)
    assert np.abs(points[:, 2] - 2).max() < 0.1
    np.testing.assert_allclose(position_of(points, "").xyz, [-0.6, -0.4, 2], atol=0.03)


def test_outliers_nearer_than_the_object_are_dropped_too():
    rng = np.random.default_rng(0)
    metres = np.where(rng.random((HEIGHT, WIDTH)) < 0.2, rng.uniform(0.2, 1.5, (HEIGHT, WIDTH)), 2.0)
    points = surface(square(), metres)
    np.testing.assert_allclose(points[:, 2], 2)


def test_outliers_slightly_behind_the_object_are_dropped_too():
    rng = np.random.default_rng(0)
    metres = np.where(rng.random((HEIGHT, WIDTH)) < 0.2, 2.3, 2 + 0.005 * rng.standard_normal((HEIGHT, WIDTH)))
    assert surface(square(), metres)[:, 2].max() < 2.05


def test_coarsely_quantised_depth_is_no_outlier():
    rng = np.random.default_rng(0)
    metres = np.where(rng.random((HEIGHT, WIDTH)) < 0.3, 2.01, 2.0)
    assert len(surface(square(), metres, erosion=0.0)) == 1600


def test_noise_and_slant_are_no_outliers():
    rng = np.random.default_rng(0)
    slanted = 2 + np.linspace(0, 4, WIDTH)  # 1 m over the region's 40 columns
    assert len(surface(square(), slanted, erosion=0.0)) == 1600
    noisy = 2 + 0.02 * rng.standard_normal((HEIGHT, WIDTH))
    assert len(surface(square(), noisy, erosion=0.0)) > 0.98 * 1600


def test_pixels_without_depth_give_no_points():
    metres = np.full((HEIGHT, WIDTH), 2.0)
    metres[:, ::2] = np.nan
    points = surface(square(), metres, erosion=0.0)
    assert len(points) == 800
    assert np.isfinite(points).all()


def test_large_regions_are_sampled_evenly_and_small_ones_whole():
    everything = surface(np.ones((HEIGHT, WIDTH), bool), 2.0, erosion=0.0)
    assert MAX_POINTS / 3 < len(everything) <= MAX_POINTS
    xs, ys = np.round(camera().project(everything)).astype(int).T
    assert len(np.unique(xs)) * len(np.unique(ys)) == len(everything)
    np.testing.assert_allclose([xs.mean(), ys.mean()], [79.5, 59.5], atol=0.6)
    assert len(surface(square(side=10), 2.0, erosion=0.0)) == 100


def test_a_region_that_a_grid_passes_between_is_not_lost():
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[::4] = True
    inside[:, 0] = True  # stripes of one region; the grid takes every second row, from the second
    points = surface(inside, 2.0, erosion=0.0)
    assert 0 < len(points) <= MAX_POINTS


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_depth_of_zeros_is_no_position_and_the_reason_is_given(encoding):
    zeros = np.zeros((HEIGHT, WIDTH), "u2" if encoding == "16UC1" else "f4")
    reason = surface(square(), depth_to_metres(zeros, encoding), erosion=0.0)
    assert reason == "no depth inside the region (all 1600 pixels are zero, NaN or infinite)"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0])
def test_depth_that_is_none_is_no_position_and_the_reason_is_given(value):
    metres = depth_to_metres(np.full((HEIGHT, WIDTH), value), "64FC1")
    assert surface(square(), metres).startswith("no depth inside the region")


def test_depth_out_of_range_is_no_position_and_the_reason_is_given():
    metres = np.full((HEIGHT, WIDTH), 12.0)
    metres[30, 40] = 0.05
    reason = surface(square(), metres, erosion=0.0, near_m=0.1, far_m=10.0)
    assert reason == "no depth between 0.1 and 10 m inside the region (it is 0.05 to 12.00 m at 1600 of 1600 pixels)"


def test_the_limits_of_the_range_are_in_it():
    assert len(surface(square(), 10.0, far_m=10.0, near_m=10.0)) == 30 * 30


def test_a_handful_of_pixels_with_depth_is_no_position_and_the_reason_is_given():
    metres = np.full((HEIGHT, WIDTH), np.nan)
    metres[30:35, 40:45] = 2.0
    reason = surface(square(), metres, erosion=0.0)
    assert reason == "too little depth inside the region (25 of 1600 pixels, 10% are needed)"
    assert len(surface(square(), metres, erosion=0.0, min_depth_share=0.01)) == 25


def test_a_region_at_the_rim_of_a_lens_that_cannot_be_inverted_says_so():
    reason = surface(square(0, 0, 12), 2.0, camera((-0.4, 0.0, 0.0, 0.0)))
    assert reason.startswith("the lens model cannot be inverted")


def test_a_depth_smaller_than_the_regions_image_is_refused():
    small = Depth(np.ones((60, 80), np.float32), camera().scaled(80, 60))
    with pytest.raises(GeometryError, match=r"reaches pixel \(1\d\d, \d+\), but the depth has 80x60 .*Depth.seen_by"):
        surface_points(region_of(square(100, 20)), small)


def test_a_position_moves_and_turns_with_its_points():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((500, 3)) * (0.3, 0.1, 0.02) + (1, 2, 3)
    turn = np.array([[0, 0, 1.0], [-1, 0, 0], [0, -1, 0]])  # optical frame to base frame
    here, there = position_of(points, "optical"), position_of(points @ turn.T + (5, 0, 0), "base")
    np.testing.assert_allclose(there.xyz, turn @ here.xyz + (5, 0, 0))
    np.testing.assert_allclose(
        np.reshape(there.covariance, (3, 3)), turn @ np.reshape(here.covariance, (3, 3)) @ turn.T, atol=1e-12
    )
    np.testing.assert_allclose(there.extent, np.abs(turn) @ here.extent)


def test_the_covariance_is_the_mean_square_about_the_position_by_a_loop():
    points = np.array([[0.0, 0, 1], [1, 0, 1], [2, 3, 1], [9, 1, 4]])
    place = position_of(points, "f")
    assert place.xyz == (1.5, 0.5, 1.0)
    expected = np.zeros((3, 3))
    for point in points:
        expected += np.outer(point - place.xyz, point - place.xyz) / 4
    np.testing.assert_allclose(np.reshape(place.covariance, (3, 3)), expected)
    assert all(isinstance(value, float) for value in (*place.xyz, *place.covariance, *place.extent))


def test_a_single_point_has_a_zero_covariance():
    place = position_of(np.array([[1.0, 2.0, 3.0]]), "f")
    assert (place.xyz, place.covariance, place.extent) == ((1, 2, 3), (0.0,) * 9, (0, 0, 0))


@pytest.mark.parametrize("points", [np.empty((0, 3)), np.array([[0, 0, 1], [np.nan, 0, 1]])])
def test_no_points_and_points_that_are_not_finite_are_refused(points):
    with pytest.raises(GeometryError, match=r"of \d points in 'map' are finite, expected all .*transform"):
        position_of(points, "map")
