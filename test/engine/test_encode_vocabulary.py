# SPDX-License-Identifier: Apache-2.0
"""Words encoded on one machine and used on another that has no text encoder: `mini` with its own files, here or not."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from talk2dino_ros.engine import encode_vocabulary, load_segmenter
from talk2dino_ros.engine.errors import ModelError, VocabularyError, WeightsError
from talk2dino_ros.engine.models.projection_file import projection_sum, with_projection_file
from talk2dino_ros.engine.models.registry import _ROWS, MODELS
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.engine.weights.sources import UrlFile
from talk2dino_ros.engine.weights.weights_files import find

WORDS = ["cup", "dog: dog, hound", "!wall"]


@pytest.fixture(scope="module")
def complete():
    """A segmenter with all files, which are those of installed packages."""
    return load_segmenter("mini", device="cpu", backend="torch", text_cache_dir="none")


@pytest.fixture
def robot(monkeypatch, tmp_path) -> Path:
    """A weights_dir without files, and a mini of whose files the package of the image encoder alone is installed."""
    own = {file.role: find(file) for file in MODELS["mini"].files}
    files = tuple(
        file if file.role == "image" else replace(file, source=UrlFile(f"http://127.0.0.1:9/{own[file.role].name}"))
        for file in MODELS["mini"].files
    )
    monkeypatch.setitem(MODELS, "mini", replace(MODELS["mini"], files=files))
    folder = tmp_path / "robot"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return encode_vocabulary(WORDS, "mini", device="cpu", text_cache_dir="none")


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def other_projection(tmp_path_factory) -> Path:
    """Mini's projection with other values, as a training would give it."""
    own = find(next(file for file in MODELS["mini"].files if file.role == "projection"))
    path = tmp_path_factory.mktemp("projection") / "mine.safetensors"
    save_file({key: tensor.flip(-1).contiguous() for key, tensor in load_file(own).items()}, path)
    return path


def load(folder=None, **options):
    return load_segmenter("mini", device="cpu", backend="torch", weights_dir=folder, text_cache_dir="none", **options)


def test_encoded_vectors_equal_those_of_a_loaded_segmenter(vocabulary, complete):
    expected = complete.encode_vocabulary(WORDS)
    assert np.array_equal(vocabulary.embeddings, expected.embeddings)
    assert (vocabulary.classes, vocabulary.ids) == (expected.classes, expected.ids)
    assert (vocabulary.model, vocabulary.projection) == ("mini", "")


def test_segmenting_with_a_vocabulary_file_needs_neither_text_encoder_nor_projection(
    vocabulary, picture, complete, robot, tmp_path
):
    path = tmp_path / "vocabulary.safetensors"
    vocabulary.save(path)
    segmenter = load(robot, needs_text_encoder=False)
    loaded = segmenter.load_vocabulary(path)
    found, expected = segmenter.segment(picture, loaded), complete.segment(picture, vocabulary)
    assert np.array_equal(found.class_ids, expected.class_ids)
    assert np.array_equal(found.confidence, expected.confidence)


def test_without_a_vocabulary_file_the_text_encoder_is_required_at_the_start(robot):
    with pytest.raises(WeightsError, match=r"robot has no model\.safetensors"):
        load(robot)


def test_new_words_are_refused_with_the_missing_files_and_nothing_is_downloaded(vocabulary, robot, caches):
    for folder, where in ((robot, str(robot)), (None, "this machine")):
        segmenter = load(folder, needs_text_encoder=False)
        with pytest.raises(WeightsError) as caught:
            segmenter.encode_vocabulary(["cup", "plane"], vocabulary)
        sentence = str(caught.value)
        names = "model.safetensors, and tokenizer.json, and mini_projection.safetensors"
        assert f"new words need {names}, which {where} does not have" in sentence
        assert "get that from http://127.0.0.1:9/model.safetensors and http://" in sentence
        assert "talk2dino encode" in sentence
        assert "downloaded" not in sentence


def test_renamed_classes_of_the_file_need_no_text_encoder(vocabulary, robot):
    segmenter = load(robot, needs_text_encoder=False)
    chosen = segmenter.encode_vocabulary(["wall", "!pet: dog, hound"], vocabulary)
    assert np.array_equal(chosen.embeddings, vocabulary.embeddings[[2, 1]])
    assert (chosen.ids, chosen.names) == ((1, 255), ("wall", "pet"))
    with pytest.raises(WeightsError, match="new words need"):
        segmenter.encode_vocabulary(["dog"], vocabulary)  # other prompts under a known name


def test_weights_that_arrive_later_are_found_without_a_restart(vocabulary, robot):
    segmenter = load(robot, needs_text_encoder=False)
    with pytest.raises(WeightsError, match="new words need"):
        segmenter.encode_vocabulary(["plane"])
    for file in _ROWS[-1].files[1:]:
        shutil.copy(find(file), robot)
    mixed = segmenter.encode_vocabulary(["plane", "cup"], vocabulary)
    expected = encode_vocabulary(["plane", "cup"], "mini", device="cpu", weights_dir=robot, text_cache_dir="none")
    assert np.array_equal(mixed.embeddings, expected.embeddings)  # cup was encoded with other words


def test_a_vocabulary_of_another_model_is_refused(picture, tmp_path):
    width = MODELS["mini"].embedding_size
    other = Vocabulary(load_classes("cup"), np.ones((1, width), np.float32), model="talk2dino_vitb")
    other.save(tmp_path / "v.safetensors")
    segmenter = load()
    with pytest.raises(VocabularyError, match=r"v\.safetensors was encoded by talk2dino_vitb .* expected mini"):
        segmenter.load_vocabulary(tmp_path / "v.safetensors")
    for use in (lambda: segmenter.segment(picture, other), lambda: segmenter.encode_vocabulary(["cup"], other)):
        with pytest.raises(VocabularyError, match="was encoded by talk2dino_vitb"):
            use()


def test_custom_vectors_are_accepted_and_not_saved_as_the_models(other_projection):
    elsewhere = Vocabulary.from_embeddings(["cup", "plane"], np.eye(2, MODELS["mini"].embedding_size))
    segmenter = load(projection_file=other_projection)
    for words in (["plane"], ["dog", "plane"]):
        mixed = segmenter.encode_vocabulary(words, elsewhere)
        np.testing.assert_array_equal(mixed.embeddings[-1], elsewhere.embeddings[1])
        assert (mixed.model, mixed.projection) == ("", "")
    assert segmenter.encode_vocabulary(["dog"], elsewhere).model == "mini"


def load_classes(*texts):
    return Vocabulary.from_embeddings(texts, np.ones((len(texts), 2))).classes


def test_a_vocabulary_of_another_projection_is_refused_both_ways(vocabulary, picture, other_projection, tmp_path):
    mine = encode_vocabulary(["cup"], "mini", device="cpu", projection_file=other_projection, text_cache_dir="none")
    assert len(mine.projection) == 64
    mine.save(tmp_path / "mine.safetensors")
    vocabulary.save(tmp_path / "own.safetensors")
    own_segmenter, my_segmenter = load(), load(projection_file=other_projection, needs_text_encoder=False)
    assert my_segmenter.load_vocabulary(tmp_path / "mine.safetensors").projection == mine.projection
    my_segmenter.segment(picture, mine)
    sum_ = f"a projection file of sha256 sum {mine.projection[:12]}"
    with pytest.raises(VocabularyError, match=rf"mine\.safetensors was encoded with {sum_}…, expected the model's own"):
        own_segmenter.load_vocabulary(tmp_path / "mine.safetensors")
    with pytest.raises(VocabularyError, match=rf"own\.safetensors .*the model's own projection, expected {sum_}"):
        my_segmenter.load_vocabulary(tmp_path / "own.safetensors")
    with pytest.raises(VocabularyError, match="set projection_file as it was then"):
        own_segmenter.segment(picture, mine)


def test_the_models_own_published_file_named_by_its_path_is_still_its_own(published_weights):
    for name, expected in (
        ("vitb_mlp_infonce.pth", "talk2dino_vitb"),
        ("dinov3_vitb_mlp_infonce.pth", "talk2dinov3_vitb"),
    ):
        assert projection_sum(with_projection_file(MODELS[expected], published_weights / name)) == ""


def test_custom_vectors_are_accepted_by_any_model(picture):
    elsewhere = Vocabulary.from_embeddings(["a"], np.ones((1, MODELS["mini"].embedding_size)))
    assert (load(needs_text_encoder=False).segment(picture, elsewhere).class_ids == 1).all()


def test_a_projection_that_changes_before_the_first_new_word_is_refused(other_projection, tmp_path):
    path = tmp_path / "p.safetensors"
    shutil.copy(other_projection, path)
    segmenter = load(projection_file=path, needs_text_encoder=False)
    save_file({key: tensor + 1 for key, tensor in load_file(other_projection).items()}, path)
    with pytest.raises(WeightsError, match="projection_file has changed since the model was loaded"):
        segmenter.encode_vocabulary(["cup"])


@pytest.mark.parametrize(("choice", "stays"), [("auto", True), ("keep", True), ("free", False)])
def test_the_text_encoder_is_kept_or_freed_as_asked(choice, stays):
    segmenter = load(text_encoder=choice, needs_text_encoder=False)
    segmenter.encode_vocabulary(["cup"])
    assert segmenter.keeps_text_encoder == stays
    assert segmenter.networks.text.is_loaded == stays


def test_another_choice_for_the_text_encoder_is_refused():
    with pytest.raises(ModelError, match="text_encoder is 'sometimes', expected one of auto, keep, free"):
        load(text_encoder="sometimes")


def test_only_dinotxt_frees_its_text_tower_by_default():
    assert [name for name, model in MODELS.items() if not model.keeps_text_encoder] == [
        "dinotxt_vitl",
        "dinotxtv3_vitl",
    ]


def test_encoding_words_loads_no_image_encoder(monkeypatch, tmp_path):
    def refuse(checkpoints, dtype):
        raise AssertionError("the image encoder was loaded")

    files = tuple(
        replace(file, source=UrlFile("http://127.0.0.1:9/image.pth")) if file.role == "image" else file
        for file in MODELS["mini"].files
    )
    monkeypatch.setitem(MODELS, "mini", replace(MODELS["mini"], files=files, load_image_encoder=refuse))
    found = encode_vocabulary(["cup"], "mini", device="cpu", weights_dir=tmp_path, text_cache_dir="none")
    assert found.embeddings.dtype == np.float32
    assert torch.tensor(found.embeddings).norm() == pytest.approx(1)
