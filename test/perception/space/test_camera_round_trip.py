# SPDX-License-Identifier: Apache-2.0
"""A pixel's ray, at any distance, is seen in that pixel again, for every lens; where it cannot be, the ray is NaN."""

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st
from steady_examples import steady

from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError

SIZE = (640, 480)
LENSES = {"": (0,), "plumb_bob": (5,), "rational_polynomial": (8,), "equidistant": (4,)}
NEAR = 1.0  # pixel: the lens of a camera is inverted by steps, to half a pixel


@st.composite
def cameras(draw):
    lens = draw(st.sampled_from(sorted(LENSES)))
    focal = draw(st.floats(150, 2000))
    centre = draw(st.tuples(st.floats(200, 440), st.floats(150, 330)))
    (count,) = LENSES[lens]
    coefficients = draw(st.lists(st.floats(-0.3, 0.3), min_size=count, max_size=count))
    matrix = np.array([[focal, 0, centre[0]], [0, focal * draw(st.floats(0.9, 1.1)), centre[1]], [0, 0, 1]])
    try:
        return CameraModel(matrix, tuple(coefficients), lens, *SIZE)
    except GeometryError:
        return CameraModel(matrix, (), "", *SIZE)


@given(cameras(), st.lists(st.tuples(st.floats(0, 639), st.floats(0, 479)), min_size=1, max_size=8), st.floats(0.1, 50))
@steady
def test_a_pixel_is_seen_again_where_its_ray_ends(camera, pixels, distance):
    rays = camera.rays(np.array(pixels))
    known = np.isfinite(rays).all(axis=1)
    ends = np.column_stack([rays, np.ones(len(rays))]) * distance
    assert np.abs(camera.project(ends)[known] - np.array(pixels)[known]).max(initial=0.0) <= NEAR
    if not camera.distortion:
        assert known.all()


@given(cameras(), st.integers(1, 4000), st.integers(1, 4000))
@steady
def test_a_scaled_camera_sees_the_same_rays(camera, width, height):
    middle = np.array([[(SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2]])
    scaled = np.array([[(width - 1) / 2, (height - 1) / 2]])
    one, other = camera.rays(middle), camera.scaled(width, height).rays(scaled)
    if np.isfinite(one).all() and np.isfinite(other).all():
        np.testing.assert_allclose(one, other, atol=1e-3)
