# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError

MATRIX = [[500.0, 0, 319.5], [0, 400.0, 239.5], [0, 0, 1]]
LENSES = {
    "plumb_bob": (-0.25, 0.08, 0.001, -0.002, 0.01),
    "rational_polynomial": (0.5, 0.1, 0.0005, -0.0003, 0.01, 0.8, 0.2, 0.02),
    "equidistant": (0.05, -0.01, 0.003, -0.001),
}


def camera(matrix=MATRIX, distortion=(), model="plumb_bob", width=640, height=480):
    return CameraModel(np.array(matrix), tuple(distortion), model, width, height)


def some_points():
    rng = np.random.default_rng(0)
    rays = rng.uniform((-0.55, -0.5), (0.55, 0.5), (200, 2))
    z = rng.uniform(0.3, 8, (200, 1))
    return np.hstack([rays * z, z])


def test_a_ray_without_distortion_is_the_offset_over_the_focal_length():
    rays = camera().rays(np.array([[319.5, 239.5], [819.5, 239.5], [319.5, 39.5]]))
    np.testing.assert_allclose(rays, [[0, 0], [1, 0], [0, -0.5]])


def test_a_point_projects_to_its_pixel():
    pixels = camera().project(np.array([[0.0, 0, 2], [1, -1, 4]]))
    np.testing.assert_allclose(pixels, [[319.5, 239.5], [444.5, 139.5]])


def test_points_that_are_not_in_front_have_no_pixel():
    assert np.isnan(camera().project(np.array([[0.0, 0, 0], [1, 1, -2], [0, 0, np.nan]]))).all()


@pytest.mark.parametrize("model", ["plumb_bob", "rational_polynomial"])
def test_distorted_points_project_as_opencv_projects_them(model):
    points = some_points()
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), np.array(MATRIX), np.array(LENSES[model]))
    np.testing.assert_allclose(camera(distortion=LENSES[model], model=model).project(points), expected[:, 0])


def test_the_equidistant_lens_is_its_published_polynomial():
    points = some_points()
    k = LENSES["equidistant"]
    radius = np.hypot(points[:, 0], points[:, 1])
    theta = np.arctan2(radius, points[:, 2])
    bent = theta * (1 + k[0] * theta**2 + k[1] * theta**4 + k[2] * theta**6 + k[3] * theta**8)
    expected = points[:, :2] * (bent / radius)[:, None] * (500, 400) + (319.5, 239.5)
    np.testing.assert_allclose(camera(distortion=k, model="equidistant").project(points), expected)


@pytest.mark.parametrize("model", LENSES)
def test_the_ray_of_a_points_pixel_goes_through_the_point(model):
    points = some_points()
    lens = camera(distortion=LENSES[model], model=model)
    np.testing.assert_allclose(lens.rays(lens.project(points)), points[:, :2] / points[:, 2:], atol=1e-6)


def test_a_fisheye_without_coefficients_is_still_no_pinhole():
    fisheye = camera([[200.0, 0, 319.5], [0, 200, 239.5], [0, 0, 1]], (0, 0, 0, 0), "equidistant")
    ray = fisheye.rays(np.array([[319.5 + 200 * np.pi / 4, 239.5]]))
    np.testing.assert_allclose(ray, [[1, 0]], atol=1e-9)


def test_pixels_that_no_ray_reaches_have_none():
    # r (1 - 0.3 r^2) is at most 0.70, at r = 1.05: what lies farther out is dust on the rim, not the world
    barrel = camera([[500.0, 0, 319.5], [0, 500, 239.5], [0, 0, 1]], (-0.3, 0, 0, 0))
    rays = barrel.rays(np.array([[319.5 + 0.69 * 500, 239.5], [319.5 + 0.72 * 500, 239.5]]))
    assert rays[0, 0] == pytest.approx(0.93, abs=0.05)
    assert np.isnan(rays[1]).all()


def test_points_beside_or_behind_a_fisheye_have_no_pixel():
    fisheye = camera([[200.0, 0, 319.5], [0, 200, 239.5], [0, 0, 1]], (0, 0, 0, 0), "equidistant")
    assert np.isnan(fisheye.rays(np.array([[319.5 + 200 * 1.6, 239.5]]))).all()


def test_the_ray_grid_holds_every_pixels_ray_and_is_computed_once():
    first, second = (camera(distortion=LENSES["plumb_bob"], width=64, height=48) for _ in range(2))
    grid = first.ray_grid()
    assert (grid.shape, grid.dtype) == ((48, 64, 2), np.float32)
    np.testing.assert_allclose(grid[7, 33], first.rays(np.array([[33, 7]]))[0], rtol=1e-6)
    assert second.ray_grid() is grid
    with pytest.raises(ValueError, match="read-only"):
        grid[0] = 0


def test_models_are_equal_by_value_and_cannot_be_changed_from_outside():
    matrix = np.array(MATRIX)
    model = CameraModel(matrix, (), "", 640, 480)
    matrix[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        model.matrix[0, 0] = 1
    assert model == camera()
    assert hash(model) == hash(camera())
    assert model != camera(distortion=(0.1, 0, 0, 0))
    assert model != "camera"


def test_scaling_keeps_what_the_images_corners_see():
    small = camera().scaled(320, 160)
    corners = np.array([[-0.5, -0.5], [639.5, 479.5]])
    np.testing.assert_allclose(small.rays(np.array([[-0.5, -0.5], [319.5, 159.5]])), camera().rays(corners))
    np.testing.assert_allclose(small.matrix, [[250, 0, 159.5], [0, 400 / 3, 79.5], [0, 0, 1]])


def test_scaling_up_and_down_again_changes_nothing():
    np.testing.assert_allclose(camera().scaled(123, 77).scaled(640, 480).matrix, MATRIX)


def test_distortion_stays_as_it_is_when_the_image_is_scaled():
    lens = camera(distortion=LENSES["plumb_bob"])
    full = lens.rays(np.array([[100.5, 60.5]]))  # the corner of four pixels is the centre of one of half the size
    np.testing.assert_allclose(lens.scaled(320, 240).rays(np.array([[50.0, 30.0]])), full)


def test_an_image_of_the_cameras_ratio_is_a_resized_one():
    assert camera().for_image(320, 240) == camera().scaled(320, 240)
    assert camera(width=848, height=480).for_image(424, 240).width == 424
    assert camera(width=1279, height=720).for_image(640, 360).width == 640  # halves are rounded


def test_an_image_of_another_ratio_was_cropped_and_is_refused():
    with pytest.raises(GeometryError, match=r"image is 640x480 .* camera_info's 1280x720 .* aspect ratio.*one source"):
        camera(width=1280, height=720).for_image(640, 480)


@pytest.mark.parametrize("focal", [(0.0, 400.0), (500.0, 0.0), (-500.0, 400.0)])
def test_a_focal_length_that_is_not_above_zero_is_refused(focal):
    with pytest.raises(GeometryError, match=r"focal lengths are .* pixels, expected both above 0.*calibrate"):
        camera([[focal[0], 0, 1], [0, focal[1], 1], [0, 0, 1]])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_matrix_that_is_not_finite_is_refused(value):
    with pytest.raises(GeometryError, match=r"camera matrix is .*nan|inf.*nine finite numbers"):
        camera([[500, 0, value], [0, 500, 1], [0, 0, 1]])


def test_a_matrix_with_skew_or_of_zeros_below_is_refused():
    with pytest.raises(GeometryError, match=r"expected \[\[fx, 0, cx\]"):
        camera([[500, 3, 1], [0, 500, 1], [0, 0, 1]])
    with pytest.raises(GeometryError, match=r"expected \[\[fx, 0, cx\]"):
        camera([[500, 0, 1], [0, 500, 1], [0, 0, 0]])


def test_an_image_without_pixels_is_refused():
    with pytest.raises(GeometryError, match="is 0x480 pixels, expected at least 1x1; set width"):
        camera(width=0)
    with pytest.raises(GeometryError, match="0x0"):
        camera().scaled(0, 0)


def test_an_unknown_distortion_model_is_refused_with_the_known_ones():
    with pytest.raises(
        GeometryError, match=r"'omni' is unknown, expected plumb_bob, rational_polynomial, .*equidistant"
    ):
        camera(distortion=(0.1,), model="omni")


@pytest.mark.parametrize("count", [4, 5, 8, 12, 14])
@pytest.mark.parametrize("name", ["plumb_bob", "rational_polynomial", "radtan", "Plumb_Bob ", "brown_conrady"])
def test_the_number_of_coefficients_decides_and_not_the_name(name, count):
    """plumb_bob with 8 (calibration tools), rational with 5, radtan (Kalibr), as OpenCV takes them."""
    coefficients = np.resize([-0.2, 0.05, 0.001, -0.002, 0.01, 0.02, -0.01], count)
    lens = camera(distortion=coefficients, model=name)
    points = np.array([[0.3, -0.2, 1.0], [-0.1, 0.25, 1.0]])
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), np.array(MATRIX), coefficients)
    np.testing.assert_allclose(lens.project(points), expected[:, 0])
    assert lens.distortion_model == ("plumb_bob" if count <= 5 else "rational_polynomial")


@pytest.mark.parametrize("name", ["equidistant", "fisheye", "kannala_brandt4", "Fisheye"])
@pytest.mark.parametrize("padding", [0, 1, 4])
def test_every_name_of_the_fisheye_model_is_accepted_with_padding_too(name, padding):
    lens = camera(distortion=(*LENSES["equidistant"], *[0.0] * padding), model=name)
    assert lens == camera(distortion=LENSES["equidistant"], model="equidistant")


@pytest.mark.parametrize("name", ["", "none", "None", "NONE", "pinhole", "perspective"])
@pytest.mark.parametrize("zeros", [(), (0.0,) * 5, (0.0,) * 7])
def test_every_name_for_no_distortion_is_accepted(name, zeros):
    assert camera(distortion=zeros, model=name) == camera()


@pytest.mark.parametrize("name", ["", "none", "pinhole"])
def test_coefficients_beside_a_name_of_no_lens_are_refused(name):
    with pytest.raises(
        GeometryError, match=f"'{name}' came with the coefficients .*, expected none or zeros; name the"
    ):
        camera(distortion=(0.1, 0.0, 0.0, 0.0, 0.0), model=name)


def test_surplus_zero_coefficients_are_padding():
    padded = camera(distortion=(0.1, 0.2, 0.0, 0.0, 0.3, 0.0, 0.0), model="plumb_bob")
    assert padded.distortion == (0.1, 0.2, 0.0, 0.0, 0.3)


@pytest.mark.parametrize(
    ("model", "distortion", "expected"),
    [
        ("plumb_bob", (0.1, 0.2, 0.3), "came with 3 coefficients, expected 4 or 5 or 8 or 12 or 14"),
        ("plumb_bob", (0.1,) * 6, "came with 6 coefficients, expected 4 or 5 or 8 or 12 or 14"),
        ("rational_polynomial", (0.1,) * 15, "came with 15 coefficients"),
        ("equidistant", (), "came with 0 coefficients, expected 4"),
        ("fisheye", (0.1,) * 5, "came with 5 coefficients, expected 4"),
    ],
)
def test_a_number_of_coefficients_that_no_lens_has_is_refused(model, distortion, expected):
    with pytest.raises(GeometryError, match=expected):
        camera(distortion=distortion, model=model)


def test_coefficients_that_are_not_finite_are_refused():
    with pytest.raises(GeometryError, match=r"coefficients are .*nan.*expected finite"):
        camera(distortion=(0.1, np.nan, 0, 0, 0))


@pytest.mark.parametrize(("model", "distortion"), [("", ()), ("plumb_bob", ()), ("rational_polynomial", (0.0,) * 5)])
def test_no_coefficients_or_zeros_are_a_camera_without_distortion(model, distortion):
    lens = camera(distortion=distortion, model=model)
    assert lens == camera(model="")
    assert lens.rays(np.array([[819.5, 239.5]])).tolist() == [[1, 0]]
    assert lens.project(np.array([[1.0, 0, 1]])).tolist() == [[819.5, 239.5]]


def test_no_pixels_have_no_rays():
    for model in ("plumb_bob", "equidistant"):
        lens = camera(distortion=(0.1, 0, 0, 0), model=model)
        assert lens.rays(np.empty((0, 2))).shape == (0, 2)
        assert lens.project(np.empty((0, 3))).shape == (0, 2)


@pytest.mark.parametrize(
    ("model", "distortion"),
    [("x" * 10**6, (0.1,)), ("plumb_bob", (0.1,) * 10**5), ("none", (0.1,) * 10**5), ("plumb_bob", (np.nan,) * 10**5)],
)
def test_names_and_numbers_of_any_length_give_a_short_sentence(model, distortion):
    with pytest.raises(GeometryError) as caught:
        camera(distortion=distortion, model=model)
    assert len(str(caught.value)) < 500
