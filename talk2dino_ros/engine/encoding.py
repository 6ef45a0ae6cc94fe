# SPDX-License-Identifier: Apache-2.0
"""Words to a vocabulary without an image encoder: on a desk, for a robot that has no text encoder."""

from collections.abc import Sequence
from pathlib import Path

from talk2dino_ros.engine.checkpoints import find_model
from talk2dino_ros.engine.devices import resolve_device
from talk2dino_ros.engine.embeddings import encode_classes
from talk2dino_ros.engine.networks import load_word_networks
from talk2dino_ros.engine.projection_file import with_projection_file
from talk2dino_ros.engine.text_cache import open_text_cache
from talk2dino_ros.engine.vocabulary import Vocabulary, parse_classes


def encode_vocabulary(
    classes: Sequence[str],
    name: str,
    *,
    device: str = "auto",
    weights_dir: str | Path | None = None,
    projection_file: str | Path | None = None,
    text_cache_dir: str | Path = "",
) -> Vocabulary:
    """Turn words (see `vocabulary.parse_classes` for their syntax) into a model's vocabulary, to be saved.

    The arguments are those of `load_segmenter`; the text encoder is freed afterwards.
    Raises VocabularyError for the words, ModelError for the options, WeightsError for weights.
    """
    entries = parse_classes(classes)
    model = with_projection_file(find_model(name), projection_file)
    networks = load_word_networks(model, resolve_device(device), weights_dir, open_text_cache(text_cache_dir))
    return encode_classes(entries, model, networks)
