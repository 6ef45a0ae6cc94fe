# SPDX-License-Identifier: Apache-2.0
"""Several cameras, with compressed images, through one model."""

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from probe import LATCHED, checkerboard, find, stamp_ns, to_array
from sensor_msgs.msg import CompressedImage, Image
from talk2dino_msgs.msg import PointOfInterestArray
from vision_msgs.msg import LabelInfo

CAMERAS = {"front": checkerboard(120, 160), "rear": checkerboard(90, 200)}


@pytest.fixture(scope="module")
def process(start_node):
    return start_node(
        "model:=mini",
        "cameras:=[front, rear]",
        "compressed:=true",
        "vocabulary:=[cup, dog]",
        "background:=0.0",
        "image_reliability:=reliable",
        "diagnostics_period_s:=0.2",
        namespace="/two",
    )


@pytest.fixture(scope="module")
def probe(process, make_probe):
    probe = make_probe(process, namespace="/two", compressed=True)
    probe.masks = {name: probe.collect(Image, f"talk2dino/{name}/mask") for name in CAMERAS}
    for name, rgb in CAMERAS.items():
        probe.wait_until_active(name)
        probe.mask_of(rgb, probe.masks[name], camera=name)
    return probe


def test_each_cameras_masks_have_its_own_images_size_and_header(probe):
    stamps = {name: probe.send(rgb, camera=name) for name, rgb in CAMERAS.items()}
    for name, rgb in CAMERAS.items():
        mask = probe.wait_for(lambda name=name: find(probe.masks[name], stamps[name]), f"the mask of {name}")
        assert mask.header == probe.sent[stamps[name]]
        assert to_array(mask).shape == rgb.shape[:2]
    assert find(probe.masks["front"], stamps["rear"]) is None


def test_two_streaming_cameras_are_both_segmented(probe):
    for masks in probe.masks.values():
        masks.clear()
    for name, rgb in CAMERAS.items():
        probe.start_camera(rgb, camera=name)
    probe.wait_for(lambda: all(len(masks) >= 4 for masks in probe.masks.values()), "masks of both cameras")
    probe.stop_camera()


def test_a_batched_image_has_the_mask_it_has_alone(probe):
    alone = {name: to_array(probe.mask_of(rgb, probe.masks[name], camera=name)) for name, rgb in CAMERAS.items()}
    for name, rgb in CAMERAS.items():
        probe.start_camera(rgb, camera=name)
    for masks in probe.masks.values():
        masks.clear()
    probe.wait_for(lambda: all(len(masks) >= 3 for masks in probe.masks.values()), "masks of both cameras")
    probe.stop_camera()
    for name, masks in probe.masks.items():
        same = np.mean([np.mean(to_array(mask) == alone[name]) for mask in masks])
        assert same > 0.99  # a batch of another size may round differently


def test_an_8k_image_is_segmented_at_its_size(probe):
    """Compressed, as such cameras send: 100 MB raw do not fit the shipped profile's segment of shared memory."""
    mask = probe.mask_of(checkerboard(4320, 7680, 1000), probe.masks["front"], camera="front")
    assert to_array(mask).shape == (4320, 7680)


@pytest.mark.parametrize("name", CAMERAS)
def test_every_camera_has_label_info_points_and_diagnostics(probe, name):
    infos = probe.collect(LabelInfo, f"talk2dino/{name}/label_info", LATCHED)
    points = probe.collect(PointOfInterestArray, f"talk2dino/{name}/points_of_interest")
    diagnostics = probe.collect(DiagnosticArray, "/diagnostics")
    probe.wait_for(lambda: infos and diagnostics, "label_info and diagnostics")
    probe.wait_for(lambda: probe.mask_of(CAMERAS[name], probe.masks[name], camera=name) and points, "points")
    assert points[-1].vocabulary_version == stamp_ns(infos[-1])
    status = next(status for status in diagnostics[-1].status if status.name.endswith(f"camera {name}"))
    assert {pair.key: pair.value for pair in status.values}["image topic"] == f"/two/{name}/image"


def test_an_invalid_image_of_one_camera_does_not_affect_the_other(probe):
    broken = CompressedImage(format="jpeg")
    broken.data.frombytes(b"no picture at all")
    stamps = {"rear": probe.send(CAMERAS["rear"], camera="rear")}
    stamps["front"] = probe.send_message(broken, camera="front")
    probe.wait_for(lambda: find(probe.masks["rear"], stamps["rear"]), "the mask of rear")
    probe.wait_for(lambda: "an image on /two/front/image was dropped" in probe.process.output, "the warning")
    probe.mask_of(CAMERAS["front"], probe.masks["front"], camera="front")
    assert find(probe.masks["front"], stamps["front"]) is None
