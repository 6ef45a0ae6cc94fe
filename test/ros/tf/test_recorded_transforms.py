# SPDX-License-Identifier: Apache-2.0
import math
from types import SimpleNamespace

import numpy as np
import pytest

from talk2dino_ros.ros.tf.recorded_transforms import RecordedTransforms
from talk2dino_ros.ros.tf.transforms import TransformError

SECOND = 10**9


def sent(second: float, parent: str, child: str, at=(0.0, 0.0, 0.0), yaw: float = 0.0):
    stamp = SimpleNamespace(sec=int(second), nanosec=round(second % 1 * 1e9))
    turn = SimpleNamespace(x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2))
    shift = SimpleNamespace(**dict(zip("xyz", at, strict=True)))
    header = SimpleNamespace(stamp=stamp, frame_id=parent)
    return SimpleNamespace(
        header=header, child_frame_id=child, transform=SimpleNamespace(translation=shift, rotation=turn)
    )


@pytest.fixture
def transforms():
    """A base that drives from x = 0 to 4 in 10 s, turning by 90 degrees, with a camera one metre ahead of it."""
    transforms = RecordedTransforms()
    assert transforms.add(sent(1, "base", "camera", (1.0, 0.0, 0.0)), is_static=True) == ""
    assert transforms.add(sent(10, "map", "base"), is_static=False) == ""
    assert transforms.add(sent(20, "map", "base", (4.0, 0.0, 0.0), math.pi / 2), is_static=False) == ""
    return transforms


def test_between_two_samples_the_place_is_on_the_line_and_the_turn_even(transforms):
    quarter = transforms.lookup("map", "camera", round(12.5 * SECOND))
    yaw = math.pi / 8
    assert quarter.translation == pytest.approx([1 + math.cos(yaw), math.sin(yaw), 0])
    assert quarter.yaw == pytest.approx(yaw)
    end = transforms.lookup("map", "camera", 20 * SECOND)
    assert end.apply(np.array([2.0, 0.0, 0.0])) == pytest.approx([4, 3, 0])


def test_the_way_back_and_across_is_the_inverse(transforms):
    transforms.add(sent(1, "base", "laser", (0.0, 2.0, 0.0), math.pi), is_static=True)
    back = transforms.lookup("camera", "map", 20 * SECOND)
    assert back.apply(np.array([4.0, 1.0, 0.0])) == pytest.approx([0, 0, 0])  # where the camera is
    across = transforms.lookup("laser", "camera", 15 * SECOND)
    assert across.apply(np.array([0.0, 0.0, 0.0])) == pytest.approx([-1, 2, 0])


def test_all_of_a_long_recording_is_known(transforms):
    transforms.add(sent(100_000, "map", "base", (9.0, 0.0, 0.0)), is_static=False)
    assert transforms.lookup("map", "base", 10 * SECOND).translation == pytest.approx([0, 0, 0])


@pytest.mark.parametrize(
    ("source", "second", "sentence"),
    [
        ("camera", 21, "the newest moment known of all frames between them is 1.000 s earlier"),
        ("camera", 8, "the oldest moment known of a frame between them is 2.000 s later"),
        ("gripper", 12, "nothing on /tf or /tf_static names 'gripper'"),
    ],
)
def test_an_unknown_transform_is_one_sentence(transforms, source, second, sentence):
    with pytest.raises(TransformError, match=sentence):
        transforms.lookup("map", source, second * SECOND)


def test_a_transform_that_makes_no_sense_is_dropped_and_told(transforms):
    assert "cannot be its own parent" in transforms.add(sent(12, "base", "base"), is_static=False)


def test_frames_that_are_made_up_push_each_other_out_and_none_that_is_named_again(monkeypatch):
    monkeypatch.setattr("talk2dino_ros.ros.tf.tree.MOST_FRAMES", 10)
    transforms = RecordedTransforms()
    for number in range(50):
        assert transforms.add(sent(1 + number, "map", "base"), is_static=False) == ""
        assert transforms.add(sent(1 + number, "map", f"made up {number}"), is_static=False) == ""
    assert transforms.lookup("map", "base", 1 * SECOND)
    assert transforms.lookup("map", "made up 49", None)
    with pytest.raises(TransformError, match="names 'made up 3'"):
        transforms.lookup("map", "made up 3", None)
    assert len(transforms._history._links) == 10


def test_a_frame_of_a_name_without_end_is_dropped_in_a_short_sentence():
    flaw = RecordedTransforms().add(sent(1, "map", "x" * 257), is_static=False)
    assert flaw == (
        f"A transform from frame '{'x' * 39}…' to its parent 'map' was dropped: a frame's name has 257 characters "
        "instead of 256; its publisher has to shorten it."
    )
    assert RecordedTransforms().add(sent(1, "map", "x" * 256), is_static=False) == ""
