# SPDX-License-Identifier: Apache-2.0
"""Where the patches of an image are: with depth and a transform, without one of them, and with one lookup for all."""

from types import SimpleNamespace

import numpy as np
import pytest
from scripted_pipeline import ScriptedDepth, depth_of, frame_of, image

from talk2dino_ros.engine.inference.image_patches import ImagePatches
from talk2dino_ros.ros.tf.transforms import Transform, TransformError
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
from talk2dino_ros.segmenter.scene import Scene

# Two patches beside each other in an image of 12 x 4 pixels, whose middle is the camera's axis; focal length 10.
PATCHES = ImagePatches(np.ones((1, 2, 3), np.float16), np.array([[[3.0, 2.0], [9.0, 2.0]]], np.float32), (4.0, 6.0))
ON_RAYS = np.array([[-0.6, 0, 2], [0.6, 0, 2]])  # 3 pixels left and right of the middle, at 2 m
# The camera at (10, 0, 1), looking along x: optical z is x, optical x is -y, optical y is -z.
LOOKING_ALONG_X = Transform(np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]), np.array([10.0, 0, 1]))


class ScriptedTransforms:
    source = "a script"

    def __init__(self, transform):
        self.transform, self.lookups = transform, 0

    def lookup(self, *_):
        self.lookups += 1
        if self.transform is None:
            raise TransformError("nobody knows the frame 'map'")
        return self.transform

    def clear(self):
        pass


def places_of(metres=2.0, transforms=None, **parameters):
    """Locate an image whose whole is of one class, then its patches."""
    parameters = Parameters(**parameters)
    source = ScriptedDepth()
    source.depth = None if metres is None else depth_of(np.full((4, 12), metres))
    scene = Scene(source, transforms, parameters)
    whole = SimpleNamespace(
        class_ids=np.ones((4, 12), np.uint8), confidence=np.full((4, 12), 200, np.uint8), answers={}
    )
    frame = frame_of("front", image(width=12)).segmented(image(width=12), whole)
    return scene.patch_places(scene.locate(frame, {1: "cup"}, parameters), PATCHES, parameters)


def test_without_a_target_frame_they_are_in_the_cameras_own():
    places = places_of()
    assert (places.target_frame, places.reason) == ("optical", "")
    assert (places.pose.position, places.pose.orientation) == ((0, 0, 0), (0, 0, 0, 1))
    assert places.points.dtype == np.float32
    np.testing.assert_allclose(places.points, ON_RAYS, atol=1e-6)


def test_they_are_brought_into_the_target_frame_with_the_sensors_pose():
    transforms = ScriptedTransforms(LOOKING_ALONG_X)
    places = places_of(transforms=transforms, target_frame="map")
    assert (places.target_frame, places.reason) == ("map", "")
    np.testing.assert_allclose(places.points, [[12, 0.6, 1], [12, -0.6, 1]], atol=1e-6)
    assert places.pose.position == (10, 0, 1)
    np.testing.assert_allclose(places.pose.to_map(ON_RAYS), places.points, atol=1e-6)


def test_without_a_transform_there_is_neither_frame_nor_pose_nor_point():
    transforms = ScriptedTransforms(None)
    places = places_of(transforms=transforms, target_frame="map")
    assert (places.target_frame, places.pose, places.reason) == ("", None, "nobody knows the frame 'map'")
    assert places.points.shape == (2, 3)
    assert np.isnan(places.points).all()


@pytest.mark.parametrize("transform", [LOOKING_ALONG_X, None])
def test_the_regions_and_the_patches_of_an_image_wait_for_one_lookup(transform):
    transforms = ScriptedTransforms(transform)
    places_of(transforms=transforms, target_frame="map")
    assert transforms.lookups == 1


def test_without_depth_there_is_a_pose_and_the_reason_why_there_are_no_points():
    places = places_of(metres=None, transforms=ScriptedTransforms(LOOKING_ALONG_X), target_frame="map")
    assert (places.target_frame, places.pose.position, places.reason) == ("map", (10, 0, 1), "it is dark")
    assert np.isnan(places.points).all()


def test_depth_that_is_out_of_range_everywhere_is_said():
    places = places_of(metres=20.0)
    assert (places.target_frame, places.reason) == ("optical", "no patch has enough depth between 0.1 and 10 m")
    assert np.isnan(places.points).all()


def test_each_image_is_looked_up_anew():
    transforms, parameters = ScriptedTransforms(None), Parameters(target_frame="map")
    scene = Scene(ScriptedDepth(), transforms, parameters)
    whole = SimpleNamespace(class_ids=np.ones((4, 6), np.uint8), confidence=np.ones((4, 6), np.uint8), answers={})
    frame = frame_of("front", image()).segmented(image(), whole)
    for transform in (None, LOOKING_ALONG_X):
        transforms.transform = transform
        places = scene.patch_places(scene.locate(frame, {1: "cup"}, parameters), PATCHES, parameters)
        assert (places.pose is None) == (transform is None)
