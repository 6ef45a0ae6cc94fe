# SPDX-License-Identifier: Apache-2.0
"""The published weights of dino.txt on a shipped photograph, where they are on this machine; skipped where not.

`TALK2DINO_TEST_WEIGHTS` names a folder that has them under their published names. There are no official figures for
single images (the notebooks are published without their outputs), so what is looked at is coarse: where the cat is,
`cat` wins, and the cosines are of the size that words and patches have.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.factory import load_segmenter
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.weights.weights_files import find
from talk2dino_ros.viz.pictures import read_picture

WORDS = ["dog", "chair", "bowl", "cat"]
CAT_BOX = (slice(60, 240), slice(60, 380))  # rows, columns of chelsea.jpg that show hardly anything else


@pytest.fixture
def weights():
    """Return a function that says where a model's files are, or skips and names those that are missing."""
    folder = os.environ.get("TALK2DINO_TEST_WEIGHTS")

    def where(name) -> Path | None:
        weights_dir = Path(folder) if folder else None
        missing = [" or ".join(file.names) for file in MODELS[name].files if find(file, weights_dir) is None]
        if missing:
            pytest.skip(f"not in {folder or 'the caches'} (see TALK2DINO_TEST_WEIGHTS): {'; '.join(missing)}")
        return weights_dir

    return where


@pytest.mark.slow
@pytest.mark.parametrize("patch_source", ["head", "backbone"])
@pytest.mark.parametrize("name", ["dinotxt_vitl", "dinotxtv3_vitl"])
def test_the_cats_pixels_are_labelled_cat(name, patch_source, weights):
    segmenter = load_segmenter(name, weights_dir=weights(name), patch_source=patch_source, text_cache_dir="none")
    seen = segmenter.segment(
        read_picture(PHOTOS / "chelsea.jpg"), segmenter.encode_vocabulary(WORDS), return_scores=True
    )
    inside = seen.class_ids[CAT_BOX]
    assert np.bincount(inside.ravel(), minlength=5).argmax() == 1 + WORDS.index("cat")
    assert np.abs(seen.scores).max() < 0.9
    assert seen.scores.std() > 0.001
