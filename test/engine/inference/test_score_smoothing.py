# SPDX-License-Identifier: Apache-2.0
"""Scores over a camera's images, with `mini` on a shipped photograph, against the formula in NumPy."""

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.inference.score_smoothing import ScoreMemory
from talk2dino_ros.engine.inference.scoring import Scoring
from talk2dino_ros.engine.options import Options

PHOTO = next((Path(__file__).parents[3]).glob("**/photos/coffee.jpg"))
WORDS = ["cup", "table", "spoon", "wall"]


@pytest.fixture(scope="module")
def plain():
    return load_segmenter("mini", device="cpu", backend="torch", input_size=160)


@pytest.fixture(scope="module")
def vocabulary(plain):
    return plain.encode_vocabulary(WORDS)


@pytest.fixture(scope="module")
def images():
    """A small photograph as a bad camera would send it, five times."""
    photo = np.asarray(Image.open(PHOTO).convert("RGB").resize((150, 100)), np.float64)
    rng = np.random.default_rng(0)
    return [np.clip(photo + rng.normal(0, 40, photo.shape), 0, 255).astype(np.uint8) for _ in range(5)]


def ids_of(segmenter, images, vocabulary, memory=None):
    return [segmenter.segment(image, vocabulary, memory=memory).class_ids for image in images]


def assert_same(one, other):
    np.testing.assert_array_equal(one.class_ids, other.class_ids)
    np.testing.assert_array_equal(one.confidence, other.confidence)


def assert_close(one, other):
    """Batched and alone, sums are rounded in another order."""
    assert np.mean(one.class_ids != other.class_ids) < 0.001
    is_same = one.class_ids == other.class_ids
    np.testing.assert_allclose(one.confidence[is_same].astype(int), other.confidence[is_same].astype(int), atol=1)


def changed_share(masks):
    return np.mean([np.mean(one != other) for one, other in pairwise(masks)])


@pytest.mark.parametrize("options", [{}, {"input": "slide", "refine": "pamr", "background": 0.5}])
def test_without_smoothing_a_score_memory_changes_nothing_and_stays_empty(plain, vocabulary, images, options):
    segmenter, memory = plain.with_options(**options), ScoreMemory()
    for image in images[:3]:
        assert_same(segmenter.segment(image, vocabulary, memory=memory), segmenter.segment(image, vocabulary))
        assert memory.is_empty


def test_smoothing_without_a_score_memory_changes_nothing(plain, vocabulary, images):
    segmenter = plain.with_options(score_smoothing=0.8)
    for image in images[:3]:
        assert_same(segmenter.segment(image, vocabulary), plain.segment(image, vocabulary))


@pytest.mark.parametrize("smoothing", [0.3, 0.9])
def test_smoothing_is_the_exponential_mean_of_the_patch_scores(plain, vocabulary, images, smoothing):
    segmenter, memory, mean = plain.with_options(score_smoothing=smoothing), ScoreMemory(), None
    for image in images:
        seen = segmenter.segment(image, vocabulary, memory=memory, return_scores=True)
        cosines = plain.segment(image, vocabulary, return_scores=True).scores
        np.testing.assert_array_equal(seen.scores, cosines)  # what is returned is this image's own
        scores = 1 / (1 + np.exp(-cosines.astype(np.float64)))
        mean = scores if mean is None else smoothing * mean + (1 - smoothing) * scores
        large = F.interpolate(torch.from_numpy(mean)[None], image.shape[:2], mode="bilinear", align_corners=True)[0]
        labelled = large.gather(0, torch.from_numpy(seen.class_ids[None] - 1).long())[0]  # the ids are 1, 2, ...
        assert (large.amax(dim=0) - labelled).max() < 1e-6  # float32 may round a tie to the other side


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"input": "aspect", "refine": "pamr"},
        {"input": "slide", "refine": "pamr", "background": 0.5},
        {"input": "slide"},
    ],
)
def test_a_constant_image_keeps_its_mask_to_the_bit(plain, vocabulary, images, options):
    segmenter, memory = plain.with_options(score_smoothing=0.7, **options), ScoreMemory()
    expected = plain.with_options(**options).segment(images[0], vocabulary)
    for _ in range(3):
        assert_same(segmenter.segment(images[0], vocabulary, memory=memory), expected)
    assert not memory.is_empty


def test_a_noisy_camera_flickers_less(plain, vocabulary, images):
    smoothed = ids_of(plain.with_options(score_smoothing=0.8), images, vocabulary, ScoreMemory())
    alone, together = changed_share(ids_of(plain, images, vocabulary)), changed_share(smoothed)
    print(f"pixels that change from image to image: {alone:.1%}, with smoothing {together:.1%}")
    assert together < alone / 2


def starts_anew(segmenter, image, vocabulary, memory):
    """Whether an image is segmented as the first one is."""
    alone = segmenter.segment(image, vocabulary)
    seen = segmenter.segment(image, vocabulary, memory=memory)
    return np.array_equal(seen.class_ids, alone.class_ids) and np.array_equal(seen.confidence, alone.confidence)


@pytest.fixture
def filled(plain, vocabulary, images):
    """A segmenter that smooths, and the memory of one image."""
    segmenter, memory = plain.with_options(score_smoothing=0.8), ScoreMemory()
    segmenter.segment(images[0], vocabulary, memory=memory)
    return segmenter, memory


def test_the_score_memory_lasts_from_image_to_image(filled, vocabulary, images):
    assert not starts_anew(filled[0], images[1], vocabulary, filled[1])


def test_another_vocabulary_resets_the_score_memory(filled, plain, images):
    for words in (["table", "cup", "spoon", "wall"], ["cup", "spoon"]):
        assert starts_anew(filled[0], images[1], plain.encode_vocabulary(words), filled[1])


def test_other_ids_reset_the_score_memory(filled, vocabulary, images):
    assert starts_anew(filled[0], images[1], vocabulary.with_ids([5, 6, 7, 8], 3), filled[1])


def test_another_image_size_resets_the_score_memory(filled, vocabulary, images):
    assert starts_anew(filled[0], images[1][:90].copy(), vocabulary, filled[1])


@pytest.mark.parametrize("options", [{"input": "slide"}, {"input_size": 128}, {"score_smoothing": 0.5}])
def test_other_options_reset_the_score_memory(filled, vocabulary, images, options):
    assert starts_anew(filled[0].with_options(**options), images[1], vocabulary, filled[1])


def test_switching_smoothing_off_and_on_resets_the_score_memory(filled, plain, vocabulary, images):
    segmenter, memory = filled
    plain.segment(images[1], vocabulary, memory=memory)
    assert memory.is_empty
    assert starts_anew(segmenter, images[2], vocabulary, memory)


def test_clearing_resets_the_score_memory(filled, vocabulary, images):
    filled[1].clear()
    assert filled[1].is_empty
    assert starts_anew(filled[0], images[1], vocabulary, filled[1])


def test_each_image_of_a_batch_has_its_own_memory(plain, vocabulary, images):
    segmenter = plain.with_options(score_smoothing=0.8)
    front, rear = ScoreMemory(), ScoreMemory()
    alone = [ScoreMemory(), ScoreMemory()]
    for first, second in ((0, 3), (1, 4), (2, 0)):
        batch = [images[first], images[second][:90], images[first]]
        seen = segmenter.segment(batch, vocabulary, memory=[front, rear, None])
        assert_close(seen[0], segmenter.segment(batch[0], vocabulary, memory=alone[0]))
        assert_close(seen[1], segmenter.segment(batch[1], vocabulary, memory=alone[1]))
        assert_close(seen[2], plain.segment(batch[2], vocabulary))


def test_a_batch_retried_for_memory_is_smoothed_once(plain, vocabulary, images, monkeypatch):
    """The second image finds the device full after the first was labelled; then both are segmented again."""
    segmenter, memories, other = plain.with_options(score_smoothing=0.8), [ScoreMemory(), ScoreMemory()], ScoreMemory()
    segmenter.segment(images[:2], vocabulary, memory=memories)
    segmenter.segment(images[0], vocabulary, memory=other)
    label, calls = Scoring.__call__, []

    def full_at_the_second(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("no memory")
        return label(*arguments)

    monkeypatch.setattr(Scoring, "__call__", full_at_the_second)  # the device does not get full for a test
    seen = segmenter.segment(images[2:4], vocabulary, memory=memories)
    monkeypatch.undo()
    assert len(calls) == 4
    assert_close(seen[0], segmenter.segment(images[2], vocabulary, memory=other))
    after = segmenter.segment(images[4], vocabulary, memory=memories[0])
    assert_close(after, segmenter.segment(images[4], vocabulary, memory=other))


def test_scores_are_remembered_only_by_keep():
    memory, first, second = ScoreMemory(), [torch.full((1, 2, 2), 0.4)], [torch.full((1, 2, 2), 0.8)]
    memory.mixed("cup", first, 0.75)
    assert memory.is_empty
    memory.keep()
    for _ in range(2):
        torch.testing.assert_close(memory.mixed("cup", second, 0.75), [torch.full((1, 2, 2), 0.5)])
    memory.keep()
    memory.keep()
    torch.testing.assert_close(memory.mixed("cup", second, 0.0), second)
    torch.testing.assert_close(memory.mixed("mug", first, 0.75), first)
    torch.testing.assert_close(first, [torch.full((1, 2, 2), 0.4)])  # and what was given is as it was


def test_a_batch_needs_one_score_memory_for_each_image(plain, vocabulary, images):
    one = ScoreMemory()
    for segmenter in (plain, plain.with_options(score_smoothing=0.5)):
        for wrong, count in (([one], 1), ([one, None, None], 3), (one, 1)):
            with pytest.raises(ModelError, match=f"{count} score memories, .* for 2 images, expected one per image"):
                segmenter.segment(images[:2], vocabulary, memory=wrong)
        with pytest.raises(ModelError, match="2 score memories, 1 of them different, were given for 2 images"):
            segmenter.segment(images[:2], vocabulary, memory=[one, one])


@pytest.mark.parametrize("wrong", [-0.1, 1.0, float("nan")])
def test_a_smoothing_weight_out_of_range_is_refused(wrong):
    with pytest.raises(ModelError, match=rf"score_smoothing is {wrong}, expected 0\.0 to 0\.99; choose"):
        Options(score_smoothing=wrong)


def test_a_score_memory_is_made_without_torch():
    code = "import sys; from talk2dino_ros.engine import ScoreMemory; ScoreMemory(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_smoothing_is_off_by_default():
    assert Options().score_smoothing == 0.0
    assert load_segmenter("mini", device="cpu", backend="torch").options == Options()
    asked = load_segmenter("mini", device="cpu", backend="torch", score_smoothing=0.4).options
    assert asked == replace(Options(), score_smoothing=0.4)
