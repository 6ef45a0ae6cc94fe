# SPDX-License-Identifier: Apache-2.0
"""The GPU's way of a batch, computed on a CPU and held against the step-by-step way, option by option."""

import copy
import gc
import threading
import weakref

import numpy as np
import pytest
import torch
from host_lane import HostLane
from tiny_segmenter import WORDS, make_segmenter, seeded_image, vocabulary

from talk2dino_ros.engine.inference import scoring
from talk2dino_ros.engine.inference.decision import decision_cpu
from talk2dino_ros.engine.inference.decision.decision_plain import decide_plain
from talk2dino_ros.engine.inference.gpu import frame_program, gpu_path
from talk2dino_ros.engine.inference.pamr.pamr_plain import pamr_plain
from talk2dino_ros.engine.inference.score_smoothing import ScoreMemory
from talk2dino_ros.engine.runtime.gpu_lane import RECORDINGS
from talk2dino_ros.engine.segmenter import Segmenter

NEAR_RED, YELLOW, PINK = [0.95, 0.3, 0.1], [0.7, 0.7, 0.0], [1.0, -0.6, 0.9]
OPTIONS = {
    "plain": {},
    "threshold": {"background": 0.65},
    "pamr": {"refine": "pamr"},
    "pamr and threshold": {"refine": "pamr", "background": 0.65},
    "cleaning": {"background_cleaning": True, "background": 0.62},
    "aspect": {"input": "aspect", "unlabeled_id": 0, "background": 0.65},
    "fewer pixels": {"refine": "pamr", "refine_pixels": 300},
    "windows": {"input": "slide", "background": 0.65},
    "windows, pamr": {"input": "slide", "refine": "pamr"},
    "votes": {"input": "slide", "window_scores": "softmax"},
    "the papers' resizing": {"input": "slide", "resize": "mmcv"},
}
NAMES = {
    "words": (WORDS, np.eye(3)),
    "distractor": ([*WORDS[:2], "!blue", "!pink"], [*np.eye(3), PINK]),
    "questions": (["?scarlet", *WORDS, "!pink", "?yellow"], [NEAR_RED, *np.eye(3), PINK, YELLOW]),
    "one": (["red"], [[1, 0, 0]]),
    "thresholds": (
        ["?scarlet >= 0.7", "red >= 0.6", "green >= 0.69", "blue", "!pink", "?yellow"],
        [NEAR_RED, *np.eye(3), PINK, YELLOW],
    ),
}


def on_gpu(segmenter, lane):
    """The same segmenter with the GPU's way, on a lane of the CPU."""
    networks = copy.copy(segmenter.networks)
    networks.lane = lane
    return Segmenter(segmenter.model, networks, segmenter.options)


def assert_same(one, other, *, confidence=1):
    np.testing.assert_array_equal(one.class_ids, other.class_ids)
    np.testing.assert_allclose(one.confidence.astype(int), other.confidence.astype(int), atol=confidence)
    assert one.answers.keys() == other.answers.keys()
    for each in one.answers:
        np.testing.assert_allclose(one.answers[each].astype(int), other.answers[each].astype(int), atol=confidence)


@pytest.fixture(autouse=True)
def the_plainest(monkeypatch):
    """The step-by-step way in plain PyTorch, and without pruning, as what that leaves out counts unrefined."""
    monkeypatch.setattr(scoring, "contenders", lambda scores, _: np.ones(len(scores[0]), bool))
    monkeypatch.setattr(decision_cpu, "decide_cpu", decide_plain)
    monkeypatch.setattr(scoring, "pamr", pamr_plain)
    monkeypatch.setattr(frame_program, "pamr", pamr_plain)


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("background_id", [None, 9], ids=["", "background"])
def test_a_batch_of_any_sizes_is_what_it_is_step_by_step(options, names, background_id):
    if names is NAMES["thresholds"] and "window_scores" in options:
        pytest.skip("shares of classes have no threshold")
    segmenter, lane = make_segmenter(**options), HostLane()
    words = vocabulary(*names)
    words = words if background_id is None else words.with_background("rest", background_id)
    images = [seeded_image(20, 28), seeded_image(9, 16), seeded_image(20, 28)[::-1] // 2, seeded_image(20, 28) // 3]
    wanted = {"return_scores": True, "return_patches": [True, False, True, True]}
    expected = segmenter.segment(images, words, **wanted)
    both = [on_gpu(segmenter, lane).segment(images, words, **wanted) for _ in range(2)]  # recorded, and again
    for seen in both:
        for one, other in zip(seen, expected, strict=True):
            assert_same(one, other)
            np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)
            if other.patches is not None:
                np.testing.assert_allclose(one.patches.features, other.patches.features, atol=1e-3)
            assert (one.patches is None) == (other.patches is None)
    sizes = 2  # each with its words
    assert lane.counts == {"uploads": 2 * sizes + 5 * sizes, "replays": 4, "recordings": 2, "downloads": 10, "waits": 2}


def frames(count):
    rng = np.random.default_rng(2)
    return [
        np.clip(seeded_image(20, 28) + rng.normal(0, 40, (20, 28, 3)), 0, 255).astype(np.uint8) for _ in range(count)
    ]


@pytest.mark.parametrize("input", ["square", "slide"])
def test_each_camera_has_its_own_memory_and_an_image_without_one_stands_alone(input):
    segmenter, lane = make_segmenter(input=input, score_smoothing=0.7), HostLane()
    words, others = vocabulary(), vocabulary(["red", "green", "!blue"])
    mine, own = [ScoreMemory(), ScoreMemory(), None], [ScoreMemory(), ScoreMemory(), None]
    gpu = on_gpu(segmenter, lane)
    for number, image in enumerate(frames(5)):
        asked = others if number == 3 else words  # another vocabulary starts anew
        batch = [image, image[::-1], image]
        if number == 2:
            mine[0].clear()
            own[0].clear()
        seen, expected = gpu.segment(batch, asked, memory=mine), segmenter.segment(batch, asked, memory=own)
        for one, other in zip(seen, expected, strict=True):
            assert_same(one, other)
        begins = number != 1  # else its memory was cleared, or knows another vocabulary alone
        assert (seen[0].confidence == seen[2].confidence).all() == begins
    assert lane.counts["recordings"] == 1


def test_cameras_that_take_turns_keep_their_own_memories():
    segmenter, lane = make_segmenter(score_smoothing=0.7), HostLane()
    gpu, words, mine, own = (
        on_gpu(segmenter, lane),
        vocabulary(),
        [ScoreMemory(), ScoreMemory()],
        [ScoreMemory(), ScoreMemory()],
    )
    for number, image in enumerate(frames(6)):
        camera = number % 2
        shown = image if camera else 255 - image
        seen = gpu.segment(shown, words, memory=mine[camera])
        assert_same(seen, segmenter.segment(shown, words, memory=own[camera]))
    assert lane.counts["recordings"] == 1


def test_a_vocabulary_is_uploaded_once_per_change_and_needs_no_new_recording():
    segmenter, lane = make_segmenter(background=0.6), HostLane()
    image, gpu = seeded_image(20, 28), on_gpu(segmenter, lane)
    three, four = vocabulary(), vocabulary([*WORDS, "yellow"], [*np.eye(3), YELLOW])
    turned = vocabulary(["blue", "!red", "green"], np.roll(np.eye(3), 1, axis=1))
    raised = vocabulary(["red >= 0.66", "green", "blue >= 0.61"])
    for words in (three, three, turned, turned, four, three, raised):
        assert_same(gpu.segment(image, words), segmenter.segment(image, words))
    tensors = 5
    assert (lane.counts["uploads"], lane.counts["recordings"]) == (7 + 5 * tensors, 1)
    five = vocabulary([*WORDS, "yellow", "pink"], [*np.eye(3), YELLOW, PINK])
    assert_same(gpu.segment(image, five), segmenter.segment(image, five))
    assert lane.counts["recordings"] == 2


def test_another_threshold_keeps_what_is_smoothed_and_other_vectors_do_not():
    segmenter, lane, image = make_segmenter(score_smoothing=0.6), HostLane(), seeded_image(20, 28)
    for either in (segmenter, on_gpu(segmenter, lane)):
        memories = [ScoreMemory() for _ in range(3)]
        seconds = [vocabulary(), vocabulary(["red >= 0.3", "green", "blue"]), vocabulary(vectors=np.eye(3)[::-1])]
        for memory, words in zip(memories, seconds, strict=True):
            either.segment(image, vocabulary(), memory=memory)
            memory.seen = either.segment(255 - image, words, memory=memory)
        unmixed = either.segment(255 - image, seconds[2])
        assert_same(memories[1].seen, memories[0].seen)
        assert_same(memories[2].seen, unmixed)
        assert (memories[0].seen.class_ids != either.segment(255 - image, vocabulary()).class_ids).any()
    assert lane.counts["recordings"] == 1


def test_numbers_among_the_options_need_no_new_recording():
    lane, image = HostLane(), seeded_image(20, 28)
    for options in ({}, {"background": 0.6}, {"background": 0.66, "unlabeled_id": 0}):
        segmenter = make_segmenter(**options)
        segmenter.networks = networks = getattr(lane, "networks", segmenter.networks)
        lane.networks = networks
        assert_same(on_gpu(segmenter, lane).segment(image, vocabulary()), segmenter.segment(image, vocabulary()))
    assert lane.counts["recordings"] == 1


def test_kept_programs_are_bounded_and_all_are_freed_at_once():
    segmenter, lane = make_segmenter(), HostLane()
    gpu = on_gpu(segmenter, lane)
    for width in [8 + number for number in range(RECORDINGS)] * 2:
        gpu.segment(seeded_image(8, width), vocabulary())
    assert (lane.counts["recordings"], len(lane._kept)) == (RECORDINGS, RECORDINGS)
    gpu.segment(seeded_image(8, 7), vocabulary())
    assert len(lane._kept) == 1


def test_kept_programs_are_freed_with_the_networks():
    segmenter, lane = make_segmenter(), HostLane()
    gpu = on_gpu(segmenter, lane)
    gpu.segment(seeded_image(8, 8), vocabulary())
    [kept] = [weakref.ref(each) for each in lane._kept.values()]
    del gpu, lane
    gc.collect()
    assert kept() is None


def test_many_images_go_in_groups_that_are_bounded(monkeypatch):
    monkeypatch.setattr(gpu_path, "GROUP_VALUES", 3 * 20 * 28 * 4)
    segmenter, lane = make_segmenter(), HostLane()
    images = [seeded_image(20, 28) // number for number in range(1, 8)]
    seen, expected = (each.segment(images, vocabulary()) for each in (on_gpu(segmenter, lane), segmenter))
    for one, other in zip(seen, expected, strict=True):
        assert_same(one, other)
    assert [lane.counts[what] for what in ("replays", "recordings", "waits")] == [3, 2, 1]


def test_two_threads_get_each_its_own_images_labels():
    segmenter, lane = make_segmenter(), HostLane()
    images = [seeded_image(20, 28), 255 - seeded_image(20, 28)]
    expected, wrong = [segmenter.segment(image, vocabulary()) for image in images], []

    def look(number):
        gpu = on_gpu(segmenter, lane)
        for _ in range(20):
            if (gpu.segment(images[number], vocabulary()).class_ids != expected[number].class_ids).any():
                wrong.append(number)

    threads = [threading.Thread(target=look, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_too_little_memory_gives_up_what_was_recorded_and_goes_crop_by_crop(monkeypatch):
    segmenter, lane = make_segmenter(input="slide", refine="pamr"), HostLane()
    images = [seeded_image(8, 12), seeded_image(8, 12) // 2]
    expected = segmenter.segment(images, vocabulary())
    encoder, rooms = segmenter.networks.image_encoder, []

    def encode(crops, **options):
        rooms.append(len(crops))
        if len(crops) > 1:
            raise torch.OutOfMemoryError("no memory")
        return type(encoder).forward(encoder, crops, **options)

    monkeypatch.setattr(encoder, "forward", encode)
    gpu = on_gpu(segmenter, lane)
    for one, other in zip(gpu.segment(images, vocabulary()), expected, strict=True):
        assert_same(one, other)
    assert rooms == [4, 1, 1, 1, 1]
    assert lane.counts["replays"] == 0
