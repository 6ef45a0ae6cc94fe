# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from talk2dino_ros.perception.points_of_interest import find_points, point_of
from talk2dino_ros.perception.space import regions
from talk2dino_ros.perception.space.positions import Position
from talk2dino_ros.perception.space.regions import find_regions

UNLABELED = 255


def empty(height, width):
    return np.full((height, width), UNLABELED, np.uint8)


def points_of(mask, labels, confidence=255, **options):
    if np.isscalar(confidence):
        confidence = np.full(mask.shape, confidence, np.uint8)
    options.setdefault("min_area_share", 0.0)
    return find_points(mask, confidence, labels, **options)


def test_a_rectangle_gives_its_middle_its_box_its_share_and_its_confidence():
    mask = empty(20, 40)
    mask[5:10, 10:21] = 3  # 5 rows, 11 columns
    (point,) = points_of(mask, {3: "door"}, confidence=51)
    assert (point.class_id, point.class_name) == (3, "door")
    assert point.pixel == (15, 7)
    assert point.box == (10, 5, 11, 5)
    assert point.area_share == pytest.approx(55 / 800)
    assert point.confidence == pytest.approx(0.2)
    assert point.position is None
    assert point.no_position_reason == "no depth was asked for"
    assert point.object_id == 0


def test_a_regions_point_carries_its_position_and_the_object_it_is_a_detection_of():
    (region,) = find_regions(np.full((4, 4), 2, np.uint8), np.full((4, 4), 255, np.uint8), {2: "mug"})
    position = Position((1.0, 2.0, 3.0), (0.0,) * 9, (0.1, 0.2, 0.3), "map")
    point = point_of(region, 16, position, object_id=7)
    assert (point.position, point.no_position_reason, point.object_id) == (position, "", 7)


def test_a_regions_point_says_why_it_has_no_position():
    (region,) = find_regions(np.full((4, 4), 2, np.uint8), np.full((4, 4), 255, np.uint8), {2: "mug"})
    point = point_of(region, 32, "no depth inside the region")
    assert (point.position, point.no_position_reason) == (None, "no depth inside the region")
    assert (point.area_share, point.class_name) == (0.5, "mug")


def test_confidence_is_the_mean_over_the_region_and_not_over_its_box():
    mask = empty(4, 4)
    confidence = np.zeros((4, 4), np.uint8)
    mask[0, :2] = mask[1, 0] = 1  # an L of three pixels in a box of four
    confidence[0, 0], confidence[0, 1], confidence[1, 0], confidence[1, 1] = 10, 20, 60, 200
    (point,) = points_of(mask, {1: "cup"}, confidence)
    assert point.confidence == pytest.approx(30 / 255)


def test_a_ring_is_pointed_at_on_the_ring_and_not_in_its_hole():
    mask = empty(41, 41)
    ys, xs = np.mgrid[:41, :41]
    radius = np.hypot(ys - 20, xs - 20)
    mask[(radius >= 10) & (radius <= 18)] = 5
    (point,) = points_of(mask, {5: "tyre"})
    x, y = point.pixel
    assert mask[y, x] == 5
    assert np.hypot(y - 20, x - 20) == pytest.approx(14, abs=1)
    assert point.box == (2, 2, 37, 37)


def test_the_image_border_counts_as_the_regions_border():
    mask = empty(30, 30)
    mask[:9, :9] = 1  # in the corner: were the image's border no border, (0, 0) would be the farthest
    (point,) = points_of(mask, {1: "wall"})
    assert point.pixel == (4, 4)


def test_a_class_that_fills_the_image_is_pointed_at_in_the_middle():
    (point,) = points_of(np.zeros((9, 15), np.uint8), {0: "floor"})
    assert point.pixel == (7, 4)
    assert point.area_share == 1.0
    assert point.box == (0, 0, 15, 9)


def test_the_point_of_a_dumbbell_is_in_its_thicker_end():
    mask = empty(30, 60)
    mask[10:15, 5:10] = mask[12, 10:40] = 1
    mask[5:20, 40:55] = 1
    (point,) = points_of(mask, {1: "dumbbell"})
    assert point.pixel == (47, 12)


def test_the_pixel_is_always_inside_its_region():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 4, (12, 16), dtype=np.uint8)
    mask = np.kron(coarse, np.ones((5, 5), np.uint8))
    labels = {class_id: str(class_id) for class_id in range(4)}
    points = points_of(mask, labels, max_per_class=100)
    assert len(points) > 20
    assert all(mask[point.pixel[1], point.pixel[0]] == point.class_id for point in points)


def test_the_distance_at_the_pixel_is_the_largest_there_is_by_brute_force():
    rng = np.random.default_rng(1)
    mask = empty(14, 17)
    mask[2:12, 3:15] = 1
    mask[rng.integers(2, 12, 6), rng.integers(3, 15, 6)] = UNLABELED
    (point,) = points_of(mask, {1: "sieve"})
    rimmed = np.pad(mask == 1, 1)
    outside = np.argwhere(~rimmed) - 1
    depth = {(x, y): np.hypot(*(outside - (y, x)).T).min() for y, x in np.argwhere(mask == 1)}
    assert depth[point.pixel] == pytest.approx(max(depth.values()))


def test_pixels_that_touch_by_a_corner_are_one_region():
    mask = empty(6, 6)
    mask[1, 1] = mask[2, 2] = mask[3, 3] = 4
    (point,) = points_of(mask, {4: "wire"})
    assert point.pixel == (2, 2)
    assert point.box == (1, 1, 3, 3)


def test_a_single_pixel_is_a_region_where_the_smallest_area_allows():
    mask = empty(5, 5)
    mask[3, 4] = 9
    (point,) = points_of(mask, {9: "star"})
    assert point.pixel == (4, 3)
    assert point.box == (4, 3, 1, 1)
    assert point.area_share == pytest.approx(1 / 25)


def test_regions_below_the_smallest_share_are_left_out_and_those_at_it_are_not():
    mask = empty(10, 100)
    mask[1, 1:10] = 1  # 9 of 1000 pixels
    mask[5, 1:11] = 1  # 10 of 1000
    (point,) = points_of(mask, {1: "stick"}, min_area_share=0.01)
    assert point.box == (1, 5, 10, 1)


def test_a_thin_object_is_measured_by_its_pixels_and_not_by_its_box():
    mask = empty(40, 40)
    mask[np.arange(40), np.arange(40)] = 1  # 40 of 1600 pixels, in a box of all of them
    mask[30:34, 2:12] = 1  # as many in a box of their own, so that there are enough of the class
    assert points_of(mask, {1: "wire"}, min_area_share=0.026) == []
    assert len(points_of(mask, {1: "wire"}, min_area_share=0.025)) == 2


def test_the_regions_are_those_that_opencv_labels():
    rng = np.random.default_rng(3)
    for density in (0.1, 0.3, 0.5, 0.6, 0.8, 0.95) * 20:
        mask = (rng.random(rng.integers(1, 25, 2)) < density).astype(np.uint8)
        confidence = rng.integers(0, 256, mask.shape, dtype=np.uint8)
        _, labelled, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        expected = sorted(
            (*stat[:4], stat[4] / mask.size, confidence[labelled == number].mean() / 255)
            for number, stat in enumerate(stats.tolist())
            if number > 0
        )
        points = points_of(mask, {1: "object"}, confidence, max_per_class=1000)
        found = sorted((*point.box, point.area_share, point.confidence) for point in points)
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("min_area_share", [0.0, 0.002])
def test_a_fragmented_class_gives_the_same_points_by_contours_and_by_labels(monkeypatch, min_area_share):
    rng = np.random.default_rng(4)
    for side in (1, 2, 3, 7):
        mask = np.kron(rng.integers(0, 3, (40 // side, 56 // side), dtype=np.uint8), np.ones((side, side), np.uint8))
        confidence = rng.integers(0, 256, mask.shape, dtype=np.uint8)
        found = []
        for run in (0, 10**6):  # nothing counts as crumbled, all does
            monkeypatch.setattr(regions, "CRUMBLED_RUN", run)
            labels = {number: str(number) for number in range(3)}
            found.append(points_of(mask, labels, confidence, min_area_share=min_area_share))
        assert found[0] == found[1]


def test_contours_of_objects_are_followed_and_those_of_noise_are_not(monkeypatch):
    followed = []
    original = cv2.findContours
    monkeypatch.setattr(cv2, "findContours", lambda *values: followed.append(1) or original(*values))
    rng = np.random.default_rng(6)
    noise = rng.integers(0, 2, (60, 80), dtype=np.uint8)
    points_of(noise, {0: "a", 1: "b"})
    assert not followed
    points_of(noise.repeat(20, axis=1), {0: "a"})
    assert followed


def test_of_equal_regions_the_left_one_comes_first():
    mask = empty(10, 30)
    mask[1:3, 20:23] = mask[6:8, 4:7] = 1
    assert [point.box[0] for point in points_of(mask, {1: "twin"})] == [4, 20]


def test_small_fragments_do_not_add_up_to_a_point():
    mask = empty(10, 100)
    mask[0, ::2] = 1
    assert points_of(mask, {1: "crumb"}, min_area_share=0.01) == []


def test_two_objects_of_a_class_are_two_points_the_larger_sum_of_confidence_first():
    mask = empty(20, 40)
    confidence = np.full(mask.shape, 100, np.uint8)
    mask[2:12, 2:12] = 1  # 100 pixels x 100
    mask[2:8, 20:29] = 1  # 54 pixels x 200
    confidence[:, 20:] = 200
    first, second = points_of(mask, {1: "chair"}, confidence)
    assert first.box == (20, 2, 9, 6)
    assert second.box == (2, 2, 10, 10)


def test_at_most_so_many_regions_of_a_class_come_back_the_best_ones():
    mask = empty(10, 60)
    for number in range(6):
        mask[1 : 3 + number, 10 * number : 10 * number + 4] = 1
    mask[9, 0] = 2
    points = points_of(mask, {1: "box", 2: "nail"}, max_per_class=2)
    assert [(point.class_name, point.box[0]) for point in points] == [("box", 50), ("box", 40), ("nail", 0)]


def test_the_classes_come_in_the_order_of_the_labels():
    mask = empty(4, 4)
    mask[0], mask[1], mask[3] = 7, 2, 5
    assert [point.class_name for point in points_of(mask, {5: "c", 7: "a", 2: "b"})] == ["c", "a", "b"]


def test_only_ids_among_the_labels_count():
    mask = np.zeros((4, 4), np.uint8)
    mask[0] = UNLABELED
    mask[1] = 8
    assert [point.class_id for point in points_of(mask, {0: "zero"})] == [0]
    assert points_of(mask, {}) == []


def test_an_image_without_any_class_has_no_points():
    assert points_of(empty(8, 8), {1: "door", 2: "chair"}) == []


def test_a_mask_that_is_a_strided_view_gives_the_same_points():
    rng = np.random.default_rng(2)
    wide = np.kron(rng.integers(0, 3, (8, 16), dtype=np.uint8), np.ones((4, 4), np.uint8))
    labels = {0: "a", 1: "b", 2: "c"}
    assert points_of(wide[:, ::2], labels) == points_of(np.ascontiguousarray(wide[:, ::2]), labels)
