# SPDX-License-Identifier: Apache-2.0
"""Encode words as vectors; slow, so it runs only when the vocabulary changes, on the words that are new."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.word_networks import WITHOUT_TEXT_ENCODER, WordNetworks
from talk2dino_ros.engine.runtime.enough_memory import enough_memory
from talk2dino_ros.engine.runtime.fixed_shapes import VECTORS, in_blocks
from talk2dino_ros.engine.text.class_entries import ClassEntry, shorten
from talk2dino_ros.engine.text.class_syntax import language_warning
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.engine.text.prompt_features import Mapper, Vectors
from talk2dino_ros.engine.text.text_cache import PromptFeatures
from talk2dino_ros.engine.vocabulary import Vocabulary


def encode_classes(
    entries: Sequence[ClassEntry],
    model: Model,
    networks: WordNetworks,
    known: Sequence[Vocabulary] = (),
    mapper: Mapper = map,
) -> Vocabulary:
    """Encode the classes; those whose prompts a known vocabulary has take its vectors, and need no text encoder.

    Of several known ones the first counts.

    Where such vectors were made elsewhere, so is the result.
    """
    vectors: dict[tuple[str, ...], Vectors] = {}
    for each in reversed(known):
        vectors |= _by_prompts(each.classes, each.embeddings)
    new = [entry for entry in entries if entry.prompts not in vectors]
    warnings: tuple[str, ...] = ()
    if new:
        encoded, warnings = _encode(new, model, networks, mapper)
        vectors |= _by_prompts(new, encoded)
    spoken = language_warning(prompt for entry in entries for prompt in entry.prompts)
    is_own = all(each.model for each in known) or len(new) == len(entries)
    return Vocabulary(
        tuple(entries),
        np.stack([vectors[entry.prompts] for entry in entries]),
        model=model.name if is_own else "",
        projection=networks.projection_sum if is_own else "",
        warnings=(*spoken, *warnings),
    )


def _by_prompts(entries: Sequence[ClassEntry], vectors: Vectors) -> dict[tuple[str, ...], Vectors]:
    return {entry.prompts: vector for entry, vector in zip(entries, vectors, strict=True)}


@torch.inference_mode()
def _encode(
    entries: Sequence[ClassEntry], model: Model, networks: WordNetworks, mapper: Mapper
) -> tuple[Vectors, tuple[str, ...]]:
    """Encode every prompt in every template, average per class, project; Vocabulary normalises.

    The projection is not linear, so the order matters; this is the order of Talk2DINO's evaluation code.
    """
    groups = [
        [template.replace("{}", prompt) for prompt in entry.prompts for template in model.templates]
        for entry in entries
    ]
    prompts = list(dict.fromkeys(prompt for group in groups for prompt in group))
    with enough_memory("the words", networks.device, WITHOUT_TEXT_ENCODER):
        features, warnings = networks.text.encode(prompts, mapper)
    averages = torch.stack([_average([features[prompt] for prompt in group]) for group in groups])
    embeddings = in_blocks(networks.projection, averages.to(networks.device), VECTORS)
    cut = [prompt for prompt in prompts if features[prompt].is_cut]
    return embeddings.cpu().numpy(), (*_truncation_warning(cut, model), *warnings)


def _average(features: list[PromptFeatures]) -> Tensor:
    return torch.stack([torch.from_numpy(each.vector) for each in features]).mean(dim=0)


def _truncation_warning(cut: list[str], model: Model) -> tuple[str, ...]:
    if not cut:
        return ()
    return (
        f"{counted(len(cut), 'prompt is', 'prompts are')} with the template longer than {model.name} reads, and cut, "
        f"such as {shorten(cut[0])}; shorten what is too long",
    )


def check_encoded_by(vocabulary: Vocabulary, model: Model, projection_sum: str, name: str = "the vocabulary") -> None:
    """Raise VocabularyError where another model or projection made the vectors; those made elsewhere have neither.

    projection_sum: of the projection file in use, '' for the model's own. name: of the vocabulary, for the message.
    """
    width, found = model.embedding_size, vocabulary.embeddings.shape[1]
    if found != width or vocabulary.model not in ("", model.name):
        raise VocabularyError(
            f"{name} was encoded by {vocabulary.model or 'another model'} with {found} values per class, "
            f"expected {model.name} with {width}; encode the words with this model"
        )
    if vocabulary.model and vocabulary.projection != projection_sum:
        raise VocabularyError(
            f"{name} was encoded with {_in_words(vocabulary.projection)}, expected {_in_words(projection_sum)}; "
            "set projection_file as it was then, or encode the words again"
        )


def _in_words(projection_sum: str) -> str:
    return f"a projection file of sha256 sum {projection_sum[:12]}…" if projection_sum else "the model's own projection"
