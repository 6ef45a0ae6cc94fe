# SPDX-License-Identifier: Apache-2.0
"""Questions, thresholds and the background in a running node: what each topic has of them; add, remove, conflicts."""

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from probe import LATCHED, find, stamp_ns, to_array
from rclpy.time import Time
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool
from talk2dino_msgs.msg import PointOfInterestArray, Presence, PresenceArray, TrackedObjectArray
from talk2dino_msgs.srv import GetVocabulary, IsInView, SetVocabulary
from vision_msgs.msg import Detection2DArray, LabelInfo

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.runtime.openvino_library import is_installed
from talk2dino_ros.viz.pictures import read_picture

SET, GET = "talk2dino/set_vocabulary", "talk2dino/get_vocabulary"
CAT = read_picture(PHOTOS / "chelsea.jpg")
CLASSES = ["pet: dog, cat", "cup", "!wall"]
BACKGROUND_ID, QUESTION_ID = 3, 4


@pytest.fixture(scope="module")
def process(start_node):
    return start_node(
        "model:=mini",
        "vocabulary:=['pet: dog, cat', cup, '!wall']",
        "background_class:=nothing",
        "paused_mask_period_s:=0.1",
        "id_quarantine_s:=3600.0",
        "state_file:=''",
    )


@pytest.fixture(scope="module")
def probe(process, make_probe):
    probe = make_probe(process)
    probe.label_infos = probe.collect(LabelInfo, "talk2dino/label_info", LATCHED)
    probe.masks = probe.collect(Image, "talk2dino/mask")
    probe.confidences = probe.collect(Image, "talk2dino/confidence")
    probe.points = probe.collect(PointOfInterestArray, "talk2dino/points_of_interest")
    probe.objects = probe.collect(TrackedObjectArray, "talk2dino/objects")
    probe.detections = probe.collect(Detection2DArray, "talk2dino/detections_2d")
    probe.wait_until_active()
    probe.settle()
    return probe


def seen(probe):
    """Mask, confidence, points, objects and detections of one image."""
    mask = probe.mask_of(CAT, probe.masks)
    kinds = (probe.confidences, probe.points, probe.objects, probe.detections)
    found = [probe.wait_for(lambda kind=kind: find(kind, stamp_ns(mask)), "all of an image") for kind in kinds]
    return to_array(mask), to_array(found[0]), *found[1:]


def told(probe, presences, version):
    """What is said of the classes in the first image of a version."""

    def of_version():
        probe.mask_of(CAT, probe.masks)
        return [each.classes for each in presences if each.vocabulary_version == version]

    return probe.wait_for(of_version, "the presence")[0]


def backend(probe):
    """What runs the node's image encoder, by its diagnostics."""
    statuses = probe.collect(DiagnosticArray, "/diagnostics")

    def told():
        values = [pair for array in statuses for status in array.status for pair in status.values]
        return [pair.value for pair in values if pair.key == "backend"]

    return probe.wait_for(told, "the backend in diagnostics")[0]


def test_a_question_is_answered_without_changing_the_mask(probe):
    mask, confidence, points, _, _ = seen(probe)
    assert set(np.unique(mask)) == {1, BACKGROUND_ID}
    assert confidence.min() >= 127
    assert {point.class_name for point in points.points} == {"pet"}
    reply = probe.call(SetVocabulary, SET, add=["?cat"])
    assert (reply.success, list(reply.added), list(reply.ids)) == (True, ["cat"], [1, 2, 255, QUESTION_ID]), reply
    asked_mask, asked_confidence, points, objects, detections = seen(probe)
    np.testing.assert_array_equal(asked_mask, mask)
    np.testing.assert_array_equal(asked_confidence, confidence)
    assert {(point.class_id, point.class_name) for point in points.points} == {(1, "pet"), (QUESTION_ID, "cat")}
    assert {tracked.class_name for tracked in objects.objects} == {"pet", "cat"}
    assert {each.results[0].hypothesis.class_id for each in detections.detections} == {"pet", "cat"}
    info = probe.wait_for(lambda: [each for each in probe.label_infos if stamp_ns(each) == reply.version], "label_info")
    labels = {each.class_id: each.class_name for each in info[0].class_map}
    assert labels == {1: "pet", 2: "cup", BACKGROUND_ID: "nothing"}
    again = probe.call(SetVocabulary, SET, add=["?Cat: cat"])
    assert (again.success, list(again.added), again.version) == (True, [], reply.version)
    gone = probe.call(SetVocabulary, SET, remove=["?cat", "pet!"], expected_version=reply.version)
    assert (gone.success, gone.message) == (
        True,
        "not removed, as nothing active is written so: 'pet!'; active classes: pet = 1, cup = 2; distractors: wall",
    )
    assert {point.class_name for point in seen(probe)[2].points} == {"pet"}


def test_a_conflicting_change_is_refused_and_changes_nothing(probe):
    before = probe.call(GetVocabulary, GET)
    assert (before.background_class, before.background_id) == ("nothing", BACKGROUND_ID)
    refused = {
        "somebody has changed it": {"add": ["?dog"], "expected_version": before.version - 1},
        "the name stands for 'pet: dog, cat'": {"add": ["?pet"]},
        "has the name of the background": {"classes": ["Nothing"]},
        "classes were given together": {"classes": ["dog"], "remove": ["cup"]},
    }
    for says, fields in refused.items():
        reply = probe.call(SetVocabulary, SET, **fields)
        assert (reply.success, reply.version) == (False, before.version)
        assert says in reply.message
    assert list(probe.call(GetVocabulary, GET).classes) == CLASSES


def asked(probe, **fields):
    """The answer of is_in_view, while the camera sends the cat."""
    probe.start_camera(CAT)
    try:
        return probe.call(IsInView, "talk2dino/is_in_view", timeout_s=120.0, **fields)
    finally:
        probe.stop_camera()


def test_who_asks_is_told_in_view_or_not_in_view_though_nobody_listens(probe):
    pet = asked(probe, class_name="Pet")
    assert (pet.success, pet.presence.state, pet.presence.class_name) == (True, Presence.IN_VIEW, "pet"), pet.message
    assert pet.message.startswith("'pet': in view: its best score is 0.")
    assert stamp_ns(pet) in probe.sent
    assert 0 < Time.from_msg(pet.first_seen).nanoseconds <= stamp_ns(pet) == Time.from_msg(pet.last_seen).nanoseconds
    cup = asked(probe, class_name="cup")
    assert (cup.success, cup.presence.state) == (True, Presence.NOT_IN_VIEW), cup.message
    assert cup.message.endswith("; never seen so far")
    assert cup.presence.best_score < pet.presence.best_score
    nobody = probe.call(IsInView, "talk2dino/is_in_view", class_name="dragon")
    assert (nobody.success, nobody.presence.state) == (False, Presence.NOT_LOOKED_FOR)
    assert "'dragon' is not looked for, expected one of pet, cup; add it as a question" in nobody.message

    def silence():  # once the camera's last images have been segmented
        answer = probe.call(IsInView, "talk2dino/is_in_view", class_name="cup", timeout_s=0.2)
        return None if answer.success else answer

    silent = probe.wait_for(silence, "no answer")
    assert "was segmented in 0.2 s, expected one" in silent.message


def test_a_paused_mask_is_unlabeled_and_not_background(probe):
    assert probe.call(SetBool, "talk2dino/enable", data=False).success
    mask = probe.mask_of(CAT, probe.masks)
    assert (to_array(mask) == 255).all()
    confidence = probe.wait_for(lambda: find(probe.confidences, stamp_ns(mask)), "the confidence")
    assert not to_array(confidence).any()
    paused = probe.call(IsInView, "talk2dino/is_in_view", class_name="cup")
    assert (paused.success, "the segmenter is paused, expected it to segment" in paused.message) == (False, True)
    assert probe.call(SetBool, "talk2dino/enable", data=True).success


def test_a_threshold_takes_its_classs_pixels_from_the_next_mask_and_keeps_ids(probe):
    first = probe.call(SetVocabulary, SET, classes=CLASSES)
    free, _, points, _, _ = seen(probe)
    assert (free == 1).any()
    assert {point.class_name for point in points.points} == {"pet"}
    raised = probe.call(SetVocabulary, SET, add=["pet >= 0.73: dog, cat"])  # which no score of it reaches
    assert raised.success, raised.message
    assert raised.version > first.version
    assert (raised.ids, list(raised.added)) == (first.ids, [])
    assert "pet = 1 (>= 0.73), cup = 2" in raised.message
    taken, _, points, _, _ = seen(probe)
    np.testing.assert_array_equal(taken, np.where(free == 1, BACKGROUND_ID, free))
    assert (list(points.points), points.vocabulary_version) == ([], raised.version)
    after = probe.call(GetVocabulary, GET)
    assert list(after.classes) == ["pet >= 0.73: dog, cat", "cup", "!wall"]
    for reply in (raised, after):
        np.testing.assert_array_equal(reply.thresholds, np.array([0.73, np.nan, np.nan], np.float32))
    assert after.background == np.float32(0.525)  # of mini
    info = probe.wait_for(lambda: find(probe.label_infos, raised.version), "the new label_info")
    assert {each.class_id: each.class_name for each in info.class_map} == {1: "pet", 2: "cup", BACKGROUND_ID: "nothing"}
    presences = probe.collect(PresenceArray, "talk2dino/presence")
    for text, state in (("pet >= 0.73: dog, cat", Presence.NOT_IN_VIEW), ("pet: dog, cat", Presence.IN_VIEW)):
        reply = probe.call(SetVocabulary, SET, classes=[text, "cup", "!wall"])
        pet, cup = told(probe, presences, reply.version)
        assert (pet.class_name, pet.state, pet.has_own_threshold) == ("pet", state, ">=" in text), pet.reason
        assert (cup.class_name, cup.state) == ("cup", Presence.NOT_IN_VIEW), cup.reason
        assert pet.best_score > cup.best_score
    assert backend(probe).startswith("openvino" if is_installed() else "torch")  # so that all of this holds through it
    again = probe.call(SetVocabulary, SET, classes=["pet >= 0.3: dog, cat", "cup", "!wall"])  # far below the background
    lowered = seen(probe)[0]
    assert (again.ids, (lowered == 1).sum() > (free == 1).sum()) == (first.ids, True)
