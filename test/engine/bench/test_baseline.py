# SPDX-License-Identifier: Apache-2.0
"""The benchmark's baseline gives the engine's fp32 result, so that the two may be compared in time."""

import numpy as np
import pytest
import torch

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.bench import baseline
from talk2dino_ros.engine.bench.subject import load_subject
from talk2dino_ros.engine.inference.pamr.pamr_plain import pamr_plain
from talk2dino_ros.viz.pictures import read_picture

MORE_THAN_A_CHUNK = baseline.CHUNK + 3


@pytest.fixture(scope="module")
def subject():
    photos = [read_picture(PHOTOS / "coffee.jpg")]
    return load_subject("mini", device="cpu", precision="fp32", weights_dir=None, seeded=False, photos=photos)


@pytest.mark.parametrize("refine", [False, True])
@pytest.mark.parametrize("count", [5, MORE_THAN_A_CHUNK])
def test_the_baseline_gives_the_engines_labels(subject, refine, count):
    rgb, vocabulary = subject.photo(150, 100), subject.vocabulary(count)
    index, confidence = subject.baseline.segment(rgb, vocabulary.embeddings, refine)
    seen = subject.segmenter.with_options(refine="pamr" if refine else "none").segment(rgb, vocabulary)
    labels = np.array(vocabulary.ids)[index]
    assert len(np.unique(labels)) > 2
    assert np.mean(labels == seen.class_ids) >= 0.999
    difference = np.abs(confidence.astype(int) - seen.confidence)[labels == seen.class_ids]
    assert difference.max() <= 2


def test_the_baseline_gives_the_engines_scores(subject):
    rgb, vocabulary = subject.photo(150, 100), subject.vocabulary(5)
    seen = subject.segmenter.segment(rgb, vocabulary, return_scores=True)
    image = torch.tensor(rgb).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        scores = subject.baseline.patch_scores(image, torch.tensor(vocabulary.embeddings))[0].numpy()
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-seen.scores)), atol=1e-5)


def test_the_baselines_pamr_is_that_of_the_oracle():
    generator = torch.Generator().manual_seed(3)
    image, scores = torch.rand(3, 31, 52, generator=generator), torch.rand(4, 31, 52, generator=generator)
    refined = baseline.pamr(image[None], scores[None])[0]
    torch.testing.assert_close(refined, pamr_plain(image, scores), atol=1e-5, rtol=0)
    assert (refined - scores).abs().max() > 0.1
