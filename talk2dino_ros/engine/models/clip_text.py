# SPDX-License-Identifier: Apache-2.0
"""A frozen text tower that turns prompts into text features: CLIP ViT-B/16."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from talk2dino_ros.engine.runtime.fixed_shapes import encode_by_length
from talk2dino_ros.engine.text.clip_tokenizer import Tokenize, clip_tokenizer
from talk2dino_ros.engine.text.clip_tower import ClipTextTower
from talk2dino_ros.engine.weights.published_layouts import clip_text_part, is_clip_text
from talk2dino_ros.engine.weights.state_dicts import build_and_load
from talk2dino_ros.engine.weights.weights_files import Checkpoint

# `sub_imagenet_template` of the authors' evaluation: CLIP's own seven-prompt subset of its 80 ImageNet
# templates, spelling included. Text features are averaged over them before the projection.
SUB_IMAGENET_TEMPLATES = (
    "itap of a {}.",
    "a bad photo of a {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)


class ClipTextEncoder(nn.Module):
    """CLIP's text tower, in float32: it runs when the words change, so that its speed matters less.

    tower: from token ids [N, length] to features [N, D], of causal attention, with a `context_length`.
    """

    def __init__(self, tower: Any, tokenize: Tokenize) -> None:
        super().__init__()
        self.tower = tower
        self.tokenize = tokenize

    @torch.inference_mode()
    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Encode prompts: float32 [N, D], not normalised. What exceeds the context is cut.

        A prompt's features do not depend on its companions: see fixed_shapes.py.
        """
        tokens = self.tokenize(prompts, self.tower.context_length)
        tokens = tokens.to(self.tower.positional_embedding.device)
        return encode_by_length(self._encode_tokens, tokens, tokens.argmax(dim=-1) + 1)

    def _encode_tokens(self, tokens: Tensor) -> Tensor:
        """Map token ids [N, length] to features. Attention is causal, so that nothing behind a text's end matters."""
        features: Tensor = self.tower(tokens)
        return features

    def truncated(self, prompts: Sequence[str]) -> list[bool]:
        """Tell for each prompt whether it exceeds the tower's context, start and end tokens included."""
        beyond = self.tokenize(prompts, self.tower.context_length + 1)[:, -1]
        return [bool(token) for token in beyond]


def load_clip_text_encoder(checkpoints: Mapping[str, Checkpoint], **options: Any) -> ClipTextEncoder:
    """Build CLIP ViT-B/16's text tower (or another size by `options`) and fill it from the `text` checkpoint.

    Only the text part of a whole CLIP is kept. Raises WeightsError for a file that does not fit.
    """
    checkpoint = checkpoints["text"]
    tower = build_and_load(
        lambda: ClipTextTower(**options),
        clip_text_part(checkpoint.read(is_clip_text)),
        checkpoint.path,
        remedy=checkpoint.remedy,
    )
    return ClipTextEncoder(tower.float(), clip_tokenizer())
