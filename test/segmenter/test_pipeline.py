# SPDX-License-Identifier: Apache-2.0
"""The way of a frame, with a camera and a segmenter that the test scripts, and no ROS."""

from dataclasses import replace

import numpy as np
import pytest
from scripted_pipeline import BAD, DEADLINE_S, Bench, ScriptedSegmenter, image, vocabulary_of

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.segmenter.frames import mask_size, nearest
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
from talk2dino_ros.segmenter.pipeline import ActiveConfiguration
from talk2dino_ros.viz.overlay import color_of


@pytest.fixture
def running():
    bench = Bench(paused_mask_period_s=1000.0)
    bench.pipeline.start()
    yield bench
    bench.segmenter.may_go_on.set()
    bench.pipeline.stop()


def test_two_waiting_images_are_one_batch_and_all_masks_go_out_first():
    bench = Bench()
    bench.process(front=image(), rear=image())
    assert bench.segmenter.batch_sizes == [2]
    assert bench.whats() == [("front", "mask"), ("rear", "mask"), ("front", "points"), ("rear", "points")]


@pytest.mark.parametrize("is_enabled", [True, False], ids=["segmenting", "paused"])
def test_all_that_is_published_of_an_image_goes_out_under_its_own_message(is_enabled):
    bench = Bench(overlay=True)
    bench.pipeline.enable(is_enabled)
    sent = {"front": image(), "rear": image()}
    for camera in (bench.front, bench.rear):
        camera.has_overlay_listener = camera.has_cloud_listener = True
    bench.process(**sent)
    for camera in (bench.front, bench.rear):
        assert len(camera.frames) == (4 if is_enabled else 2)  # mask, points, cloud, overlay; mask, cloud
        for frame in camera.frames:
            assert (frame.camera, frame.received_s) == (camera.name, 0.0)
            assert frame.message.rgb is sent[camera.name]
            assert (frame.stamp_ns, frame.frame_id) == (10**9 + 5, "optical")


def test_an_image_that_cannot_be_converted_is_reported_and_the_other_camera_is_not_touched():
    bench = Bench()
    bench.process(front=None, rear=image())
    assert bench.dropped() == [("/front/image", "no image")]
    assert ("rear", "mask") in bench.whats()
    assert (bench.front.statistics.wrong, bench.rear.statistics.wrong) == (1, 0)
    assert bench.front.statistics.last_error == "no image"


def test_a_batch_that_fails_is_tried_one_by_one_so_that_only_the_culprit_is_lost():
    bench = Bench()
    bench.process(front=image(BAD), rear=image())
    assert bench.segmenter.batch_sizes == [2, 1, 1]
    assert bench.dropped() == [("/front/image", "the network choked")]
    assert [what for name, what in bench.whats() if name == "rear"] == ["mask", "points"]


def test_what_the_model_itself_fails_by_is_known_until_an_image_is_segmented():
    bench = Bench()
    bench.process(front=image(BAD), rear=None)
    assert bench.pipeline.model_failure.text == ""  # this network, or this image
    bench.segmenter.fails_by = ModelError("cpu has failed")
    bench.process(front=image(), rear=image())
    assert bench.pipeline.model_failure.text == "cpu has failed"
    bench.segmenter.fails_by = None
    bench.process(front=image())
    assert bench.pipeline.model_failure.text == ""


def test_a_batch_without_a_good_image_never_reaches_the_model():
    bench = Bench()
    bench.process(front=None)
    assert bench.segmenter.batch_sizes == []


def test_the_overlay_is_drawn_only_for_a_listener_and_only_while_it_is_wanted():
    for is_heard, is_wanted, expected in ((False, True, 0), (True, False, 0), (True, True, 1)):
        bench = Bench(overlay=is_wanted)
        bench.front.has_overlay_listener = is_heard
        bench.process(front=image())
        assert bench.whats().count(("front", "overlay")) == expected


def test_mask_and_confidence_take_the_size_of_the_parameters_and_points_stay_in_image_pixels():
    bench = Bench(mask_width=3, mask_height=2)
    bench.process(front=image(height=4, width=6))
    _, _, mask, confidence = bench.published[0]
    points = bench.published[1][2]
    assert mask.shape == confidence.shape == (2, 3)
    assert points[0].box == (0, 0, 6, 4)


def test_points_carry_the_version_of_the_vocabulary_that_the_mask_was_made_with():
    bench = Bench()
    bench.pipeline.adopt(ActiveConfiguration(bench.segmenter, vocabulary_of("dog", version=7), Parameters()))
    bench.process(front=image())
    assert bench.published[-1][3] == 7
    assert bench.published[-1][2][0].class_name == "dog"


def test_a_batch_in_hand_keeps_the_vocabulary_that_it_began_with(running):
    running.segmenter.may_go_on.clear()
    running.front.send(image())
    assert running.segmenter.entered.wait(DEADLINE_S)
    running.pipeline.adopt(ActiveConfiguration(running.segmenter, vocabulary_of("dog", version=7), Parameters()))
    running.segmenter.may_go_on.set()
    for _ in range(3):  # label_info, mask, points
        assert running.front.news.acquire(timeout=DEADLINE_S)
    version, points = running.published[-1][3], running.published[-1][2]
    assert (version, points[0].class_name) == (1, "cup")


def test_label_info_of_every_camera_goes_out_before_the_vocabulary_is_active():
    bench = Bench()
    new = ActiveConfiguration(bench.segmenter, vocabulary_of("dog", version=7), Parameters())
    seen = []
    bench.front.publish_label_info = lambda *_: seen.append(bench.pipeline.active.vocabulary.version)
    bench.pipeline.adopt(new)
    assert seen == [1]
    assert bench.pipeline.active is new
    assert bench.published == [("rear", "label_info", {1: "dog"}, 7, 0.5)]


def test_while_paused_an_image_becomes_an_unlabeled_mask_and_the_worker_rests():
    bench = Bench(unlabeled_id=0, paused_mask_period_s=2.5)
    bench.pipeline.enable(False)
    rest_s = bench.process(front=image(height=4, width=6), rear=None)
    assert rest_s == 2.5
    assert bench.segmenter.batch_sizes == []
    assert bench.whats() == [("front", "mask")]
    _, _, mask, confidence = bench.published[0]
    assert mask.shape == (4, 6)
    assert not mask.any()
    assert not confidence.any()
    assert bench.dropped() == [("/rear/image", "no image")]


def test_resuming_ends_the_rest_and_images_are_segmented_again(running):
    running.pipeline.enable(False)
    running.front.send(image())
    assert running.front.news.acquire(timeout=DEADLINE_S)
    running.front.send(image())
    running.pipeline.enable(True)
    while ("front", "points") not in running.whats():
        assert running.front.news.acquire(timeout=DEADLINE_S), "still resting"
    assert running.segmenter.batch_sizes == [1]


def test_a_fault_after_the_segmentation_is_reported_for_the_batch_and_the_next_one_follows(running):
    original = running.front.publish_places

    def fail_once(*_):
        running.front.publish_places = original
        raise ValueError("a fault of the program")

    running.front.publish_places = fail_once
    running.front.send(image())
    assert running.front.news.acquire(timeout=DEADLINE_S)  # its mask
    running.front.send(image())
    while ("front", "points") not in running.whats():
        assert running.front.news.acquire(timeout=DEADLINE_S)
    assert ("the points of an image on /front/image were lost", "a fault of the program") in running.problems


def test_a_lost_batch_is_an_error_of_the_cameras_in_it_alone(running):
    """A camera that has received nothing does not show another's error."""

    def fail(*_):
        running.front.news.release()
        raise ValueError("a fault of the program")

    running.front.publish_mask = fail
    running.front.send(image())
    assert running.front.news.acquire(timeout=DEADLINE_S)
    assert running.pipeline.worker.stop(DEADLINE_S)
    assert running.dropped() == [("/front/image", "a fault of the program")]
    assert (running.rear.statistics.last_error, running.rear.statistics.is_failing) == ("", False)


def test_the_background_is_in_label_info_and_in_no_points_and_a_paused_mask_is_without_it():
    bench = Bench()
    vocabulary = vocabulary_of("cup").with_background("nothing", 1)  # the scripted mask is full of 1
    vocabulary = vocabulary.with_ids((4,), 3)
    bench.segmenter.fill = 1
    bench.pipeline.adopt(replace(bench.pipeline.active, vocabulary=vocabulary))
    assert bench.published[0] == ("front", "label_info", {1: "nothing", 4: "cup"}, 3, 0.5)
    bench.published.clear()
    bench.process(front=image())
    (_, _, mask, confidence), (_, _, points, _) = bench.published
    assert (mask == 1).all()
    assert confidence.all()
    assert points == []
    bench.published.clear()
    bench.pipeline.enable(False)
    bench.process(front=image())
    ((_, _, mask, confidence),) = bench.published
    assert (mask == 255).all()  # a costmap takes it for nothing: what it marked stays
    assert not confidence.any()


def test_a_question_is_in_points_and_overlay_and_neither_in_mask_nor_label_info():
    bench = Bench(overlay=True)
    bench.front.has_overlay_listener = True
    vocabulary = vocabulary_of("cup", "?mug", version=3)
    bench.pipeline.adopt(replace(bench.pipeline.active, vocabulary=vocabulary))
    assert bench.published[0] == ("front", "label_info", {1: "cup"}, 3, 0.5)
    bench.published.clear()
    bench.process(front=image(height=40, width=60))
    (_, _, mask, _), (_, _, points, _), (_, _, overlay) = bench.published
    assert (mask == 1).all()
    assert [(point.class_id, point.class_name) for point in points] == [(1, "cup"), (2, "mug")]
    assert points[1].confidence == pytest.approx(88 / 255)
    weight = 0.25 + 88 * 0.5 / 510  # of the colour over the black image, by the confidence
    np.testing.assert_allclose(overlay[5, 5], np.array(color_of(2)) * weight, atol=1)


def test_published_ids_of_distractors_are_the_unlabeled_one():
    vocabulary = Vocabulary.from_embeddings(["cup", "!wall", "dog"], np.eye(3)).with_ids((5, 255, 6), 1)
    active = ActiveConfiguration(ScriptedSegmenter(), vocabulary, Parameters(unlabeled_id=0))
    assert active.published_ids == [5, 0, 6]


def test_resizing_a_mask_mixes_no_ids():
    ids = np.array([[1, 1, 200, 200], [1, 1, 200, 200]], np.uint8)
    assert np.array_equal(nearest(ids, (1, 2)), [[1, 200]])
    assert np.array_equal(nearest(ids, (4, 8)), ids.repeat(2, axis=0).repeat(2, axis=1))
    assert nearest(ids, (2, 4)) is ids


@pytest.mark.parametrize(("side", "expected"), [(0, (480, 640)), (240, (240, 424))])
def test_the_masks_size_is_the_images_unless_the_parameters_give_one(side, expected):
    parameters = Parameters(mask_height=side, mask_width=424 if side else 0)
    assert mask_size((480, 640), parameters) == expected


def test_the_depth_of_an_image_in_hand_is_kept_for_it():
    bench = Bench()
    bench.process(front=image())
    assert (bench.depths["front"].pinned, bench.depths["rear"].pinned) == ([10**9 + 5], [])


def test_the_reason_for_missing_positions_is_reported():
    bench = Bench()
    bench.process(front=image())
    assert bench.problems == [("what is seen on /front/image has no position", "it is dark")]


def test_each_camera_has_a_score_memory_of_its_own_that_stays():
    bench = Bench()
    bench.process(front=image(), rear=image())
    bench.process(rear=image())
    (front, rear), (rear_again,) = bench.segmenter.memories_seen
    assert front is not rear
    assert rear is rear_again
