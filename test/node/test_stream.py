# SPDX-License-Identifier: Apache-2.0
"""One unnamed camera: what goes in, what comes out, and that nothing that goes in ends it."""

import re
from itertools import pairwise

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from probe import BEST_EFFORT, LATCHED, RELIABLE, checkerboard, find, raw_message, stamp_ns, to_array
from sensor_msgs.msg import Image
from talk2dino_msgs.msg import PointOfInterestArray
from vision_msgs.msg import LabelInfo
from visualization_msgs.msg import MarkerArray

from talk2dino_ros.ros.node.problems import WARNING_PERIOD_S

CLASSES = "[cup, dog, car, '!wall']"


@pytest.fixture(scope="module")
def process(start_node):
    return start_node("model:=mini", f"vocabulary:={CLASSES}", "background:=0.0", "diagnostics_period_s:=0.2")


@pytest.fixture(scope="module")
def probe(process, make_probe):
    probe = make_probe(process)
    probe.label_infos = probe.collect(LabelInfo, "talk2dino/label_info", LATCHED)
    probe.wait_for(lambda: probe.label_infos, "label_info")
    probe.label_infos_before_the_first_image = list(probe.label_infos)
    probe.masks = probe.collect(Image, "talk2dino/mask")
    probe.confidences = probe.collect(Image, "talk2dino/confidence")
    probe.points = probe.collect(PointOfInterestArray, "talk2dino/points_of_interest")
    probe.diagnostics = probe.collect(DiagnosticArray, "/diagnostics")
    probe.wait_until_active()
    probe.settle()
    probe.mask_of(checkerboard(), probe.masks)
    return probe


def camera_status(probe) -> DiagnosticStatus:
    """The camera's newest status that is made after this call."""
    array = probe.made_from_now(probe.diagnostics, "diagnostics")
    return next(status for status in array.status if "camera" in status.name)


def values_of(status: DiagnosticStatus) -> dict[str, str]:
    return {pair.key: pair.value for pair in status.values}


def test_label_info_is_there_before_any_image(probe):
    first = probe.label_infos_before_the_first_image[0]
    assert [(each.class_id, each.class_name) for each in first.class_map] == [(1, "cup"), (2, "dog"), (3, "car")]
    assert first.threshold == 0.0
    assert stamp_ns(first) > 0


def test_a_mask_has_the_images_size_and_known_ids_and_step_equals_width(probe):
    mask = to_array(probe.mask_of(checkerboard(90, 123), probe.masks))
    assert mask.shape == (90, 123)
    assert set(np.unique(mask)) <= {1, 2, 3, 255}


def test_mask_confidence_and_points_have_the_images_own_header(probe):
    mask = probe.mask_of(checkerboard(), probe.masks)
    stamp = stamp_ns(mask)
    confidence = probe.wait_for(lambda: find(probe.confidences, stamp), "the confidence")
    points = probe.wait_for(lambda: find(probe.points, stamp), "the points")
    assert [mask.header, confidence.header, points.header] == [probe.sent[stamp]] * 3


def test_confidence_is_0_where_unlabeled(probe):
    mask = probe.mask_of(checkerboard(), probe.masks)
    confidence = probe.wait_for(lambda: find(probe.confidences, stamp_ns(mask)), "the confidence")
    assert to_array(confidence).shape == to_array(mask).shape
    assert np.all(to_array(confidence)[to_array(mask) == 255] == 0)
    assert to_array(confidence).max() > 0


def test_a_point_of_interest_lies_on_its_class_and_has_the_vocabularys_version(probe):
    mask = probe.mask_of(checkerboard(), probe.masks)
    points = probe.wait_for(lambda: find(probe.points, stamp_ns(mask)), "the points")
    assert points.points
    assert points.vocabulary_version == stamp_ns(probe.label_infos[-1])
    for point in points.points:
        assert to_array(mask)[point.pixel_y, point.pixel_x] == point.class_id
        assert point.vocabulary_version == points.vocabulary_version


def test_equal_images_give_equal_masks(probe):
    first, second = (probe.mask_of(checkerboard(), probe.masks) for _ in range(2))
    assert np.array_equal(to_array(first), to_array(second))


@pytest.mark.parametrize("qos", [LATCHED, RELIABLE], ids=["transient local", "volatile"])
def test_a_late_subscriber_gets_label_info_at_once(probe, qos):
    late = probe.collect(LabelInfo, "talk2dino/label_info", qos)
    probe.wait_for(lambda: late, "label_info")
    assert {stamp_ns(info) for info in late} == {stamp_ns(probe.label_infos[0])}


@pytest.mark.parametrize(
    ("encoding", "channels"), [("bgr8", 3), ("rgba8", 4), ("bgra8", 4), ("mono8", 1), ("bayer_rggb8", 1)]
)
def test_other_encodings_are_segmented(probe, encoding, channels):
    rgb = checkerboard()
    message = Image(height=120, width=160, encoding=encoding, step=160 * channels)
    message.data.frombytes(np.zeros((120, 160, channels), np.uint8) + rgb[..., :1])
    stamp = probe.send_message(message)
    mask = probe.wait_for(lambda: find(probe.masks, stamp), "the mask")
    assert to_array(mask).shape == (120, 160)


def test_red_and_blue_are_not_swapped(probe):
    rgb = checkerboard()
    bgr = raw_message(rgb[..., ::-1])
    bgr.encoding = "bgr8"
    expected = probe.mask_of(rgb, probe.masks)
    stamp = probe.send_message(bgr)
    assert np.array_equal(to_array(probe.wait_for(lambda: find(probe.masks, stamp), "the mask")), to_array(expected))


def wrong_images() -> dict[str, Image]:
    images = {name: raw_message(checkerboard()) for name in ("encoding", "step", "data", "depth")}
    images["encoding"].encoding = "yuv9000"
    images["step"].step = 7
    images["data"].data = images["data"].data[:1000]
    images["depth"].encoding = "16UC1"
    images["size"] = Image(encoding="rgb8")
    return images


@pytest.mark.parametrize("wrong", ["encoding", "step", "data", "depth", "size"])
def test_an_invalid_image_is_dropped_with_a_warning_and_the_stream_goes_on(probe, wrong):
    before = int(values_of(camera_status(probe))["wrong images"])
    stamp = probe.send_message(wrong_images()[wrong])
    status = probe.wait_for(
        lambda: (status := camera_status(probe)) and int(values_of(status)["wrong images"]) > before and status,
        "the count of wrong images",
    )
    assert status.level == DiagnosticStatus.ERROR
    assert status.message.startswith(values_of(status)["last error"])  # a busy machine may be late beside it
    probe.wait_for(lambda: "an image on /robot/image was dropped" in probe.process.output, "the warning")
    probe.mask_of(checkerboard(), probe.masks)
    assert find(probe.masks, stamp) is None
    probe.wait_for(lambda: camera_status(probe).level == DiagnosticStatus.OK, "the camera to be well again")


def test_repeated_invalid_images_are_warned_of_at_a_throttled_rate(probe):
    before = int(values_of(camera_status(probe))["wrong images"])
    wrong = raw_message(checkerboard())
    wrong.encoding = "yuv9001"

    def are_twenty_counted() -> bool:
        probe.send_message(wrong)
        return int(values_of(camera_status(probe))["wrong images"]) >= before + 20

    probe.wait_for(are_twenty_counted, "twenty wrong images")
    lines = [line for line in probe.process.output.splitlines() if "yuv9001" in line]
    times_s = [float(re.match(r"\[WARN\] \[(\d+\.\d+)\]", line)[1]) for line in lines]
    assert times_s
    assert all(after - before > WARNING_PERIOD_S / 2 for before, after in pairwise(times_s)), times_s


def test_stamps_that_go_back_are_segmented_and_logged_once(probe):
    newest = stamp_ns(probe.mask_of(checkerboard(), probe.masks))
    for seconds in (100, 200):
        stamp = probe.send(checkerboard(), stamp=newest - seconds * 10**9)
        probe.wait_for(lambda stamp=stamp: find(probe.masks, stamp), "the mask of an old stamp")
    assert probe.process.output.count("went back") == 1


def test_overlay_and_markers_are_published_for_their_subscribers(probe):
    overlays = probe.collect(Image, "talk2dino/overlay", BEST_EFFORT)
    markers = probe.collect(MarkerArray, "talk2dino/markers")
    # the node learns of a new reader later than the reader of the node: images until then have no markers
    probe.wait_for(lambda: probe.mask_of(checkerboard(), probe.masks) and markers and overlays, "markers and overlay")
    overlay = overlays[0]
    assert (overlay.encoding, overlay.height, overlay.width, overlay.step) == ("rgb8", 120, 160, 480)
    assert overlay.header == probe.sent[stamp_ns(overlay)]  # of an image that may have been sent anew since


def test_a_best_effort_reader_gets_95_of_100_masks_at_640x480(probe):
    masks = probe.collect(Image, "talk2dino/mask", BEST_EFFORT)
    picture = checkerboard(480, 640, 160)
    probe.wait_for(lambda: probe.mask_of(picture, probe.masks) and masks, "a first mask for the new reader")
    masks.clear()
    stamps = [stamp_ns(probe.mask_of(picture, probe.masks)) for _ in range(20)]
    probe.mask_of(picture, probe.masks)
    assert sum(find(masks, stamp) is not None for stamp in stamps) >= 0.95 * len(stamps)


def test_images_faster_than_the_model_are_dropped_and_counted_and_the_newest_is_segmented(probe):
    before = int(values_of(camera_status(probe))["images dropped"])

    def are_some_dropped() -> bool:
        for _ in range(10):
            probe.send(checkerboard())
        return int(values_of(camera_status(probe))["images dropped"]) > before

    probe.wait_for(are_some_dropped, "dropped images")
    newest = probe.send(checkerboard())
    probe.wait_for(lambda: find(probe.masks, newest), "the mask of the newest image")


def test_diagnostics_say_rates_latency_device_model_and_vocabulary(probe):
    probe.mask_of(checkerboard(), probe.masks)
    values = values_of(camera_status(probe))
    assert float(values["latency p99 [ms]"]) >= float(values["latency p50 [ms]"]) > 0
    assert int(values["masks published"]) <= int(values["images received"])
    assert values["latency from"] in ("image stamp", "reception")
    assert values["image topic"] == "/robot/image"
    model = next(status for status in probe.diagnostics[-1].status if status.name.endswith("model"))
    expected = {"model": "mini", "device": "cpu", "vocabulary size": "4"}
    assert expected.items() <= values_of(model).items()
    assert values_of(model)["vocabulary version"] == str(stamp_ns(probe.label_infos[-1]))
