# SPDX-License-Identifier: Apache-2.0
"""Seeded weights go through the real loaders, and the labels they give can show a rounding error."""

import numpy as np
import pytest

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.bench.seeded import write_seeded_weights
from talk2dino_ros.engine.bench.subject import load_subject
from talk2dino_ros.engine.errors import ModelError, WeightsError
from talk2dino_ros.engine.factory import load_segmenter
from talk2dino_ros.viz.pictures import read_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeded")
    write_seeded_weights("talk2dino_vitb", folder)
    return folder


@pytest.mark.slow
def test_seeded_weights_make_a_picture_of_many_classes(folder):
    photos = [read_picture(PHOTOS / "coffee.jpg")]
    subject = load_subject(
        "talk2dino_vitb", device="cpu", precision="fp32", weights_dir=folder, seeded=True, photos=photos
    )
    vocabulary = subject.vocabulary(10)
    seen = subject.segmenter.segment(subject.photo(150, 100), vocabulary, return_scores=True)
    shares = np.bincount(seen.class_ids.ravel(), minlength=11)[1:] / seen.class_ids.size
    assert (shares > 0.01).sum() >= 6
    assert 0.1 < seen.scores.max() - seen.scores.min() < 1  # as of real words, neither flat nor an identity
    assert subject.segmenter.encode_vocabulary(["cup"]).embeddings.shape == (1, 768)


@pytest.mark.slow
def test_each_patchs_features_depend_on_distant_patches(folder):
    """Else the blocks would be idle, and a rounding error in them would not come out."""
    photos = [read_picture(PHOTOS / "coffee.jpg")]
    subject = load_subject(
        "talk2dino_vitb", device="cpu", precision="fp32", weights_dir=folder, seeded=True, photos=photos
    )
    segmenter, vocabulary = subject.segmenter.with_options(input_size=112), subject.vocabulary(5)
    rgb = subject.photo(112, 112)
    darker = rgb.copy()
    darker[:56] = 0
    one, other = (segmenter.segment(image, vocabulary, return_scores=True).scores for image in (rgb, darker))
    assert np.abs(one - other)[:, -2:].mean() > 0.003


@pytest.mark.slow
def test_seeded_weights_are_refused_as_published_ones(folder):
    with pytest.raises(WeightsError, match="sha256"):
        load_segmenter("talk2dino_vitb", device="cpu", weights_dir=folder)


def test_mini_has_no_seeded_weights(tmp_path):
    with pytest.raises(ModelError, match="mini"):
        write_seeded_weights("mini", tmp_path)
