# SPDX-License-Identifier: Apache-2.0
"""The pipeline against NumPy formulas, with networks so small that a person can follow them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_segmenter import WORDS, MeanColour, Squares, cosines_of, make_segmenter, seeded_image, stretched, vocabulary
from torch import nn

from talk2dino_ros.engine.errors import ImageError, ModelError, VocabularyError
from talk2dino_ros.engine.inference.canvas import resized
from talk2dino_ros.engine.inference.pamr.pamr_plain import pamr_plain
from talk2dino_ros.engine.runtime.stage_times import STAGES
from talk2dino_ros.engine.vocabulary import Vocabulary


def test_square_equals_the_formula_pixel_by_pixel():
    image = seeded_image(8, 8)
    vectors = np.array([[1, 0, 0], [0.6, 0.8, 0], [0, 0.6, 0.8]])
    seen = make_segmenter().segment(image, vocabulary(vectors=vectors), return_scores=True)
    cosines = cosines_of(image, 2, vectors)
    scores = stretched(1 / (1 + np.exp(-cosines)), 8, 8)
    np.testing.assert_allclose(seen.scores, cosines, atol=1e-6)
    np.testing.assert_array_equal(seen.class_ids, scores.argmax(axis=0) + 1)


def test_the_result_has_the_images_size_whatever_the_input():
    for mode in ("square", "aspect", "slide"):
        seen = make_segmenter(input=mode).segment(seeded_image(31, 17), vocabulary())
        assert seen.class_ids.shape == seen.confidence.shape == (31, 17)
        assert seen.class_ids.dtype == seen.confidence.dtype == np.uint8


@pytest.mark.parametrize("mode", ["square", "aspect", "slide"])
def test_a_network_that_sees_single_pixels_gives_the_pixels_classes(mode):
    # the canvas has the image's size here, and every window sees the same values: averaging changes nothing
    image = np.zeros((8, 8 if mode == "square" else 22, 3), np.uint8)
    image[:, :5, 0] = image[:, 5:, 2] = 200
    seen = make_segmenter(patch_size=1, input=mode).segment(image, vocabulary())
    assert np.unique(seen.class_ids[:, :5]).tolist() == [1]
    assert np.unique(seen.class_ids[:, 5:]).tolist() == [3]


def test_slide_gives_scores_on_one_patch_grid():
    seen = make_segmenter(input="slide").segment(seeded_image(8, 22), vocabulary(), return_scores=True)
    assert seen.scores.shape == (3, 4, 11)
    assert np.abs(seen.scores).max() <= 1


def test_a_batch_of_any_sizes_equals_single_images():
    images = [seeded_image(8, 8), seeded_image(16, 9)[::2], seeded_image(20, 11)]
    for mode in ("square", "aspect", "slide"):
        segmenter = make_segmenter(input=mode)
        batch = segmenter.segment(images, vocabulary())
        for image, seen in zip(images, batch, strict=True):
            alone = segmenter.segment(image, vocabulary())
            np.testing.assert_array_equal(seen.class_ids, alone.class_ids)
            np.testing.assert_array_equal(seen.confidence, alone.confidence)


def test_pamr_refines_the_stretched_scores_with_the_images_colours():
    image, vectors = seeded_image(8, 8), np.eye(3)
    seen = make_segmenter(refine="pamr").segment(image, vocabulary())
    scores = stretched(1 / (1 + np.exp(-cosines_of(image, 2, vectors))), 8, 8)
    rgb = torch.tensor(image / 255, dtype=torch.float32).permute(2, 0, 1)
    refined = pamr_plain(rgb, torch.tensor(scores, dtype=torch.float32))
    np.testing.assert_array_equal(seen.class_ids, refined.argmax(dim=0).numpy() + 1)
    plain = make_segmenter().segment(image, vocabulary())
    assert (seen.class_ids != plain.class_ids).any()


def test_background_cleaning_changes_the_scores_before_the_decision():
    image = seeded_image(8, 8)
    plain = make_segmenter().segment(image, vocabulary())
    cleaned = make_segmenter(background_cleaning=True).segment(image, vocabulary())
    assert (plain.confidence != cleaned.confidence).any()


def test_background_cleaning_of_a_batch_is_per_image():
    segmenter = make_segmenter(background_cleaning=True)
    images = [seeded_image(8, 8), seeded_image(8, 8) // 2]
    for image, seen in zip(images, segmenter.segment(images, vocabulary()), strict=True):
        np.testing.assert_array_equal(seen.confidence, segmenter.segment(image, vocabulary()).confidence)


def test_pixels_at_or_below_the_background_are_unlabeled():
    image = np.full((8, 8, 3), 200, np.uint8)  # gray: cosine 1/sqrt(3) with each colour, score 0.640
    assert np.unique(make_segmenter(background=0.65).segment(image, vocabulary()).class_ids).tolist() == [255]
    assert np.unique(make_segmenter(background=0.63).segment(image, vocabulary()).class_ids).tolist() == [1]


def test_a_distractor_takes_pixels_and_stays_unlabeled():
    image = np.zeros((8, 8, 3), np.uint8)
    image[:, :4, 0] = image[:, 4:, 1] = 255
    seen = make_segmenter(unlabeled_id=0).segment(image, vocabulary(["!red", "green", "blue"]))
    assert np.unique(seen.class_ids).tolist() == [0, 1]
    assert (seen.confidence[seen.class_ids == 0] == 0).all()
    assert seen.class_ids[0, 7] == 1


def test_two_equal_runs_give_equal_results():
    segmenter = make_segmenter(refine="pamr", background=0.6)
    first, second = (segmenter.segment(seeded_image(24, 32), vocabulary()) for _ in range(2))
    np.testing.assert_array_equal(first.class_ids, second.class_ids)
    np.testing.assert_array_equal(first.confidence, second.confidence)


def test_templates_and_prompts_are_averaged_before_the_projection():
    segmenter = make_segmenter(projection=Squares(), templates=("{}", "g {}"))
    made = segmenter.encode_vocabulary(["red: r, rr"])
    # r counts: 1, 1, 2, 2 -> 1.5; g counts: 0, 1, 0, 1 -> 0.5; squared 2.25 and 0.25
    expected = np.array([2.25, 0.25, 0])
    np.testing.assert_allclose(made.embeddings[0], expected / np.linalg.norm(expected), rtol=1e-6)


def test_a_cut_prompt_is_warned_of():
    made = make_segmenter().encode_vocabulary(["red: " + "r" * 31, "green"])
    assert len(made.warnings) == 1
    assert "1 prompt is" in made.warnings[0]
    assert "shorten" in made.warnings[0]
    assert make_segmenter().encode_vocabulary(["red"]).warnings == ()


def test_a_word_of_another_language_comes_with_a_warning_from_vectors_too():
    segmenter = make_segmenter()
    vocabulary = segmenter.encode_vocabulary(["red", "r стул"])
    (warning,) = vocabulary.warnings
    assert "'r стул' may find nothing" in warning
    assert segmenter.encode_vocabulary(["red", "r стул"], vocabulary).warnings == (warning,)
    assert segmenter.encode_vocabulary(["red", "стул: r"]).warnings == ()


def test_options_change_in_a_copy_only():
    segmenter = make_segmenter()
    other = segmenter.with_options(refine="pamr")
    assert (segmenter.options.refine, other.options.refine) == ("none", "pamr")
    assert other.networks is segmenter.networks
    with pytest.raises(ModelError, match="refine is 'crf'"):
        segmenter.with_options(refine="crf")


def test_cleaning_is_refused_for_a_model_without_a_class_token():
    segmenter = make_segmenter()
    segmenter.networks.image_encoder.has_attention = False
    with pytest.raises(ModelError, match="switch it off"):
        segmenter.with_options(background_cleaning=True)


def test_a_vocabulary_of_another_model_is_refused():
    words = replace(vocabulary(), model="talk2dino_vitb")
    with pytest.raises(VocabularyError, match=r"encoded by talk2dino_vitb .* expected tiny"):
        make_segmenter().segment(seeded_image(8, 8), words)
    with pytest.raises(VocabularyError, match="with 2 values per class"):
        make_segmenter().segment(seeded_image(8, 8), Vocabulary.from_embeddings(["red"], [[1.0, 0.0]]))


def test_one_bad_image_of_a_batch_is_an_error_not_a_guess():
    with pytest.raises(ImageError, match="expected uint8"):
        make_segmenter().segment([seeded_image(8, 8), np.zeros((8, 8), np.uint8)], vocabulary())


@pytest.mark.parametrize("refine", ["none", "pamr"])
def test_an_8k_image_is_segmented_at_its_own_size(refine):
    image = np.zeros((4320, 7680, 3), np.uint8)
    image[:, :3840, 0] = image[:, 3840:, 2] = 255
    seen = make_segmenter(base_size=32, refine=refine).segment(image, vocabulary())
    assert seen.class_ids.shape == (4320, 7680)
    assert (seen.class_ids[0, 0], seen.class_ids[-1, -1]) == (1, 3)


def test_a_smaller_input_size_is_what_the_network_sees():
    image = seeded_image(16, 16)
    small = make_segmenter(input_size=4).segment(image, vocabulary(), return_scores=True)
    assert small.scores.shape == (3, 2, 2)  # 4 pixels in patches of 2
    assert small.class_ids.shape == (16, 16)


@pytest.mark.parametrize(("input_size", "patches"), [(7, 4), (4, 2), (1, 1), (0, 4)])
def test_an_input_size_is_rounded_to_the_patch(input_size, patches):
    seen = make_segmenter(input_size=input_size).segment(seeded_image(16, 16), vocabulary(), return_scores=True)
    assert seen.scores.shape == (3, patches, patches)


def test_images_are_refined_at_refine_pixels_at_most():
    image = seeded_image(40, 60)
    small = make_segmenter(refine="pamr", refine_pixels=600).segment(image, vocabulary())
    shrunk = resized(torch.tensor(image / 255).permute(2, 0, 1).float(), (20, 30))
    network = resized(shrunk, (8, 8))
    cosines = cosines_of((network.permute(1, 2, 0).numpy() * 255), 2, np.eye(3))
    scores = torch.sigmoid(torch.tensor(cosines, dtype=torch.float32))
    large = nn.functional.interpolate(scores[None], (20, 30), mode="bilinear", align_corners=True)[0]
    refined = pamr_plain(shrunk, large)
    expected = nn.functional.interpolate(refined[None], (40, 60), mode="bilinear")[0].argmax(dim=0) + 1
    np.testing.assert_array_equal(small.class_ids, expected.numpy())


@pytest.mark.parametrize("input", ["square", "slide"])
def test_classes_that_cannot_win_change_no_label_and_still_count_in_the_confidence(input):
    # the fourth word is below the first at every patch: its vector is the first's, turned away from all colours
    image = seeded_image(12, 20)
    options = {"refine": "pamr", "input": input}
    three = make_segmenter(**options).segment(image, vocabulary())
    turned = np.vstack([np.eye(3), [[0.995, -0.07, -0.07]]])
    four = make_segmenter(**options).segment(image, vocabulary([*WORDS, "turned"], turned))
    np.testing.assert_array_equal(four.class_ids, three.class_ids)
    assert (four.confidence <= three.confidence).all()
    is_first = three.class_ids == 1
    assert (four.confidence < three.confidence)[is_first].any()  # where it is the strongest of the others


def test_a_timer_gets_the_stages_of_the_engine():
    segmenter = make_segmenter(refine="pamr")
    timer = segmenter.stage_timer()
    segmenter.segment([seeded_image(8, 8), seeded_image(9, 7)], vocabulary(), timer=timer)
    assert set(timer.seconds) == {"upload", "backbone", "score", "refine", "decide", "download"} <= set(STAGES)


class FullMemory(MeanColour):
    """Has no room the first times."""

    def __init__(self, patch_size, times):
        super().__init__(patch_size)
        self.times = times
        self.batches = []

    def forward(self, images, return_attention=False):
        self.batches.append(len(images))
        if len(self.batches) <= self.times:
            raise torch.OutOfMemoryError("no memory")
        return super().forward(images, return_attention)


def without_room(segmenter, times):
    encoder = segmenter.networks.image_encoder = FullMemory(2, times)
    return encoder


def test_too_little_memory_for_a_batch_is_tried_once_more_one_by_one(caplog):
    images = [seeded_image(8, 8), seeded_image(8, 12)]
    segmenter = make_segmenter(input="slide")
    expected = segmenter.segment(images, vocabulary())
    encoder = without_room(segmenter, 1)
    seen = segmenter.segment(images, vocabulary())
    assert encoder.batches == [1, 1, 1, 1]  # on a CPU the encoder has one window at a time anyway
    assert "too little memory" in caplog.text
    for one, other in zip(seen, expected, strict=True):
        np.testing.assert_array_equal(one.class_ids, other.class_ids)


def test_too_little_memory_for_one_window_is_a_clear_error():
    segmenter = make_segmenter()
    encoder = without_room(segmenter, 2)
    with pytest.raises(ModelError, match=r"cpu has too little memory for an image of 12x8 and 3 classes.*input_size"):
        segmenter.segment(seeded_image(8, 12), vocabulary())
    assert encoder.batches == [1, 1]
