# SPDX-License-Identifier: Apache-2.0
"""Which frames of a camera are taken for its body's, by quaternions and axes made by hand."""

import math

import numpy as np
import pytest

from talk2dino_ros.ros.tf.optical_frame import frame_doubt
from talk2dino_ros.ros.tf.transforms import Transform

BODY = np.eye(3)  # as the robot's base: x forward, y left, z up
OPTICAL = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # columns: right is -y, down is -z, forward is x of the base


def turned_about_x(degrees: float) -> np.ndarray:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def turned_about_y(degrees: float) -> np.ndarray:
    """About the base's y axis: a positive angle tilts what looks forward down."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def turned_about_z(degrees: float) -> np.ndarray:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def doubt(rotation: np.ndarray, frame: str = "camera_link", target: str = "base_link") -> str:
    return frame_doubt(Transform(rotation, np.array([0.1, 0.0, 0.3])), frame, target)


@pytest.mark.parametrize(
    ("rotation", "degrees"),
    [
        (BODY, 90),
        (turned_about_z(135), 90),  # a camera at the robot's back
        (turned_about_y(40), 50),  # a head that looks down, or up
        (turned_about_y(-40), 50),
        (turned_about_x(15), 75),  # a robot on a slope
    ],
)
def test_a_body_frame_looks_upwards(rotation, degrees):
    assert doubt(rotation).startswith(
        f"are in the frame 'camera_link', whose z axis points {degrees} degrees upwards in 'base_link', expected an "
        "optical frame (REP 103: z into the picture, x right, y down)"
    )


@pytest.mark.parametrize(
    "rotation",
    [
        OPTICAL,
        turned_about_z(135) @ OPTICAL,
        turned_about_y(60) @ OPTICAL,  # down at the floor
        turned_about_y(90) @ OPTICAL,
        turned_about_y(-40) @ OPTICAL,  # up at a face
        turned_about_y(-65) @ OPTICAL,  # and steeper than a face: its y axis is 25 degrees off the horizontal
        OPTICAL @ turned_about_z(90),  # a camera on its side
        turned_about_y(-40) @ OPTICAL @ turned_about_z(90),
        turned_about_x(180),  # a body frame upside down could be an optical one that looks down
    ],
)
def test_an_optical_frame_may_look_anywhere_but_straight_up(rotation):
    assert doubt(rotation) == ""


def test_a_camera_that_looks_at_the_ceiling_cannot_be_told_from_a_body_frame_and_the_sentence_says_so():
    text = doubt(turned_about_y(-85) @ OPTICAL)
    assert "points 85 degrees upwards" in text
    assert "unless the camera looks at the ceiling" in text


def test_between_two_optical_frames_nothing_points_upwards():
    assert doubt(np.eye(3), "depth_optical_frame", "camera_color_optical_frame") == ""


def test_the_rotation_that_the_sentence_advises_makes_the_body_frame_an_optical_one():
    """rpy of a URDF is roll about x, then pitch about y, then yaw about z, all of the parent."""
    assert 'stamp them with an optical frame, below this one and turned by rpy="-1.5708 0 -1.5708"' in doubt(BODY)
    untold = doubt(BODY, "camera_optical_frame")  # that nobody has turned
    assert 'turn it against the camera\'s body by rpy="-1.5708 0 -1.5708"' in untold
    advised = turned_about_z(-90) @ turned_about_y(0) @ turned_about_x(-90)
    np.testing.assert_allclose(advised, OPTICAL, atol=1e-12)
