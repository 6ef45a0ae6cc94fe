# SPDX-License-Identifier: Apache-2.0
"""A camera that changes its resolution in mid-stream, and one that is far faster than the model."""

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from probe import checkerboard, find, stamp_ns, to_array
from sensor_msgs.msg import Image

SMALL, LARGE = checkerboard(480, 640, 160), checkerboard(720, 1280, 180)
BURST = 60
MANY = 30  # images that have to be dropped
AT_HAND = 10  # with the model, in the slot, the newest, and what is on its way there and back on a busy machine


@pytest.fixture(scope="module")
def probe(start_node, make_probe):
    words = ("vocabulary:=[cup, dog, car, '!wall']", "background:=0.0")
    process = start_node("model:=mini", *words, "image_reliability:=reliable", "diagnostics_period_s:=0.1")
    probe = make_probe(process)
    probe.masks = probe.collect(Image, "talk2dino/mask")
    probe.diagnostics = probe.collect(DiagnosticArray, "/diagnostics")
    probe.wait_until_active()
    probe.settle()
    probe.mask_of(SMALL, probe.masks)
    return probe


def counts_in(array: DiagnosticArray) -> dict[str, int]:
    """The camera's counts in a message of /diagnostics."""
    camera = next(status for status in array.status if "camera" in status.name)
    values = {pair.key: pair.value for pair in camera.values}
    names = ("images received", "masks published", "images dropped", "wrong images")
    return {name: int(values[name]) for name in names}


def counts(probe) -> dict[str, int]:
    """The camera's counts, newer than this call."""
    return counts_in(probe.made_from_now(probe.diagnostics, "diagnostics"))


def test_each_mask_has_its_own_images_size_and_header_when_the_resolution_changes(probe):
    for picture in (SMALL, LARGE, SMALL, LARGE):
        mask = probe.mask_of(picture, probe.masks)
        assert to_array(mask).shape == picture.shape[:2]
        assert mask.header == probe.sent[stamp_ns(mask)]
    assert counts(probe)["wrong images"] == 0


def test_a_change_of_resolution_under_load_keeps_sizes_and_headers_together(probe):
    sent = {}
    for number in range(BURST):
        picture = LARGE if number // 10 % 2 else SMALL
        sent[probe.send(picture)] = picture
    newest = max(sent)
    probe.wait_for(lambda: find(probe.masks, newest), "the mask of the newest image")
    came = [mask for mask in probe.masks if stamp_ns(mask) in sent]
    assert all(to_array(mask).shape == sent[stamp_ns(mask)].shape[:2] for mask in came)
    assert all(mask.header == probe.sent[stamp_ns(mask)] for mask in came)
    assert counts(probe)["wrong images"] == 0


def test_after_an_overload_only_the_newest_image_is_segmented(probe):
    before = counts(probe)
    probe.start_camera(SMALL, period_s=0.01)
    probe.wait_for(
        lambda: counts_in(probe.diagnostics[-1])["images dropped"] >= before["images dropped"] + MANY, "dropped images"
    )
    probe.stop_camera()
    newest, seen = probe.send(SMALL), len(probe.masks)
    probe.wait_for(lambda: find(probe.masks, newest), "the mask of the newest image")

    def are_all_accounted_for() -> bool:
        now = counts(probe)
        grown = {name: now[name] - before[name] for name in now}
        return grown["images received"] == grown["masks published"] + grown["images dropped"]

    probe.wait_for(are_all_accounted_for, "every image to be segmented or dropped")
    left = [stamp_ns(mask) for mask in probe.masks[seen:]]
    assert left == sorted(set(left))
    assert left[-1] == newest
    assert len(left) <= AT_HAND  # a queue would have come to all that it held


def test_a_change_of_resolution_logs_no_error_and_drops_nothing(probe):
    assert "ERROR" not in probe.process.output
    assert "dropped" not in probe.process.output
