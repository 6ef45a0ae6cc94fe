# SPDX-License-Identifier: Apache-2.0
"""Pausing, and parameters that change while images flow."""

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from probe import BEST_EFFORT, LATCHED, checkerboard, find, stamp_ns, to_array
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool
from vision_msgs.msg import LabelInfo

from talk2dino_ros.engine.runtime.stage_times import STAGES

ENABLE = "talk2dino/enable"


@pytest.fixture(scope="module")
def process(start_node):
    return start_node(
        "model:=mini",
        "vocabulary:=[cup, dog]",
        "background:=0.0",
        "unlabeled_id:=0",
        "mask_width:=80",
        "mask_height:=60",
        "paused_mask_period_s:=0.3",
        "diagnostics_period_s:=0.2",
        "image_timeout_s:=0.5",
    )


@pytest.fixture(scope="module")
def probe(process, make_probe):
    probe = make_probe(process)
    probe.label_infos = probe.collect(LabelInfo, "talk2dino/label_info", LATCHED)
    probe.masks = probe.collect(Image, "talk2dino/mask")
    probe.confidences = probe.collect(Image, "talk2dino/confidence")
    probe.diagnostics = probe.collect(DiagnosticArray, "/diagnostics")
    probe.wait_until_active()
    probe.settle()
    probe.mask_of(checkerboard(), probe.masks)
    return probe


@pytest.fixture
def paused(probe):
    probe.start_camera(checkerboard())
    reply = probe.call(SetBool, ENABLE, data=False)
    assert (reply.success, reply.message) == (True, "paused: an all-unlabeled mask every 0.3 s")
    yield probe
    assert probe.call(SetBool, ENABLE, data=True).success
    probe.stop_camera()


def is_unlabeled(mask: Image) -> bool:
    return bool(np.all(to_array(mask) == 0))


def statuses(probe, part: str) -> list[DiagnosticStatus]:
    return [status for array in probe.diagnostics for status in array.status if part in status.name]


def test_mask_and_confidence_have_the_size_of_the_parameters(probe):
    mask = probe.mask_of(checkerboard(), probe.masks)
    confidence = probe.wait_for(lambda: find(probe.confidences, stamp_ns(mask)), "the confidence")
    assert to_array(mask).shape == to_array(confidence).shape == (60, 80)
    assert mask.header == confidence.header == probe.sent[stamp_ns(mask)]


def test_while_paused_unlabeled_masks_with_the_newest_headers_are_published(paused):
    paused.masks.clear()
    masks = paused.wait_for(lambda: len(quiet := [m for m in paused.masks if is_unlabeled(m)]) >= 3 and quiet, "masks")
    stamps = [stamp_ns(mask) for mask in masks]
    assert len(set(stamps)) == len(stamps)
    for mask in masks:
        assert to_array(mask).shape == (60, 80)
        assert mask.header == paused.sent[stamp_ns(mask)]
        confidence = paused.wait_for(lambda mask=mask: find(paused.confidences, stamp_ns(mask)), "the confidence")
        assert not to_array(confidence).any()


def test_while_paused_no_image_counts_as_dropped_and_diagnostics_say_paused(paused):
    first = paused.made_from_now(paused.diagnostics, "diagnostics")
    paused.wait_for(lambda: len(paused.diagnostics) >= paused.diagnostics.index(first) + 5, "diagnostics")
    paused.diagnostics[:] = paused.diagnostics[paused.diagnostics.index(first) :]
    dropped = [
        pair.value for status in statuses(paused, "camera") for pair in status.values if pair.key == "images dropped"
    ]
    assert len(set(dropped)) == 1
    assert {status.message for status in statuses(paused, "camera")} == {"paused"}


def test_after_resuming_masks_have_classes_again(probe):
    mask = probe.wait_for(
        lambda: (mask := probe.mask_of(checkerboard(), probe.masks)) and not is_unlabeled(mask) and mask, "classes"
    )
    assert set(np.unique(to_array(mask))) <= {1, 2}


def test_a_threshold_changes_live_and_label_info_tells_it(probe):
    version = stamp_ns(probe.label_infos[-1])
    try:
        assert probe.set_parameter("background", 0.99).successful
        probe.wait_for(lambda: probe.label_infos[-1].threshold == pytest.approx(0.99), "the threshold in label_info")
        assert stamp_ns(probe.label_infos[-1]) == version
        probe.wait_for(lambda: is_unlabeled(probe.mask_of(checkerboard(), probe.masks)), "an unlabeled mask")
    finally:
        assert probe.set_parameter("background", 0.0).successful
    probe.wait_for(lambda: not is_unlabeled(probe.mask_of(checkerboard(), probe.masks)), "classes")


def test_refinement_changes_live(probe):
    try:
        assert probe.set_parameter("refine", "pamr").successful
        probe.mask_of(checkerboard(), probe.masks)
    finally:
        assert probe.set_parameter("refine", "none").successful


def test_the_overlay_can_be_switched_off_live(probe):
    overlays = probe.collect(Image, "talk2dino/overlay", BEST_EFFORT)
    probe.wait_for(lambda: probe.mask_of(checkerboard(), probe.masks) and overlays, "an overlay")
    try:
        assert probe.set_parameter("overlay", False).successful
        last_ns = stamp_ns(probe.mask_of(checkerboard(), probe.masks))  # may have been under way
        overlays.clear()
        for _ in range(3):
            probe.mask_of(checkerboard(), probe.masks)
        assert [each for each in overlays if stamp_ns(each) > last_ns] == []
    finally:
        assert probe.set_parameter("overlay", True).successful


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("device", "cuda", "deactivate and clean up"),
        ("vocabulary", ["cup"], "set_vocabulary"),
        ("mask_width", 100, "deactivate and clean up"),
        ("background", 1.5, "background"),
        ("background", -0.5, "expected -1.0"),
        ("refine", "crf", "expected none or pamr"),
        ("overlay_alpha", "much", "type"),
        ("background_cleaning", True, "background_cleaning"),
    ],
)
def test_a_refused_parameter_change_gives_the_reason_and_the_stream_goes_on(probe, name, value, reason):
    result = probe.set_parameter(name, value)
    assert not result.successful
    assert reason in result.reason
    probe.mask_of(checkerboard(), probe.masks)


def test_a_silent_camera_is_warned_of_with_a_remedy(probe):
    def warned() -> bool:
        newest = statuses(probe, "camera")[-1:]
        return bool(newest) and newest[0].level == DiagnosticStatus.WARN

    probe.wait_for(warned, "a warning")
    remedy = "look whether its driver runs, and at its log"
    probe.wait_for(lambda: remedy in statuses(probe, "camera")[-1].message, "the remedy")
    assert "no image on /robot/image" in statuses(probe, "camera")[-1].message
    probe.wait_for(lambda: remedy in probe.process.output, "the remedy in the log")
    assert "no image on /robot/image" in probe.process.output
    probe.mask_of(checkerboard(), probe.masks)
    probe.start_camera(checkerboard())  # one image for each mask would be too few, where a mask takes image_timeout_s
    try:
        probe.diagnostics.clear()
        probe.wait_for(lambda: statuses(probe, "camera") and not warned(), "the all-clear")
    finally:
        probe.stop_camera()


def test_masks_that_are_late_for_latency_warn_s_are_warned_of_until_it_is_raised_again(probe):
    assert probe.set_parameter("latency_warn_s", 0.001).successful

    def message() -> str:
        probe.mask_of(checkerboard(), probe.masks)
        newest = statuses(probe, "camera")[-1]
        assert newest.level in (DiagnosticStatus.OK, DiagnosticStatus.WARN)
        return newest.message

    probe.wait_for(lambda: "expected at most 0.001 s (latency_warn_s)" in message(), "a warning")
    values = {pair.key: pair.value for pair in statuses(probe, "camera")[-1].values}
    assert values["alarm: latency"].startswith("WARN: a mask of /robot/image takes ")
    assert probe.set_parameter("latency_warn_s", 60.0).successful
    probe.wait_for(lambda: message() == "segmenting", "the all-clear")


def values_after_a_mask(probe) -> dict[str, str]:
    """What the model's status says after another image has been segmented and its batch has ended."""
    for _ in range(2):  # the second image is taken after the first one's batch
        probe.mask_of(checkerboard(), probe.masks)
    array = probe.made_from_now(probe.diagnostics, "diagnostics")
    return {pair.key: pair.value for status in array.status if "model" in status.name for pair in status.values}


def test_stage_times_are_in_diagnostics_only_while_they_are_asked_for(probe):
    assert not any("[ms]" in key for key in values_after_a_mask(probe))
    assert probe.set_parameter("stage_times", True).successful
    values = values_after_a_mask(probe)
    shown = [key.removesuffix(" p50 [ms]") for key in values if key.endswith(" p50 [ms]")]
    assert {"decode", "backbone", "publish", "points"} <= set(shown) <= set(STAGES)
    assert shown == sorted(shown, key=STAGES.index)
    for name in shown:
        assert 0 <= float(values[f"{name} p50 [ms]"]) <= float(values[f"{name} p99 [ms]"])

    def are_told_apart():  # one that a busy machine has held up is soon none of the middle
        values = values_after_a_mask(probe)
        return float(values["backbone p50 [ms]"]) > float(values["decode p50 [ms]"])

    probe.wait_for(are_told_apart, "a longer time for the backbone than for decoding")
    assert probe.set_parameter("stage_times", False).successful
    assert not any("[ms]" in key for key in values_after_a_mask(probe))


def test_diagnostics_say_what_computes_pamr(probe):
    assert values_after_a_mask(probe)["PAMR computed by"] == "numba"
