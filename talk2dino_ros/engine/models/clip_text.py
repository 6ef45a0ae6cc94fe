# SPDX-License-Identifier: Apache-2.0
"""A frozen text tower that turns prompts into text features: CLIP ViT-B/16, by open_clip."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from talk2dino_ros.engine.runtime.fixed_shapes import encode_by_length
from talk2dino_ros.engine.weights.published_layouts import clip_text_part
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

    tower: an open_clip TextTransformer with a causal mask; tokenizer: open_clip's SimpleTokenizer.
    """

    def __init__(self, tower: Any, tokenizer: Any) -> None:
        super().__init__()
        self.tower = tower
        self.tokenizer = tokenizer

    @torch.inference_mode()
    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Encode prompts: float32 [N, D], not normalised. What exceeds the context is cut.

        A prompt's features do not depend on its companions: see fixed_shapes.py.
        """
        tokens = self.tokenizer(list(prompts), self.tower.context_length)
        tokens = tokens.to(self.tower.positional_embedding.device)
        return encode_by_length(self._encode_tokens, tokens, tokens.argmax(dim=-1) + 1)

    def _encode_tokens(self, tokens: Tensor) -> Tensor:
        """Run the tower on [N, length] token ids.

        Attention is causal and the features are read at the end-of-text token (the largest id), so that nothing behind
        it matters. They are read last: as many rows go through the projection as through the blocks.
        """
        ends = tokens.argmax(dim=-1)
        length = tokens.shape[1]
        tower = self.tower
        x = tower.token_embedding(tokens) + tower.positional_embedding[:length]
        x = tower.transformer(x, attn_mask=tower.attn_mask[:length, :length])
        x = tower.ln_final(x) @ tower.text_projection
        features: Tensor = x[torch.arange(len(x), device=x.device), ends]
        return features

    def truncated(self, prompts: Sequence[str]) -> list[bool]:
        """Tell for each prompt whether it exceeds the tower's context, start and end tokens included."""
        return [len(self.tokenizer.encode(prompt)) + 2 > self.tower.context_length for prompt in prompts]


def load_clip_text_encoder(checkpoints: Mapping[str, Checkpoint], **options: Any) -> ClipTextEncoder:
    """Build CLIP ViT-B/16's text tower (or another size by `options`) and fill it from the `text` checkpoint.

    Only the text part of a whole CLIP is kept. Raises WeightsError for a file that does not fit.
    """
    # takes seconds, and a start with an exported vocabulary needs no text tower
    from open_clip.tokenizer import SimpleTokenizer
    from open_clip.transformer import QuickGELU, TextTransformer

    checkpoint = checkpoints["text"]
    tower = build_and_load(
        # OpenAI's weights were trained with QuickGELU; with open_clip's default, GELU, they load all the same
        lambda: TextTransformer(act_layer=QuickGELU, **options),
        clip_text_part(checkpoint.read()),
        checkpoint.path,
        remedy=checkpoint.remedy,
    )
    return ClipTextEncoder(tower.float(), SimpleTokenizer())
