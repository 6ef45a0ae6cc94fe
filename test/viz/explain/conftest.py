# SPDX-License-Identifier: Apache-2.0
"""An explanation written by hand: the left half is the cat's, the right half the sofa's, or nobody's."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from talk2dino_ros.engine.inference.explanation import Explanation, Heads
from talk2dino_ros.engine.segmenter import Segmentation
from talk2dino_ros.engine.vocabulary import Vocabulary

UNLABELED = 255


def ramp(count, h, w):
    """A map per word, 0.3 to 0.7, no two alike."""
    return np.linspace(0.3, 0.7, count * h * w, dtype=np.float32).reshape(count, h, w)


def make_explanation(
    names=("cat", "sofa", "!wall"), size=(60, 90), heads=3, cleaned=False, has_fit=True
) -> Explanation:
    height, width = size
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    before = np.full(size, UNLABELED, np.uint8)
    before[:, : width // 2] = 1
    after = before.copy()
    after[: height // 3, width - width // 3 :] = 1
    confidence = np.full(size, 200, np.uint8)
    scores = ramp(len(names), 2, 3)
    fit = np.zeros((len(names), heads), np.float32)
    for word in range(len(names) if heads else 0):
        fit[word, word % heads] = 0.5
    return Explanation(
        rgb=rgb,
        vocabulary=Vocabulary.from_embeddings(names, np.eye(len(names), 16)),
        model_name="tiny",
        network_size=(28, 42),
        background=0.525,
        patch_colours=np.random.default_rng(1).random((2, 3, 3), dtype=np.float32),
        heads=Heads(np.full((heads, 2, 3), 1 / 6, np.float32), fit if has_fit else None) if heads else None,
        cosines=np.log(scores / (1 - scores)),
        scores=scores,
        cleaned=scores if cleaned else None,
        stretched=ramp(len(names), height, width),
        refined=ramp(len(names), height, width),
        before=Segmentation(before, confidence),
        after=Segmentation(after, confidence),
    )


@pytest.fixture
def explanation() -> Explanation:
    return make_explanation()


@pytest.fixture
def make() -> Callable[..., Explanation]:
    return make_explanation


@pytest.fixture
def changed() -> Callable[..., Explanation]:
    return replace
