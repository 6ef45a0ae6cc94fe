# SPDX-License-Identifier: Apache-2.0
"""The tour's segmenter of several vocabularies: each image is encoded once, and nothing is different for it."""

from copy import copy

import numpy as np
import pytest

from benchmarks.memory.seen_once import seeing_once
from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.segmenter import Segmenter

PICTURES = [np.random.default_rng(seed).integers(0, 256, (96, 128, 3), np.uint8) for seed in range(2)]
VOCABULARIES = (["door"], ["cat", "dog"], ["wall", "?cat", "?dog"])


@pytest.fixture(scope="module")
def segmenter():
    return load_segmenter("mini", device="cpu")


def test_an_image_is_encoded_once_and_segmented_as_if_it_were_each_time(segmenter):
    encoded = []
    counting = copy(segmenter.networks)
    encoder = counting.image_encoder

    class Counting:
        def __call__(self, images, return_attention=False):
            encoded.append(images)
            return encoder(images, return_attention=return_attention)

        def __getattr__(self, name):
            return getattr(encoder, name)

    counting.image_encoder = Counting()
    once = seeing_once(Segmenter(segmenter.model, counting, segmenter.options))
    for number, picture in enumerate((*PICTURES, PICTURES[0])):
        for words in VOCABULARIES:
            vocabulary = segmenter.encode_vocabulary(words)
            alone = segmenter.segment(picture, vocabulary, return_patches=True)
            found = once.segment(picture, vocabulary, return_patches=True)
            np.testing.assert_array_equal(found.class_ids, alone.class_ids)
            np.testing.assert_array_equal(found.confidence, alone.confidence)
            np.testing.assert_array_equal(found.patches.features, alone.patches.features)
            for question, answer in alone.answers.items():
                np.testing.assert_array_equal(found.answers[question], answer)
        assert len(encoded) == min(number + 1, len(PICTURES))
    assert once.feature_space == segmenter.feature_space
