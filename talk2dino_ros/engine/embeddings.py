# SPDX-License-Identifier: Apache-2.0
"""From words to vectors: the slow half, run when the vocabulary changes."""

from collections.abc import Sequence

import torch

from talk2dino_ros.engine.checkpoints import Model, Networks
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
    prompts = [prompt for group in groups for prompt in group]
    features = networks.text_encoder.encode(prompts).split([len(group) for group in groups])
    averages = torch.stack([group.mean(dim=0) for group in features])
    embeddings = networks.projection(averages)
    cut = [p for p, is_cut in zip(prompts, networks.text_encoder.truncated(prompts), strict=True) if is_cut]
    return Vocabulary(
        tuple(entries), embeddings.cpu().numpy(), model=model.name, warnings=_truncation_warning(cut, model)
    )


def _truncation_warning(cut: list[str], model: Model) -> tuple[str, ...]:
    if not cut:
        return ()
    return (
        f"{len(cut)} prompts (with their templates) are longer than {model.name} reads and were cut, "
        f"such as {shorten(cut[0])}; shorten them",
    )
