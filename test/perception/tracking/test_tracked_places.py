# SPDX-License-Identifier: Apache-2.0
"""Where tracked objects are, with positions and without; the stamps and frames that end what is known."""

import time

import numpy as np
import pytest
from tracking_story import BOX, CONFIRMED, LABELS, LOST, TENTATIVE, Story, at

from talk2dino_ros.perception.tracking.tracker import Detection, TrackerError, TrackerOptions


def test_positions_are_the_mean_at_first_and_follow_later():
    story = Story(position_smoothing=0.5)
    places = [(0.0, 0, 0), (0.3, 0, 0), (0.3, 0.3, 0)]
    means = [(0.0, 0, 0), (0.2, 0, 0), (1.8 / 7, 1.2 / 7, 0)]  # weights 1; 1, 2; 1, 2, 4
    for place, mean in zip(places, means, strict=True):
        story.see(at(*place))
        assert story.only().position == pytest.approx(mean)


def test_without_smoothing_the_last_detection_counts_alone():
    story = Story(position_smoothing=0.0)
    story.see(at(0, 0, 0, covariance=(9.0,) * 9, extent=(1, 1, 1)))
    story.see(at(0.1, 0.2, 0.3, covariance=tuple(range(9)), extent=(4, 5, 6)))
    tracked = story.only()
    assert tracked.position == (0.1, 0.2, 0.3)
    assert tracked.covariance == pytest.approx(tuple(range(9)))
    assert tracked.extent == (4, 5, 6)


def test_the_covariance_is_that_of_the_mixture_of_all_detections():
    rng, smoothing = np.random.default_rng(3), 0.7
    places, roots = rng.normal(0, 0.05, (6, 3)), rng.normal(0, 0.1, (6, 3, 3))
    spreads = roots @ roots.transpose(0, 2, 1)
    story = Story(position_smoothing=smoothing)
    for place, spread in zip(places, spreads, strict=True):
        story.see(at(*place, covariance=tuple(spread.reshape(-1))))
    weights = smoothing ** np.arange(5, -1, -1)
    weights /= weights.sum()
    mean = weights @ places
    apart = places - mean
    expected = np.einsum("n,nij->ij", weights, spreads + apart[:, :, None] * apart[:, None])
    np.testing.assert_allclose(story.only().position, mean)
    np.testing.assert_allclose(np.reshape(story.only().covariance, (3, 3)), expected)


def test_noise_averages_out_while_the_object_stands():
    rng, story = np.random.default_rng(0), Story(position_smoothing=0.9)
    errors = []
    for number in range(200):
        story.see(at(*rng.normal(0, 0.05, 3)))
        if number >= 20:
            errors.append(np.linalg.norm(story.only().position))
    # (1 - 0.9) / (1 + 0.9) of the variance remains: 0.05 m * sqrt(3 / 19) = 0.020 m, against 0.087 m of one detection
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(0.020, rel=0.25)


def test_a_moving_camera_leaves_objects_where_they_are_in_a_fixed_frame():
    """Boxes run through the image, places stay; where the box would mislead, another cup stands in it."""
    story = Story()
    for step in range(20):
        x = 40 * step
        ids = story.see(at(2, 0, 0, box=(800 - x, 0, 40, 40)), at(4, 0, 0, box=(840 - x, 0, 40, 40)))
        assert ids == [1, 2]  # at each step the second box is where the first one was


def test_without_depth_boxes_that_overlap_are_the_same_object():
    story = Story(association_overlap=0.3)
    assert story.see(at(box=(0, 0, 30, 30)), at(box=(100, 0, 30, 30))) == [1, 2]
    assert story.see(at(box=(110, 0, 30, 30)), at(box=(10, 0, 30, 30))) == [2, 1]  # 20 of 40 columns shared
    assert story.see(at(box=(25, 0, 30, 30)), at(box=(110, 0, 30, 30))) == [1, 2]  # 15 of 45
    assert story.see(at(box=(42, 0, 30, 30)), at(box=(110, 0, 30, 30))) == [3, 2]  # 13 of 47
    assert story.objects.objects()[0].position is None


def test_an_object_without_depth_is_found_again_by_its_box_after_it_was_lost():
    story = Story()
    for _ in range(3):
        story.see(at())
    for _ in range(30):
        story.see()
    assert story.states() == {1: LOST}
    assert story.see(at()) == [1]


def test_depth_that_fails_for_some_images_changes_neither_id_nor_place():
    story = Story()
    assert [story.see(detection) for detection in (at(), at(1, 2, 3), at(), at(1, 2, 3), at())] == [[1]] * 5
    assert story.only().position == (1, 2, 3)
    assert story.only().state == CONFIRMED


def test_where_both_have_a_place_boxes_do_not_count():
    story = Story()
    story.see(at(0, 0, 0))
    assert story.see(at(3, 0, 0)) == [2]  # the same box


def test_a_lost_object_with_a_place_is_not_found_by_an_old_box():
    story = Story(lost_after=2)
    for _ in range(3):
        story.see(at(1, 2, 3))
    story.see()
    story.see()
    assert story.states() == {1: LOST}
    assert story.see(at()) == [2]  # the camera may look elsewhere by now
    assert story.see(at(1, 2, 3)) == [1]


def test_detections_with_and_without_positions_are_assigned_together():
    story = Story()
    story.see(at(0, 0, 0, box=(0, 0, 40, 40)), at(box=(100, 0, 40, 40)))
    assert story.see(at(box=(2, 0, 40, 40)), at(5, 5, 5, box=(101, 0, 40, 40))) == [1, 2]


@pytest.mark.parametrize("back_s", [0.2, 1000.0])
def test_stamps_that_go_back_clear_all_objects_and_ids_continue(back_s):
    story = Story()
    for _ in range(3):
        story.see(at(0, 0, 0))
    assert story.see(at(0, 0, 0), after_s=-back_s) == [2]
    assert story.states() == {2: TENTATIVE}
    assert story.see(at(0, 0, 0)) == [2]


def test_a_bag_that_loops_ten_times_holds_no_more_than_one_loop():
    story = Story(expiry_s=1e4)
    for loop in range(10):
        story.stamp_ns = 0
        for step in range(20):
            story.see(at(step // 4, 0, 0))
        assert sorted(story.states()) == [5 * loop + number for number in range(1, 6)]


def test_stamps_that_stand_still_are_images_like_others():
    story = Story()
    for _ in range(3):
        story.see(at(0, 0, 0), after_s=0)
    assert story.states() == {1: CONFIRMED}


def test_another_frame_clears_all_objects():
    story = Story()
    for _ in range(3):
        story.see(at(0, 0, 0))
    story.frame_id = "odom"
    assert story.see(at(0, 0, 0)) == [2]
    assert story.states() == {2: TENTATIVE}


def test_a_class_that_leaves_the_vocabulary_takes_its_objects_with_it():
    story = Story()
    story.see(at(0, 0, 0), at(5, 0, 0, name="chair"))
    story.labels = {2: "chair"}
    assert story.see() == []
    assert list(story.states()) == [2]
    story.labels = LABELS
    assert story.see(at(0, 0, 0)) == [3]


def test_a_class_whose_id_changed_keeps_its_object_by_name():
    story = Story()
    story.see(at(0, 0, 0))
    story.labels = {1: "chair", 7: "cup"}
    story.see()
    assert (story.only().id, story.only().class_id) == (1, 7)
    assert story.see(Detection(7, "cup", 0.8, BOX, (0, 0, 0)), Detection(1, "chair", 0.8, BOX, (0, 0, 0))) == [1, 2]


def test_a_detection_that_the_labels_do_not_know_is_refused_and_changes_nothing():
    story = Story()
    story.see(at(0, 0, 0))
    before = story.objects.objects()
    story.labels = {1: "chair"}
    with pytest.raises(TrackerError, match=r"class 1, 'cup', expected 'chair' as in the labels; give the labels of"):
        story.see(at(0, 0, 0), after_s=-50)
    assert story.objects.objects() == before


def test_an_image_without_detections_counts_as_an_image():
    story = Story()
    assert story.see() == []
    assert story.objects.objects() == []


def test_clear_forgets_and_ids_go_on():
    story = Story()
    story.see(at(0, 0, 0))
    story.objects.clear()
    assert story.objects.objects() == []
    assert story.see(at(0, 0, 0), after_s=-5) == [2]


def test_500_detections_keep_500_ids():
    """Half a second on a slow core, were it a second a person would see it; the figure is printed, not asserted."""
    rng = np.random.default_rng(0)
    places = rng.uniform(-10, 10, (500, 3))
    story = Story(association_distance_m=2.0)
    first = story.see(*[at(*place) for place in places])
    start = time.perf_counter()
    second = story.see(*[at(*place) for place in places + rng.normal(0, 0.01, places.shape)])
    print(f"500 detections of one class: {1e3 * (time.perf_counter() - start):.0f} ms")
    assert first == second == list(range(1, 501))


@pytest.mark.parametrize(
    "wrong",
    [
        {"confirm_detections": 0},
        {"confirm_window": 101},
        {"new_confidence": 1.1},
        {"keep_confidence": -0.1},
        {"association_distance_m": 0.0},
        {"association_overlap": 1.0},
        {"lost_after": 0},
        {"expiry_s": float("nan")},
        {"position_smoothing": 1.0},
    ],
)
def test_an_option_out_of_its_range_is_refused(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(TrackerError, match=rf"{name} is {value}, expected .* to .*; choose one"):
        TrackerOptions(**wrong)


def test_options_that_contradict_one_another_are_refused():
    with pytest.raises(TrackerError, match="confirm_detections is 4 of the last 3 images, expected"):
        TrackerOptions(confirm_detections=4, confirm_window=3)
    with pytest.raises(TrackerError, match=r"keep_confidence is 0\.5, expected at most new_confidence, 0\.4; lower it"):
        TrackerOptions(keep_confidence=0.5, new_confidence=0.4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"position": (0, float("nan"), 0)},
        {"covariance": (float("inf"),) * 9},
        {"extent": (0, 0, float("nan"))},
        {"confidence": 1.01},
        {"confidence": float("nan")},
    ],
)
def test_a_detection_with_a_number_that_is_none_is_refused(wrong):
    arguments = {"confidence": 0.5, "box": BOX, **wrong}
    with pytest.raises(
        TrackerError, match=r"a detection of 'cup' has .*expected finite numbers .*; leave the position"
    ):
        Detection(1, "cup", **arguments)
