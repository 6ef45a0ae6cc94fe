# SPDX-License-Identifier: Apache-2.0
"""regions.py with depth; how regions are found in a mask alone is tested through test_points_of_interest.py."""

import numpy as np
import pytest

from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError
from talk2dino_ros.perception.space.depth import Depth
from talk2dino_ros.perception.space.depth_jumps import find_jumps
from talk2dino_ros.perception.space.regions import find_regions, split_by_depth

WIDTH, HEIGHT, UNLABELED = 160, 120, 255


def empty():
    return np.full((HEIGHT, WIDTH), UNLABELED, np.uint8)


def depth_of(metres):
    height, width = metres.shape
    matrix = np.array([[100.0, 0, width / 2], [0, 100, height / 2], [0, 0, 1]])
    return Depth(metres.astype(np.float32), CameraModel(matrix, (), "", width, height))


def found(mask, metres, confidence=200, labels=None, **options):
    confidence = np.full(mask.shape, confidence, np.uint8) if np.isscalar(confidence) else confidence
    labels = labels or {1: "chair"}
    return find_regions(mask, confidence, labels, depth=None if metres is None else depth_of(metres), **options)


def two_chairs():
    """One region of two objects, 60 columns 2 m away and 30 columns 3 m away."""
    mask, metres = empty(), np.full((HEIGHT, WIDTH), 3.0)
    mask[20:100, 10:100] = 1
    metres[:, :70] = 2.0
    return mask, metres


def test_two_overlapping_objects_of_a_class_are_split_at_the_depth_jump():
    mask, metres = two_chairs()
    (whole,) = found(mask, None)
    near, far = found(mask, metres)
    assert whole.box == (10, 20, 90, 80)
    assert (near.box, far.box) == ((10, 20, 60, 80), (70, 20, 30, 80))
    assert (near.area, far.area) == (4800, 2400)
    assert (near.class_id, near.class_name) == (1, "chair")
    assert near.mask.shape == (80, 60)


def test_flat_depth_splits_no_region():
    rng = np.random.default_rng(0)
    mask = np.kron(rng.integers(0, 3, (12, 16), dtype=np.uint8), np.ones((10, 10), np.uint8))
    labels = {0: "a", 1: "b", 2: "c"}
    confidence = rng.integers(0, 256, mask.shape, dtype=np.uint8)
    alone = found(mask, None, confidence, labels)
    beside = found(mask, np.full(mask.shape, 2.0), confidence, labels)
    assert len(alone) > 5
    assert [(r.box, r.area, r.confidence) for r in alone] == [(r.box, r.area, r.confidence) for r in beside]


def test_each_part_has_its_own_confidence():
    mask, metres = two_chairs()
    confidence = np.full(mask.shape, 50, np.uint8)
    confidence[:, 70:] = 250
    far, near = found(mask, metres, confidence)  # 2400 x 250 weighs more than 4800 x 50
    assert (far.box[0], round(far.confidence, 9)) == (70, 250)
    assert (near.box[0], round(near.confidence, 9)) == (10, 50)


def test_the_jump_that_separates_is_an_option():
    mask, metres = two_chairs()
    assert len(found(mask, metres, depth_jump_m=1.5)) == 1


def test_the_best_parts_of_all_regions_come_back_and_no_more_than_asked_for():
    mask, metres = two_chairs()
    mask[20:100, 110:150] = 1  # 3200 pixels: between the two parts
    first, second = found(mask, metres, max_per_class=2)
    assert [region.box[0] for region in (first, second)] == [10, 110]
    assert [region.box[0] for region in found(mask, metres, max_per_class=3)] == [10, 110, 70]
    assert [region.box[0] for region in found(mask, metres, max_per_class=1)] == [10]


def test_parts_below_the_smallest_share_are_noise():
    mask, metres = two_chairs()
    (near,) = found(mask, metres, min_area_share=3000 / mask.size)
    assert near.box == (10, 20, 60, 80)


def test_a_region_without_parts_of_the_smallest_area_stays_whole():
    mask, metres = two_chairs()
    (whole,) = found(mask, metres, min_area_share=6000 / mask.size)
    assert whole.box == (10, 20, 90, 80)


def test_a_region_splits_by_itself_too():
    mask, metres = two_chairs()
    (region,) = found(mask, None)
    confidence = np.full(mask.shape, 9, np.uint8)
    parts = split_by_depth(region, confidence, find_jumps(depth_of(metres), 0.5))
    assert [part.area for part in parts] == [4800, 2400]
    assert split_by_depth(region, confidence, find_jumps(depth_of(metres), 1.5)) == [region]


def test_depth_of_zeros_and_nan_splits_nothing():
    mask, metres = two_chairs()
    (whole,) = found(mask, np.full_like(metres, np.nan))
    assert whole.box == (10, 20, 90, 80)


def test_depth_of_another_size_is_refused():
    with pytest.raises(GeometryError, match=r"depth has 80x60 pixels, but the mask 160x120; .*Depth.seen_by"):
        found(empty(), np.ones((60, 80)))


def test_the_distance_to_the_border_counts_the_images_edge_and_is_computed_once():
    (region,) = found(np.ones((3, 5), np.uint8), None)
    np.testing.assert_allclose(region.border_distance, [[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]], atol=0.02)
    assert region.border_distance is region.border_distance


def test_a_confidence_is_never_above_its_range():
    """OpenCV's mean of so many 255 is a little more than 255."""
    mask = np.ones((120, 160), np.uint8)
    (region,) = find_regions(mask, np.full_like(mask, 255), {1: "cup"})
    assert region.confidence == 255.0
