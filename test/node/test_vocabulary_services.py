# SPDX-License-Identifier: Apache-2.0
"""Changing the words while images flow: the stream goes on, and no mask mixes two vocabularies."""

import os
from pathlib import Path

import numpy as np
import pytest
from node_process import policies
from probe import LATCHED, checkerboard, find, stamp_ns, to_array
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from talk2dino_msgs.msg import PointOfInterestArray
from talk2dino_msgs.srv import GetVocabulary, SetVocabulary
from vision_msgs.msg import LabelInfo

SET, GET = "talk2dino/set_vocabulary", "talk2dino/get_vocabulary"
UNLABELED = 255


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The folder of the text cache."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def process(start_node, cache):
    return start_node(
        "model:=mini",
        "vocabulary:=[cup, dog]",
        "background:=0.0",
        "id_quarantine_s:=3600.0",
        f"text_cache_dir:={cache}",
    )


@pytest.fixture(scope="module")
def probe(process, make_probe):
    probe = make_probe(process)
    probe.label_infos = probe.collect(LabelInfo, "talk2dino/label_info", LATCHED)
    probe.masks = probe.collect(Image, "talk2dino/mask")
    probe.points = probe.collect(PointOfInterestArray, "talk2dino/points_of_interest")
    probe.wait_until_active()
    probe.settle()
    probe.mask_of(checkerboard(), probe.masks)
    return probe


@pytest.fixture
def camera(probe):
    probe.start_camera(checkerboard())
    yield probe
    probe.stop_camera()


def labels_of(info: LabelInfo) -> dict[int, str]:
    return {each.class_id: each.class_name for each in info.class_map}


def active(probe) -> GetVocabulary.Response:
    return probe.call(GetVocabulary, GET)


def slow_classes(kind: str, count: int) -> list[str]:
    """Words, new for each kind, each long: some ten take longer to encode than an image."""
    return [f"object {number}: {f'{number} very ' * 90}{kind}" for number in range(count)]


def test_the_first_vocabulary_is_that_of_the_parameter(probe):
    vocabulary = active(probe)
    assert (list(vocabulary.names), list(vocabulary.ids)) == (["cup", "dog"], [1, 2])
    assert (vocabulary.model, vocabulary.unlabeled_id) == ("mini", UNLABELED)
    assert vocabulary.version == stamp_ns(probe.label_infos[-1])


def test_a_change_is_in_the_reply_in_label_info_and_in_the_next_mask(probe):
    before = active(probe)
    reply = probe.call(SetVocabulary, SET, classes=["dog", "!wall", "door: a door, an open door"])
    assert reply.success, reply.message
    assert reply.version > before.version
    assert reply.ids[0] == 2
    assert reply.ids[1] == UNLABELED
    assert reply.ids[2] not in (1, 2)
    assert f"dog = 2, door = {reply.ids[2]}" in reply.message
    assert reply.seconds > 0
    after = active(probe)
    assert list(after.classes) == ["dog", "!wall", "door: a door, an open door"]
    assert (list(after.names), list(after.ids)) == (["dog", "wall", "door"], list(reply.ids))
    info = probe.wait_for(lambda: find(probe.label_infos, reply.version), "the new label_info")
    assert labels_of(info) == {2: "dog", reply.ids[2]: "door"}
    mask = to_array(probe.mask_of(checkerboard(), probe.masks))
    assert set(np.unique(mask)) <= {2, reply.ids[2], UNLABELED}


def test_masks_keep_coming_while_text_is_encoded_and_each_is_of_one_vocabulary(camera):
    start = camera.call(SetVocabulary, SET, classes=["cup", "dog"])
    camera.wait_for(
        lambda: camera.points and camera.points[-1].vocabulary_version == start.version, "points of the first words"
    )
    camera.points.clear()
    for count in (8, 32, 128):  # until encoding takes longer than an image, on whatever machine beside whatever else
        masks_before = len(camera.masks)
        first = camera.call_async(SetVocabulary, SET, classes=slow_classes(f"large {count}", count))
        second = camera.call_async(SetVocabulary, SET, classes=["train", "plane"])
        replies = [camera.result(first, "the first change"), camera.result(second, "the second change")]
        assert [reply.success for reply in replies] == [True, True]
        assert replies[0].version < replies[1].version
        if len(camera.masks) > masks_before:
            break
    else:
        pytest.fail("no mask came while the text was encoded")
    camera.wait_for(
        lambda: camera.points and camera.points[-1].vocabulary_version == replies[1].version, "the new points"
    )
    versions = {points.vocabulary_version for points in camera.points}
    camera.wait_for(lambda: all(find(camera.label_infos, version) for version in versions), "the label_info of each")
    labels = {stamp_ns(info): set(labels_of(info)) for info in camera.label_infos}
    for points in camera.points:
        mask = camera.wait_for(lambda points=points: find(camera.masks, stamp_ns(points)), "the points' mask")
        ids = set(np.unique(to_array(mask))) - {UNLABELED}
        assert ids <= labels[points.vocabulary_version]


def test_while_text_is_encoded_in_idle_time_other_services_answer(process, probe):
    for count in (8, 32, 128):  # until encoding takes longer than a reply, on whatever machine beside whatever else
        before = active(probe)
        change = probe.call_async(SetVocabulary, SET, classes=slow_classes(f"of {count}", count))
        probe.wait_for(
            lambda change=change: change.done() or os.SCHED_IDLE in policies(process.pid),
            "a thread of idle priority",
        )
        meanwhile, was_encoding = active(probe), not change.done()
        assert probe.result(change, "the change").success
        if was_encoding:
            assert repr(meanwhile) == repr(before)  # a threshold that is none is NaN, which equals nothing
            return
    pytest.fail("no reply came while text was encoded")


def test_another_node_takes_known_words_from_the_cache_and_loads_no_text_encoder(
    process, probe, start_node, make_probe, cache
):
    words = ["cup", "mug: " + "a " * 490 + "mug"]
    first = probe.call(SetVocabulary, SET, classes=words)
    other = start_node(
        "model:=mini", "vocabulary:=[cup]", f"text_cache_dir:={cache}", "text_encoder:=free", namespace="/other"
    )
    probe = make_probe(other, namespace="/other")
    probe.wait_until_active()
    second = probe.call(SetVocabulary, SET, classes=words)
    for reply in (first, second):
        assert reply.success
        assert "cut" in reply.message
    libraries = {each.pid: Path(f"/proc/{each.pid}/maps").read_text() for each in (process, other)}
    assert "tokenizers" in libraries[process.pid]
    assert "tokenizers" not in libraries[other.pid]
    other.stop()


def test_an_unusable_cache_gives_one_warning_and_ends_nothing(start_node, make_probe, tmp_path):
    (tmp_path / "text_features_1.sqlite3").write_bytes(b"not a database " * 100)
    process = start_node("model:=mini", "vocabulary:=[cup]", f"text_cache_dir:={tmp_path}", namespace="/broken")
    probe = make_probe(process, namespace="/broken")
    probe.wait_until_active()
    reply = probe.call(SetVocabulary, SET, classes=["dog"])
    assert reply.success
    assert "the text cache" not in reply.message
    assert process.output.count("the text cache") == 1  # of the first vocabulary
    assert "cannot be used (file is not a database)" in process.output
    process.stop()


def test_versions_of_the_points_never_go_back(camera):
    camera.points.clear()
    for name in ("cup", "dog", "train"):
        assert camera.call(SetVocabulary, SET, classes=[name]).success
        count = len(camera.points)
        camera.wait_for(lambda count=count: len(camera.points) > count, "points")
    versions = [points.vocabulary_version for points in camera.points]
    assert versions == sorted(versions)


def test_label_info_comes_before_the_first_mask_that_uses_it(camera):
    told, used = [], []  # versions, and when they were sent
    node, topics = camera.node, ("talk2dino/label_info", "talk2dino/points_of_interest")

    def take(sent, version_of):
        return lambda message, info: sent.append((version_of(message), info["source_timestamp"]))

    subscriptions = [
        node.create_subscription(LabelInfo, topics[0], take(told, stamp_ns), LATCHED),
        node.create_subscription(PointOfInterestArray, topics[1], take(used, lambda m: m.vocabulary_version), 100),
    ]
    version = camera.call(SetVocabulary, SET, classes=["helmet"]).version
    camera.wait_for(lambda: version in dict(told) and version in dict(used), "label_info and points of the new")
    assert dict(told)[version] < min(when for each, when in used if each == version)
    for subscription in subscriptions:
        node.destroy_subscription(subscription)


BAD_REQUESTS = {
    "no class": ([], [], "0 classes"),
    "a blank name": (["cup", "  "], [], "blank"),
    "a duplicate": (["cup", "Cup"], [], "twice"),
    "too many": ([f"c{number}" for number in range(255)], [], "255 classes"),
    "too many prompts": (["cup: " + ", ".join(f"cup {number}" for number in range(20_000))], [], "20000 prompts"),
    "a very long name": (["x" * 10000], [], "10000 characters"),
    "a control character": (["cup\a"], [], "U+0007"),
    "distractors only": (["!wall"], [], "distractors"),
    "too few ids": (["cup", "dog"], [1], "1 fixed id came with 2 classes"),
    "an id twice": (["cup", "dog"], [9, 9], "9"),
    "the unlabeled id": (["cup"], [255], "255"),
    "an id beyond a byte": (["cup"], [256], "256"),
}


@pytest.mark.parametrize("bad", BAD_REQUESTS)
def test_a_bad_request_changes_nothing_and_says_why(probe, bad):
    classes, ids, reason = BAD_REQUESTS[bad]
    before = active(probe)
    reply = probe.call(SetVocabulary, SET, classes=classes, ids=ids)
    assert not reply.success
    assert reason in reply.message
    assert (reply.version, list(reply.ids)) == (before.version, [])
    assert repr(active(probe)) == repr(before)
    probe.mask_of(checkerboard(), probe.masks)
    assert stamp_ns(probe.label_infos[-1]) == before.version


def test_names_in_any_script_are_accepted(probe):
    reply = probe.call(SetVocabulary, SET, classes=["Tür", "椅子", "кресло: chair"])
    assert reply.success, reply.message
    info = probe.wait_for(lambda: find(probe.label_infos, reply.version), "the new label_info")
    assert set(labels_of(info).values()) == {"Tür", "椅子", "кресло"}


def test_a_truncated_prompt_is_a_warning_in_the_reply(probe):
    reply = probe.call(SetVocabulary, SET, classes=["mug: " + "a " * 490 + "mug"])
    assert reply.success, reply.message
    assert "cut" in reply.message


def test_a_removed_names_id_is_in_quarantine_and_returns_to_the_name(probe):
    first = probe.call(SetVocabulary, SET, classes=["violin", "lamp"])
    second = probe.call(SetVocabulary, SET, classes=["lamp", "sofa"])
    third = probe.call(SetVocabulary, SET, classes=["violin", "sofa"])
    assert second.ids[0] == first.ids[1]
    assert second.ids[1] not in first.ids
    assert list(third.ids) == [first.ids[0], second.ids[1]]
    refused = probe.call(SetVocabulary, SET, classes=["rocket"], ids=[first.ids[1]])
    assert not refused.success
    assert "lamp" in refused.message


def test_the_caller_may_fix_ids_including_0(probe):
    reply = probe.call(SetVocabulary, SET, classes=["fixed one", "fixed two"], ids=[0, 254])
    assert (reply.success, list(reply.ids)) == (True, [0, 254]), reply.message
    assert set(np.unique(to_array(probe.mask_of(checkerboard(), probe.masks)))) <= {0, 254, UNLABELED}


def test_of_many_requests_at_once_the_newest_is_active_and_each_older_one_is_answered(camera):
    client = camera.node.create_client(SetVocabulary, SET, qos_profile=QoSProfile(depth=300))  # keeps unread answers
    camera.wait_for(client.service_is_ready, "the service")
    known = []  # an answer is lost where the server has not discovered this client yet
    request = SetVocabulary.Request(add=["cup"])
    camera.wait_for(lambda: known.append(client.call_async(request)) or any(each.done() for each in known), "an answer")
    camera.result(client.call_async(request), "an answer to the last of them, when none is under way")
    futures = [client.call_async(SetVocabulary.Request(classes=[f"word {number}"])) for number in range(300)]
    replies = [camera.result(future, "a change") for future in futures]
    assert (replies[0].success, replies[-1].success) == (True, True)
    assert all("a newer request replaced this one" in reply.message for reply in replies if not reply.success)
    accepted = [reply.version for reply in replies if reply.success]
    assert accepted == sorted(set(accepted))
    assert (active(camera).version, list(active(camera).names)) == (accepted[-1], ["word 299"])


def test_requests_of_a_dead_client_do_not_block_others_and_invalid_ones_are_answered_at_once(camera):
    dead = camera.node.create_client(SetVocabulary, SET)
    camera.wait_for(dead.service_is_ready, "the service")
    for count in (20, 80, 240):  # until encoding takes longer than an answer, on whatever machine beside whatever else
        before = active(camera).version
        camera.label_infos.clear()
        for number in range(5):
            slow = slow_classes(f"of {number} and {count}", count)
            dead.call_async(SetVocabulary.Request(classes=[f"dead {number}", *slow]))
        nonsense = camera.call(SetVocabulary, SET, classes=["cup: " + ", ".join(["cup"] * 20_000)])
        assert "20000 prompts" in nonsense.message
        was_first = nonsense.version == before
        camera.wait_for(lambda: camera.label_infos, "the first of them active")
        if was_first:
            break
        assert camera.call(SetVocabulary, SET, classes=["cup"]).success  # once the last of them is over
    assert was_first, "it was answered before those that came earlier"
    camera.node.destroy_client(dead)
    assert camera.call(SetVocabulary, SET, classes=["cup"]).success
    assert set(active(camera).names) == {"cup"}
    were_active = {name for info in camera.label_infos for name in labels_of(info).values() if "dead" in name}
    assert were_active <= {"dead 0", "dead 4"}
