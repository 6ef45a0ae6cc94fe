# SPDX-License-Identifier: Apache-2.0
"""Questions (`?name`): they are answered, and change no pixel of the mask, whatever the options are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_segmenter import WORDS, make_segmenter, seeded_image, stretched

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.vocabulary import KIN_COSINE, UNLABELED_ID, Vocabulary

PHOTOS = Path(__file__).parents[2] / "talk2dino_ros" / "demo" / "photos"
NEAR_RED, YELLOW, PINK = [0.95, 0.3, 0.1], [0.7, 0.7, 0.0], [1.0, -0.6, 0.9]
CLASSES = ["person: person, man, woman, child", "pet: cat", "cup", "book", "!wall"]
OPTIONS = {
    "plain": {},
    "threshold": {"background": 0.65},
    "pamr": {"refine": "pamr"},
    "pamr and threshold": {"refine": "pamr", "background": 0.65},
    "cleaning": {"background_cleaning": True, "background": 0.62},
    "windows": {"input": "slide", "refine": "pamr"},
    "votes": {"input": "slide", "window_scores": "softmax"},
}


def vocabulary(names, vectors):
    return Vocabulary.from_embeddings(names, np.array(vectors))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_questions_change_neither_mask_nor_confidence(options):
    image, segmenter = seeded_image(20, 28), make_segmenter(**options)
    names, vectors = [*WORDS, "!pink"], [*np.eye(3), PINK]
    before = segmenter.segment(image, vocabulary(names, vectors))
    asked = vocabulary(["?scarlet", *names, "?yellow"], [NEAR_RED, *vectors, YELLOW])
    after = segmenter.segment(image, asked, return_scores=True)
    assert len(np.unique(before.class_ids)) > 2
    np.testing.assert_array_equal(after.class_ids, before.class_ids)
    np.testing.assert_array_equal(after.confidence, before.confidence)
    assert after.answers.keys() == {4, 5}
    assert after.scores.shape[0] == 6


def test_a_question_competes_with_the_classes_of_another_meaning():
    stripes = np.array([[220, 30, 20], [230, 90, 40], [20, 200, 60], [30, 20, 210]], np.uint8).repeat(7, axis=0)
    image, segmenter = seeded_image(20, 28) // 8 + stripes, make_segmenter(background=0.68)
    names, vectors = ["?scarlet", *WORDS, "!pink"], np.array([NEAR_RED, *np.eye(3), PINK])
    seen = segmenter.segment(image, vocabulary(names, vectors), return_scores=True)
    large = np.log((p := stretched(1 / (1 + np.exp(-seen.scores)), 20, 28)) / (1 - p))
    others = np.maximum(large[[2, 3, 4]].max(axis=0), np.log(0.68 / 0.32))  # not red, its kin
    lead = large[0] - others
    expected = np.where(lead > 0, 255 / (1 + np.exp(-segmenter.model.logit_scale * lead)), 0)
    np.testing.assert_allclose(seen.answers[4], expected, atol=0.6)
    assert (seen.answers[4][:, :3] > 0).all()
    assert (seen.class_ids[:, :3] == 1).all()  # where red has the higher score, and the mask
    assert (seen.answers[4][:, 18:] == 0).all()


def test_related_classes_share_a_prompt_or_have_near_vectors_and_distractors_have_none():
    near = [1.0, np.tan(np.arccos(KIN_COSINE)) * 0.99, 0.0]
    far = [1.0, np.tan(np.arccos(KIN_COSINE)) * 1.01, 0.0]
    names = ["?Cat", "pet: dog, cat", "near", "far", "!wall", "?dog"]
    words = vocabulary(names, [[1, 0, 0], [0, 0, 1], near, far, [1, 0.1, 0], [1, 0, 0]])
    assert [words.names[number] for number in words.against(0)] == ["far", "wall"]


def test_questions_have_ids_behind_the_labels_and_are_in_no_label_info():
    words = vocabulary(["?ask", "door", "!wall", "chair"], np.eye(4)[:, :4])
    assert words.ids == (3, 1, UNLABELED_ID, 2)
    assert words.labels() == words.mask_labels() == {1: "door", 2: "chair"}
    assert words.questions() == {3: "ask"}


def test_a_vocabulary_on_file_keeps_its_questions(tmp_path):
    words = vocabulary(["door", "?cat: cat, kitten", "!wall"], np.eye(3))
    words.save(tmp_path / "words.safetensors")
    loaded = Vocabulary.load(tmp_path / "words.safetensors")
    assert (loaded.classes, loaded.ids) == (words.classes, words.ids)
    assert loaded.classes[1].text == "?cat: cat, kitten"


@pytest.fixture(scope="module")
def mini():
    segmenter = load_segmenter("mini", device="cpu", backend="torch", precision="fp32")
    return segmenter.with_options(background=segmenter.model.background)


@pytest.mark.parametrize(
    ("photo", "question", "kin", "box"),
    [  # drawn by hand: test_mini_quality.py
        ("astronaut", "?woman", "person", (22, 15, 365, 512)),
        ("chelsea", "?cat", "pet", (20, 0, 400, 300)),
        ("coffee", "?mug", "cup", (168, 15, 412, 312)),
    ],
)
def test_a_question_for_a_subclass_is_found_within_its_class_and_takes_no_pixels(mini, photo, question, kin, box):
    rgb = np.array(Image.open(PHOTOS / f"{photo}.jpg"))
    segmenter = mini.with_options(refine="pamr")
    before = segmenter.segment(rgb, segmenter.encode_vocabulary(CLASSES))
    asked = segmenter.encode_vocabulary([*CLASSES, question])
    after = segmenter.segment(rgb, asked)
    np.testing.assert_array_equal(after.class_ids, before.class_ids)
    np.testing.assert_array_equal(after.confidence, before.confidence)
    (answer,) = after.answers.values()
    is_kin = before.class_ids == asked.ids[asked.names.index(kin)]
    assert (answer > 0)[is_kin].mean() > 0.6
    x0, y0, x1, y1 = box
    within = np.zeros_like(is_kin)
    within[y0:y1, x0:x1] = True
    assert within[answer > 0].mean() > within[is_kin].mean() - 0.05


@pytest.mark.parametrize(("photo", "question"), [("chelsea", "?mug"), ("coffee", "?cat"), ("astronaut", "?dog")])
def test_a_question_for_an_absent_object_finds_nothing(mini, photo, question):
    rgb = np.array(Image.open(PHOTOS / f"{photo}.jpg"))
    (answer,) = mini.segment(rgb, mini.encode_vocabulary([*CLASSES, question])).answers.values()
    assert (answer > 0).mean() < 0.002
