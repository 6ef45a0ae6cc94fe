# SPDX-License-Identifier: Apache-2.0
"""What a real node has seen is written on demand or at an error, and a replay repeats it bit for bit."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from depth_camera import HEIGHT, PATIENT, WIDTH, attach, flat, see
from probe import checkerboard, find, raw_message, stamp_ns, to_array
from std_srvs.srv import Trigger
from talk2dino_msgs.srv import SetVocabulary

from talk2dino_ros.cli.main import main
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns

pytest.importorskip("rosbags", reason="pip install -r tools/requirements/bags.txt is missing")
from rosbags.highlevel import AnyReader


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("problems") / "own"


@pytest.fixture(scope="module")
def probe(start_node, make_probe, folder):
    process = start_node(
        "model:=mini",
        "vocabulary:=[cup, dog, car]",
        "background:=0.0",
        "target_frame:=map",
        *PATIENT,
        "problem_seconds:=600.0",
        f"problem_folder:={folder}",
    )
    probe = make_probe(process)
    attach(probe)
    return probe


def of_the_bag(bag: Path, topic: str) -> dict[int, object]:
    """A topic's messages by stamp."""
    with AnyReader([bag]) as reader:
        connections = [each for each in reader.connections if each.topic == topic]
        messages = [reader.deserialize(data, each.msgtype) for each, _, data in reader.messages(connections)]
    return {stamp_to_ns(message.header.stamp): message for message in messages}


def places(points) -> list:
    return [
        (each.class_id, each.class_name, each.object_id, each.confidence, each.position.x, each.position.y)
        for each in points.points
    ]


def test_a_replay_of_what_was_recorded_gives_the_same_masks_bit_for_bit(probe, folder, tmp_path, capsys):
    for shift in (0, 7, 14):
        see(probe, flat(), shift=shift)
    assert probe.call(SetVocabulary, "talk2dino/set_vocabulary", classes=["red", "sky: blue sky", "!grass"]).success
    for shift in (21, 28):
        see(probe, flat(), shift=shift)
    assert probe.set_parameter("min_area_share", 0.05).successful
    see(probe, flat(), shift=35)
    answer = probe.call(Trigger, "talk2dino/record_problem")
    assert answer.success, answer.message
    (path,) = folder.iterdir()
    count = len(probe.points)
    probe.wait_for(lambda: len(probe.masks) == count, "the last mask")
    assert answer.message.startswith(f"{path}: ")
    assert f"{count} images of /robot/image in " in answer.message

    assert main(["replay", str(path), "-o", str(tmp_path / "again")]) == 0, capsys.readouterr().err
    told = capsys.readouterr()
    assert "a problem of /robot/talk2dino, asked by ~/record_problem" in told.out
    assert f"{count} masks of {count} images on /robot/image" in told.out
    masks = of_the_bag(tmp_path / "again", "/robot/talk2dino/mask")
    assert set(masks) == {stamp_ns(mask) for mask in probe.masks}
    for mask in probe.masks:
        again = masks[stamp_ns(mask)]
        assert np.array_equal(again.data.reshape(again.height, again.width), to_array(mask))
        assert again.header.frame_id == mask.header.frame_id
    points = of_the_bag(tmp_path / "again", "/robot/talk2dino/points_of_interest")
    for published in probe.points:
        again = points[stamp_ns(published)]
        assert again.vocabulary_version == published.vocabulary_version
        assert places(again) == places(published)
    assert any(each.has_position for message in points.values() for each in message.points)
    labels = of_the_bag(tmp_path / "again", "/robot/talk2dino/label_info")
    assert set(labels) == {message.vocabulary_version for message in probe.points}


def test_other_words_can_be_tried_on_the_same_images(probe, folder, tmp_path):
    (path,) = folder.iterdir()
    assert main(["replay", str(path), "-o", str(tmp_path / "again"), "--classes", "sofa"]) == 0
    labels = of_the_bag(tmp_path / "again", "/robot/talk2dino/label_info")
    assert {each.class_name for message in labels.values() for each in message.class_map} == {"sofa"}


def test_at_an_error_a_problem_is_written_with_its_reason(probe, folder):
    before = set(folder.iterdir())
    assert probe.set_parameter("problem_on_error", True).successful
    for _ in range(2):  # at most one in five minutes
        message = raw_message(checkerboard(HEIGHT, WIDTH))
        message.encoding = "rgb99"
        stamp = probe.send_message(message)
    written = probe.wait_for(
        lambda: [path for path in set(folder.iterdir()) - before if not path.name.startswith(".")], "the problem"
    )
    description = json.loads((written[0] / "problem.json").read_text())
    assert re.search(r"an image on /robot/image was dropped: .*rgb99", description["why"])
    assert description["errors"][-1].endswith(description["why"])
    see(probe, flat(), shift=0)
    assert find(probe.masks, stamp) is None
    assert set(folder.iterdir()) - before == {written[0]}
    images = of_the_bag(written[0], "/robot/image")
    assert any(image.encoding == "rgb99" for image in images.values())  # what was wrong is in it
