# SPDX-License-Identifier: Apache-2.0
"""Regions become places and objects: with scripted depth and frames, and no ROS."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError
from talk2dino_ros.perception.space.depth import Depth
from talk2dino_ros.perception.tracking.tracker import TrackState
from talk2dino_ros.ros.tf.transforms import Transform, TransformError
from talk2dino_ros.segmenter.frames import SegmentedFrame
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
from talk2dino_ros.segmenter.scene import Scene

LABELS = {1: "cup", 2: "dog"}
HEIGHT, WIDTH, FOCAL = 60, 80, 50.0
CENTRE = ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)


class DepthSource:
    """Gives what the test puts here: a Depth, or the reason why there is none."""

    is_expected = True

    def __init__(self, depth):
        self.depth = depth

    def pin(self, stamp_ns):
        pass

    def depth_of(self, _frame, _parameters):
        if isinstance(self.depth, str):
            raise GeometryError(self.depth)
        return self.depth


class Frames:
    """Knows one transform, and writes down what it is asked for."""

    source = "a script"

    def __init__(self, transform=None):
        self.transform, self.asked, self.cleared = transform, [], 0

    def lookup(self, target, source, stamp_ns, timeout_s=0.0):
        self.asked.append((target, source, stamp_ns, timeout_s))
        if self.transform is None:
            raise TransformError("nobody knows the frame 'map'")
        return self.transform

    def clear(self):
        self.cleared += 1


def depth_of(metres):
    matrix = np.array([[FOCAL, 0, CENTRE[0]], [0, FOCAL, CENTRE[1]], [0, 0, 1]])
    return Depth(np.full((HEIGHT, WIDTH), metres, np.float32), CameraModel(matrix, (), "", WIDTH, HEIGHT))


def result_with(*boxes):
    """A result whose pixels are of a class in boxes (class id, x, y, width, height) and unlabeled elsewhere."""
    ids = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for class_id, x, y, width, height in boxes:
        ids[y : y + height, x : x + width] = class_id
    return SimpleNamespace(class_ids=ids, confidence=np.where(ids == 255, 0, 204).astype(np.uint8), answers={})


def segmented(*boxes, stamp_ns=10**9):
    """A frame with such a result."""
    stamp = SimpleNamespace(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    message = SimpleNamespace(header=SimpleNamespace(stamp=stamp, frame_id="optical"))
    return SegmentedFrame("front", message, 0.0, np.zeros((HEIGHT, WIDTH, 3), np.uint8), result_with(*boxes))


CUP = (1, 20, 10, 21, 11)  # its middle pixel is (30, 15)


def test_without_depth_the_points_are_there_and_say_why_they_have_no_position():
    scene = Scene(DepthSource("no depth has come"), None, Parameters())
    (point,) = scene.locate(segmented(CUP), LABELS, Parameters()).points
    assert (point.class_name, point.pixel, point.position) == ("cup", (30, 15), None)
    assert point.no_position_reason == scene.problem == "no depth has come"


def test_where_nobody_publishes_depth_its_absence_is_no_problem():
    source = DepthSource("no depth has come")
    source.is_expected = False
    scene = Scene(source, None, Parameters())
    scene.locate(segmented(CUP), LABELS, Parameters())
    assert scene.problem == ""


def test_depth_that_is_missing_is_so_until_it_is_there_again():
    source = DepthSource("no depth has come")
    scene = Scene(source, None, Parameters())
    scene.locate(segmented(), LABELS, Parameters())
    assert scene.no_depth.text == "no depth has come"
    source.depth = depth_of(2.0)
    scene.locate(segmented(), LABELS, Parameters())
    assert scene.no_depth.text == ""
    source.depth, source.is_expected = "no depth has come", False
    scene.locate(segmented(), LABELS, Parameters())
    assert scene.no_depth.text == ""


def test_a_transform_that_is_missing_is_so_until_it_is_there_again_or_the_node_starts_anew():
    frames, parameters = Frames(), Parameters(target_frame="map")
    scene = Scene(DepthSource(depth_of(2.0)), frames, parameters)
    scene.locate(segmented(CUP), LABELS, parameters)
    assert scene.no_transform.text == "nobody knows the frame 'map'"
    scene.locate(segmented(), LABELS, parameters)  # nothing is seen, so that no transform is asked for
    assert scene.no_transform.text == "nobody knows the frame 'map'"
    scene.restart()
    assert scene.no_transform.text == ""
    scene.locate(segmented(CUP), LABELS, parameters)
    frames.transform = Transform.identity()
    scene.locate(segmented(CUP), LABELS, parameters)
    assert scene.no_transform.text == ""


def test_a_position_is_the_ray_of_the_middle_pixel_times_the_depth():
    scene = Scene(DepthSource(depth_of(2.0)), None, Parameters())
    seen = scene.locate(segmented(CUP), LABELS, Parameters())
    x, y, z = seen.points[0].position.xyz
    expected = ((30 - CENTRE[0]) / FOCAL * 2.0, (15 - CENTRE[1]) / FOCAL * 2.0, 2.0)
    assert np.allclose((x, y, z), expected, atol=1e-6)
    assert seen.points[0].position.frame_id == seen.positions_frame_id == "optical"


def test_a_position_is_brought_into_the_target_frame_at_the_images_stamp():
    turned = Transform(np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]), np.array([10.0, 0, 1]))  # optical -> ROS axes
    frames, parameters = Frames(turned), Parameters(target_frame="map", transform_timeout_s=0.25)
    scene = Scene(DepthSource(depth_of(2.0)), frames, parameters)
    seen = scene.locate(segmented(CUP, stamp_ns=7 * 10**9), LABELS, parameters)
    assert frames.asked == [("map", "optical", 7 * 10**9, 0.25)]
    assert seen.positions_frame_id == seen.points[0].position.frame_id == "map"
    x, y = (30 - CENTRE[0]) / FOCAL * 2.0, (15 - CENTRE[1]) / FOCAL * 2.0
    assert np.allclose(seen.points[0].position.xyz, (12.0, -x, 1 - y), atol=1e-6)
    assert np.allclose(seen.objects[0].position, (12.0, -x, 1 - y), atol=1e-6)


def test_a_frame_that_looks_upwards_is_doubted_until_it_does_not():
    frames, parameters = Frames(Transform.identity()), Parameters(target_frame="map")
    scene = Scene(DepthSource(depth_of(2.0)), frames, parameters)
    assert scene.locate(segmented(CUP), LABELS, parameters).points[0].position is not None
    assert "'optical', whose z axis points 90 degrees upwards in 'map'" in scene.frame_doubt
    frames.transform = Transform(np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]), np.zeros(3))
    scene.locate(segmented(CUP), LABELS, parameters)
    assert scene.frame_doubt == ""


@pytest.mark.parametrize("frames", [Frames(), None])
def test_without_a_transform_nothing_has_a_position_in_another_frame(frames):
    parameters = Parameters(target_frame="map")
    scene = Scene(DepthSource(depth_of(2.0)), frames, parameters)
    seen = scene.locate(segmented(CUP), LABELS, parameters)
    assert seen.points[0].position is None
    assert "'map'" in seen.points[0].no_position_reason
    assert seen.points[0].no_position_reason == scene.problem
    assert seen.objects[0].position is None


def test_the_images_own_frame_as_target_needs_no_transform():
    frames, parameters = Frames(), Parameters(target_frame="optical")
    scene = Scene(DepthSource(depth_of(2.0)), frames, parameters)
    assert scene.locate(segmented(CUP), LABELS, parameters).points[0].position is not None
    assert frames.asked == []


def test_one_region_without_depth_leaves_the_other_its_position():
    depth = depth_of(2.0)
    depth.metres[:, 40:] = np.nan
    scene = Scene(DepthSource(depth), None, Parameters())
    with_it, without = scene.locate(segmented(CUP, (2, 50, 10, 20, 20)), LABELS, Parameters()).points
    assert with_it.position is not None
    assert "no depth inside the region" in without.no_position_reason
    assert scene.problem == ""


def test_depth_beyond_far_m_is_ignored():
    parameters = Parameters(far_m=1.5)
    scene = Scene(DepthSource(depth_of(2.0)), None, parameters)
    (point,) = scene.locate(segmented(CUP), LABELS, parameters).points
    assert point.position is None
    assert "1.5 m" in point.no_position_reason


def test_two_objects_that_touch_in_the_image_are_told_apart_by_depth_unless_that_is_off():
    depth = depth_of(2.0)
    depth.metres[:, 40:] = 4.0
    for jump_m, expected in ((0.3, [2.0, 4.0]), (0.0, None)):
        parameters = Parameters(depth_jump_m=jump_m)
        scene = Scene(DepthSource(depth), None, parameters)
        points = scene.locate(segmented((1, 20, 10, 40, 30)), LABELS, parameters).points
        if expected is None:
            assert len(points) == 1
        else:
            assert sorted(point.position.xyz[2] for point in points) == pytest.approx(expected)


def test_an_object_is_confirmed_by_its_detections_and_its_points_carry_its_id():
    parameters = Parameters(confirm_detections=2, confirm_window=3)
    scene = Scene(DepthSource(depth_of(2.0)), None, parameters)
    first = scene.locate(segmented(CUP, stamp_ns=10**9), LABELS, parameters)
    second = scene.locate(segmented(CUP, stamp_ns=2 * 10**9), LABELS, parameters)
    assert [first.objects[0].state, second.objects[0].state] == [TrackState.TENTATIVE, TrackState.CONFIRMED]
    assert first.points[0].object_id == second.points[0].object_id == second.objects[0].id > 0


def test_stamps_that_go_back_clear_frames_and_objects():
    frames, parameters = Frames(Transform.identity()), Parameters(target_frame="map")
    scene = Scene(DepthSource(depth_of(2.0)), frames, parameters)
    before = scene.locate(segmented(CUP, stamp_ns=9 * 10**9), LABELS, parameters).objects
    assert frames.cleared == 0
    after = scene.locate(segmented(CUP, stamp_ns=10**9), LABELS, parameters).objects
    assert frames.cleared == 1
    assert {tracked.id for tracked in before}.isdisjoint(tracked.id for tracked in after)


def test_an_image_out_of_order_changes_no_object_id():
    frames, parameters = Frames(Transform.identity()), Parameters(target_frame="map")
    scene = Scene(DepthSource(depth_of(2.0)), frames, parameters)
    ids = [
        scene.locate(segmented(CUP, stamp_ns=stamp_ns), LABELS, parameters).objects[0].id
        for stamp_ns in (9 * 10**9, 9 * 10**9 - 30_000_000, 9 * 10**9 + 100_000_000)
    ]
    assert len(set(ids)) == 1
    assert frames.cleared == 0


def test_scores_of_long_ago_are_forgotten():
    scene = Scene(DepthSource("none"), None, Parameters())
    for stamp_ns, is_kept in ((9 * 10**9, False), (95 * 10**8, True), (12 * 10**9, False)):
        scene.score_memory.mixed("subject", [torch.zeros(1)], 0.5)
        scene.score_memory.keep()
        scene.locate(segmented(CUP, stamp_ns=stamp_ns), LABELS, Parameters())
        assert scene.score_memory.is_empty != is_kept


def test_answers_to_questions_have_their_own_points_and_objects():
    scene = Scene(DepthSource(depth_of(2.0)), None, Parameters())
    frame = segmented(CUP)
    frame.result.answers = {9: np.where(frame.result.class_ids == 1, 230, 0).astype(np.uint8)}
    seen = scene.locate(frame, LABELS, Parameters(), questions={9: "mug"})
    assert [(point.class_id, point.class_name) for point in seen.points] == [(1, "cup"), (9, "mug")]
    cup, mug = seen.points
    assert mug.confidence == pytest.approx(230 / 255)
    assert (mug.box, mug.pixel, mug.position) == (cup.box, cup.pixel, cup.position)
    assert sorted(tracked.class_name for tracked in seen.objects) == ["cup", "mug"]
    assert cup.object_id != mug.object_id
