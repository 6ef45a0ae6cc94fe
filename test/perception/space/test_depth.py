# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError
from talk2dino_ros.perception.space.depth import Depth, depth_to_metres

NAN = np.nan


def camera(width, height, focal=10.0, distortion=()):
    centre = [(width - 1) / 2, (height - 1) / 2]
    matrix = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
    return CameraModel(matrix, distortion, "plumb_bob", width, height)


def depth(metres, **options):
    metres = np.array(metres, np.float32)
    return Depth(metres, camera(metres.shape[1], metres.shape[0], **options))


@pytest.mark.parametrize("encoding", ["16UC1", "mono16"])
def test_millimetres_become_metres_and_zero_becomes_nan(encoding):
    metres = depth_to_metres(np.array([[0, 1], [1500, 65535]], np.uint16), encoding)
    assert metres.dtype == np.float32
    np.testing.assert_allclose(metres, [[NAN, 0.001], [1.5, 65.535]], rtol=1e-6)


@pytest.mark.parametrize("encoding", ["32FC1", "64FC1"])
def test_metres_stay_and_invalid_depth_becomes_nan(encoding):
    values = np.array([[0, NAN, np.inf], [-np.inf, -2, 3.25]], "f4" if encoding == "32FC1" else "f8")
    np.testing.assert_array_equal(depth_to_metres(values, encoding), [[NAN, NAN, NAN], [NAN, NAN, 3.25]])


def test_the_drivers_values_stay_as_they_are():
    values = np.array([[0, -1]], np.float32)
    depth_to_metres(values, "32FC1")
    assert values.tolist() == [[0, -1]]


def test_an_array_that_is_no_depth_image_is_refused():
    with pytest.raises(GeometryError, match=r"encoding is 'rgb8', expected 16UC1 .* or 32FC1 .*remap `depth`"):
        depth_to_metres(np.zeros((2, 2), np.uint8), "rgb8")


def test_a_depth_of_another_size_than_its_camera_is_refused():
    with pytest.raises(GeometryError, match="depth image is 3x2 pixels, but its camera model is of 4x2; scale"):
        Depth(np.ones((2, 3), np.float32), camera(4, 2))


def test_the_points_lie_on_their_pixels_rays():
    points = depth([[2, NAN, 4], [5, 6, 1]]).points()  # the principal point is (1, 0.5)
    assert (points.shape, points.dtype) == ((2, 3, 3), np.float32)
    np.testing.assert_allclose(points[0], [[-0.2, -0.1, 2], [NAN] * 3, [0.4, -0.2, 4]], rtol=1e-6)
    np.testing.assert_allclose(points[1], [[-0.5, 0.25, 5], [0, 0.3, 6], [0.1, 0.05, 1]], rtol=1e-6)


def test_the_points_project_back_to_their_pixels_through_the_lens():
    lens = camera(80, 60, focal=70.0, distortion=(-0.2, 0.05, 0.001, 0.002, 0.0))
    rng = np.random.default_rng(0)
    points = Depth(rng.uniform(1, 5, (60, 80)).astype(np.float32), lens).points()
    ys, xs = np.mgrid[:60, :80]
    np.testing.assert_allclose(lens.project(points).reshape(60, 80, 2), np.dstack([xs, ys]), atol=1e-3)


def test_a_pixel_whose_ray_is_unknown_has_no_point():
    lens = camera(101, 3, focal=50.0, distortion=(-0.3, 0.0, 0.0, 0.0))  # no ray reaches beyond 0.7 x 50 pixels
    points = Depth(np.ones((3, 101), np.float32), lens).points()
    assert np.isnan(points[1, 0]).all()
    assert np.isfinite(points[1, 20]).all()


def test_at_half_the_size_each_pixel_is_one_of_the_four():
    small = depth(np.arange(1, 25).reshape(4, 6)).at_size(3, 2)
    assert small.metres.shape == (2, 3)
    for row, column in np.ndindex(2, 3):  # which one is up to OpenCV's version
        assert small.metres[row, column] in (first := 1 + 12 * row + 2 * column, first + 1, first + 6, first + 7)
    assert small.camera == camera(6, 4).scaled(3, 2)


def test_at_another_size_the_depth_is_the_nearest_pixels_by_a_loop():
    rng = np.random.default_rng(1)
    metres = rng.uniform(1, 9, (7, 11)).astype(np.float32)
    resized = depth(metres).at_size(30, 5).metres
    for row in range(5):
        for column in range(30):
            source = metres[int((row + 0.5) * 7 / 5), int((column + 0.5) * 11 / 30)]
            assert resized[row, column] == source


def test_the_same_camera_sees_the_same_depth():
    image = depth(np.ones((4, 6)))
    assert image.seen_by(camera(6, 4)) is image


def test_a_smaller_depth_of_the_same_view_is_repeated_though_its_camera_says_so_by_itself():
    small = depth([[1, 2], [3, 4]], focal=5.0)
    seen = small.seen_by(camera(4, 4, focal=10.0))
    assert seen.metres.tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert seen.camera == camera(4, 4, focal=10.0)


def test_a_narrower_camera_sees_the_middle_and_a_wider_one_nothing_around():
    image = depth(np.arange(1, 37).reshape(6, 6), focal=10.0)
    narrow = image.seen_by(camera(2, 2, focal=10.0))
    assert narrow.metres.tolist() == [[15, 16], [21, 22]]
    wide = image.seen_by(camera(8, 8, focal=10.0)).metres
    np.testing.assert_array_equal(wide[1:-1, 1:-1], image.metres)
    assert np.isnan(wide[[0, -1]]).all()
    assert np.isnan(wide[:, [0, -1]]).all()


def test_between_two_lenses_a_pixel_gets_the_depth_of_what_both_see():
    # a wall whose depth grows from left to right, seen by a lens with distortion; the same wall by one without
    lens = camera(160, 120, focal=100.0, distortion=(-0.2, 0.05, 0.0, 0.0, 0.0))
    wall = Depth((3 + lens.ray_grid()[..., 0]).astype(np.float32), lens)
    pinhole = camera(120, 90, focal=90.0)
    seen = wall.seen_by(pinhole).metres
    np.testing.assert_allclose(seen, 3 + pinhole.ray_grid()[..., 0], atol=0.012)  # a pixel is 0.01 wide
    same_matrix = wall.seen_by(camera(160, 120, focal=100.0)).metres
    np.testing.assert_allclose(same_matrix, 3 + camera(160, 120, focal=100.0).ray_grid()[..., 0], atol=0.012)


def test_rays_beyond_a_lenses_range_have_no_depth():
    # r (1 - 0.3 r^2) falls again beyond r = 1.05 and is 0.6 at r = 1.39 as at 0.71: no second image of the wall there
    lens = camera(201, 3, focal=100.0, distortion=(-0.3, 0.0, 0.0, 0.0))
    seen = Depth(np.ones((3, 201), np.float32), lens).seen_by(camera(401, 3, focal=100.0)).metres[1]
    assert np.isfinite(seen[200 - 80 : 200 + 80]).all()
    assert np.isnan(seen[: 200 - 115]).all()
    assert np.isnan(seen[200 + 115 :]).all()


def test_what_float32_cannot_hold_is_no_depth_and_no_warning():
    values = np.array([[1e300, -1e300, 1.5, 5e-324]])
    assert np.array_equal(depth_to_metres(values, "64FC1"), np.float32([[np.nan, np.nan, 1.5, np.nan]]), equal_nan=True)


def test_a_nan_that_signals_is_no_depth_and_no_warning():
    """Found by `python -m benchmarks.fuzz`: such a float64, made a float32, is an invalid operation to NumPy."""
    values = np.array([[0x7FF0000000000001, 0x3FF0000000000000]], np.uint64).view(np.float64)
    np.testing.assert_array_equal(depth_to_metres(values, "64FC1"), np.array([[np.nan, 1.0]], np.float32))
