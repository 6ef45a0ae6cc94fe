# SPDX-License-Identifier: Apache-2.0
"""From words to vectors: the slow half, run when the vocabulary changes, on the words that are new."""

from collections.abc import Sequence

import torch
from torch import Tensor

from talk2dino_ros.engine.checkpoints import Model
from talk2dino_ros.engine.networks import Networks
from talk2dino_ros.engine.text_cache import PromptFeatures
from talk2dino_ros.engine.vocabulary import ClassEntry, Vocabulary, shorten


@torch.inference_mode()
def encode_classes(entries: Sequence[ClassEntry], model: Model, networks: Networks) -> Vocabulary:
    """Encode every prompt in every template, average per class, project; Vocabulary normalises.

    The projection is not linear, so the order matters; this is the order of Talk2DINO's evaluation code.
    """
    groups = [
        [template.replace("{}", prompt) for prompt in entry.prompts for template in model.templates]
        for entry in entries
    ]
    prompts = list(dict.fromkeys(prompt for group in groups for prompt in group))
    features, warnings = networks.text.encode(prompts)
    averages = torch.stack([_average([features[prompt] for prompt in group]) for group in groups])
    embeddings = networks.projection(averages.to(networks.device))
    cut = [prompt for prompt in prompts if features[prompt].is_cut]
    return Vocabulary(
        tuple(entries),
        embeddings.cpu().numpy(),
        model=model.name,
        warnings=(*_truncation_warning(cut, model), *warnings),
    )


def _average(features: list[PromptFeatures]) -> Tensor:
    return torch.stack([torch.from_numpy(each.vector) for each in features]).mean(dim=0)


def _truncation_warning(cut: list[str], model: Model) -> tuple[str, ...]:
    if not cut:
        return ()
    return (
        f"{len(cut)} prompts (with their templates) are longer than {model.name} reads and were cut, "
        f"such as {shorten(cut[0])}; shorten them",
    )
