# SPDX-License-Identifier: Apache-2.0
"""Known words from the cache, new ones from the encoder: which is asked for what, with real models and real files."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.models.networks import load_networks
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.models.word_vectors import encode_classes
from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.text.prompt_features import PromptEncoder
from talk2dino_ros.engine.text.text_cache import FILE_NAME, TextCache


class Lengths:
    """A prompt's features are its length and its number of spaces; more than 20 characters are cut."""

    def __init__(self):
        self.asked = []

    def encode(self, prompts):
        self.asked.append(list(prompts))
        return torch.tensor([[float(len(prompt)), float(prompt.count(" "))] for prompt in prompts])

    def truncated(self, prompts):
        return [len(prompt) > 20 for prompt in prompts]


@pytest.fixture
def make(tmp_path):
    """Return a function that makes a prompt encoder as a new start of the node would: (it, its encoder, the loads)."""
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"weights")

    def start(cache=None, encoding="lengths_1"):
        lengths, loads = Lengths(), []

        def load():
            loads.append(1)
            return lengths

        cache = cache or TextCache(tmp_path / "cache")
        return PromptEncoder(load, cache=cache, encoding=encoding, files=[weights]), lengths, loads

    start.weights, start.database = weights, tmp_path / "cache" / FILE_NAME
    return start


def lengths_in(features):
    return {prompt: each.vector.tolist() for prompt, each in features.items()}


def test_only_new_prompts_are_encoded_and_all_come_back(make):
    encoder, lengths, _ = make()
    assert lengths_in(encoder.encode(["a", "b c"])[0]) == {"a": [1, 0], "b c": [3, 1]}
    features, warnings = encoder.encode(["b c", "dd", "a"])
    assert (lengths_in(features), warnings) == ({"b c": [3, 1], "dd": [2, 0], "a": [1, 0]}, [])
    assert lengths.asked == [["a", "b c"], ["dd"]]


def test_after_a_restart_cached_prompts_need_no_text_encoder(make):
    long = "a prompt that is too long"
    make()[0].encode(["a", long])
    encoder, _, loads = make()
    features, warnings = encoder.encode([long, "a"])
    assert (lengths_in(features), warnings) == ({long: [25, 5], "a": [1, 0]}, [])
    assert [features["a"].is_cut, features[long].is_cut] == [False, True]
    assert loads == []


def test_cached_features_are_of_the_same_weights_and_encoding_only(make):
    make()[0].encode(["a"])
    _, lengths, _ = (started := make(encoding="lengths_2"))
    started[0].encode(["a"])
    assert lengths.asked == [["a"]]
    make.weights.write_bytes(b"other weights")
    _, lengths, _ = (started := make())
    started[0].encode(["a"])
    assert lengths.asked == [["a"]]


def test_weights_that_change_between_start_and_first_new_word_are_refused(make):
    make()[0].encode(["a"])
    encoder, _, _ = make()
    encoder.encode(["a"])
    make.weights.write_bytes(b"other weights")
    with pytest.raises(WeightsError, match=r"weights\.bin has changed since the model was loaded, expected"):
        encoder.encode(["a", "new"])


def test_without_a_cache_every_prompt_is_encoded_each_time():
    lengths = Lengths()
    encoder = PromptEncoder(lambda: lengths, cache=None, encoding="", files=[])
    assert encoder.encode(["a"])[1] == encoder.encode(["a"])[1] == []
    assert lengths.asked == [["a"], ["a"]]


@pytest.mark.parametrize(("keep", "loads"), [(True, 1), (False, 2)])
def test_an_encoder_that_is_not_kept_is_freed_after_each_encoding_and_loaded_for_the_next(keep, loads, tmp_path):
    alive, loaded = weakref.WeakSet(), []

    def load():
        loaded.append(1)
        alive.add(lengths := Lengths())
        return lengths

    encoder = PromptEncoder(load, cache=TextCache(tmp_path), encoding="", files=[], keep=keep)
    for words in (["a"], ["a", "bb"], ["bb"]):  # the last is known
        assert lengths_in(encoder.encode(words)[0]) == {word: [len(word), 0] for word in words}
        assert (encoder.is_loaded, len(alive)) == (keep, int(keep))
    assert len(loaded) == loads


def test_freeing_the_encoder_runs_no_full_garbage_collection():
    """A full collection holds the interpreter, and no image is published meanwhile."""
    collected = []
    encoder = PromptEncoder(Lengths, cache=None, encoding="", files=[], keep=False)
    gc.disable()
    gc.callbacks.append(note := lambda phase, info: collected.append((phase, info["generation"])))
    try:
        encoder.encode(["a"])
    finally:
        gc.callbacks.remove(note)
        gc.enable()
    assert not encoder.is_loaded
    assert collected == []


def test_an_encoder_in_a_reference_cycle_is_freed_at_once():
    """As after the first import of open_clip, which leaves a cycle through the frames that asked for it."""
    alive = weakref.WeakSet()

    def load():
        alive.add(lengths := Lengths())
        lengths.cycle = lengths
        return lengths

    gc.disable()
    try:
        PromptEncoder(load, cache=None, encoding="", files=[], keep=False).encode(["a"])
        assert len(alive) == 0
    finally:
        gc.enable()


def test_an_encoder_that_fails_is_freed_too():
    lengths = Lengths()
    lengths.truncated = lambda prompts: 1 / 0
    encoder = PromptEncoder(lambda: lengths, cache=None, encoding="", files=[], keep=False)
    with pytest.raises(ZeroDivisionError):
        encoder.encode(["a"])
    assert not encoder.is_loaded


def test_weights_that_changed_are_refused_at_each_try(make):
    encoder, _, loads = make()
    make.weights.write_bytes(b"other weights")
    for _ in range(2):
        with pytest.raises(WeightsError, match="has changed since"):
            _ = encoder.encoder
    assert loads == [1, 1]


def test_a_broken_cache_gives_one_warning_and_all_features(make):
    make()[0].encode(["a"])
    make.database.write_bytes(b"broken " * 100)
    encoder = make()[0]
    features, warnings = encoder.encode(["a", "b"])
    assert lengths_in(features) == {"a": [1, 0], "b": [1, 0]}
    assert len(warnings) == 1
    assert f"{make.database} cannot be used" in warnings[0]
    assert encoder.encode(["a", "b"])[1] == [], "it is said once"
    assert lengths_in(encoder.encode(["a"])[0]) == {"a": [1, 0]}


def test_a_cache_that_breaks_after_the_lookup_gives_one_warning_and_all_features(make):
    encoder, lengths, _ = make()
    encoder.encode(["a"])
    lengths.truncated = lambda prompts: make.database.write_bytes(b"broken " * 100) and [False] * len(prompts)
    features, warnings = encoder.encode(["a", "b"])
    assert lengths_in(features) == {"a": [1, 0], "b": [1, 0]}
    assert len(warnings) == 1


@pytest.fixture(scope="module")
def mini_with_cache(tmp_path_factory):
    """Return a function that loads mini with one cache, as a new start does."""
    folder = tmp_path_factory.mktemp("cache")
    return lambda: load_networks(MODELS["mini"], "cpu", torch.float32, text_cache=TextCache(folder))


def test_a_vocabulary_from_the_cache_is_the_encoded_one_bit_by_bit_with_its_warnings(mini_with_cache):
    entries = parse_classes(["cup", "dog: dog, hound, cup", "mug: " + "a " * 240 + "mug", "!wall"])
    entries = (*entries, replace(entries[0], name="long", prompts=("cup " * 255,)))
    encoded = encode_classes(entries, MODELS["mini"], mini_with_cache())
    networks = mini_with_cache()
    known = encode_classes(entries, MODELS["mini"], networks)
    assert not networks.text.is_loaded, "the text encoder was loaded for known words"
    assert np.array_equal(known.embeddings, encoded.embeddings)
    assert known.warnings == encoded.warnings
    assert [warning for warning in known.warnings if ", and cut, " in warning] == list(known.warnings) != []
    alone = encode_classes(entries, MODELS["mini"], load_networks(MODELS["mini"], "cpu", torch.float32))
    np.testing.assert_allclose(known.embeddings, alone.embeddings, atol=1e-5)


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_every_file_that_is_not_of_an_image_encoder_or_a_projection_is_in_the_key(model):
    assert {file.role for file in model.files} - {*model.image_roles, "projection"} == set(model.text_roles)


def test_models_share_cached_features_if_they_share_the_text_encoder():
    encodings = {model.text_encoding for model in MODELS.values() if model.name.startswith("talk2dino")}
    assert len(encodings) == 1
    assert MODELS["mini"].text_encoding not in encodings


def test_the_encoder_alone_runs_in_the_mapper_a_part_at_a_time_and_not_for_known_words(make):
    parts = []

    def mapper(function, items):
        for item in items:
            parts.append(list(item))
            yield function(item)

    encoder, lengths, _ = make()
    prompts = [f"{'x' * (number % 7)} {number}" for number in range(40)]
    features, _ = encoder.encode(prompts, mapper)
    assert lengths_in(features) == {prompt: [len(prompt), 1] for prompt in prompts}
    assert [len(part) for part in parts] == [32, 8]
    assert parts == lengths.asked
    assert [prompt for part in parts for prompt in part] == sorted(prompts, key=len), "each is padded to the longest"
    encoder.encode(prompts, mapper)
    assert len(parts) == 2
