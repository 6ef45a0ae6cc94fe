# SPDX-License-Identifier: Apache-2.0
"""dino.txt's text tower: a causal transformer over CLIP's tokens, read at the end of the text.

Attributes carry the names of the published tensors.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from talk2dino_ros.engine.models.dinotxt.dinotxt_attention import SelfAttention


class FeedForward(nn.Module):
    """The MLP, four times as wide inside, with the exact GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [..., width] to the same shape."""
        mapped: Tensor = self.fc2(F.gelu(self.fc1(tokens)))
        return mapped


class TextBlock(nn.Module):
    """Causal attention, then the MLP, each normalised before."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, causal=True)
        self.ffn_norm = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [N, length, width] to the same shape."""
        tokens = tokens + self.attention(self.attention_norm(tokens))
        mapped: Tensor = tokens + self.feed_forward(self.ffn_norm(tokens))
        return mapped


class TextTower(nn.Module):
    """Token ids to text features, whose first half meets the image's class token and whose second half its patches.

    The sizes are those of the published towers (`tet1280d20h24l`); tests build smaller ones.
    """

    def __init__(
        self,
        *,
        width: int = 1280,
        heads: int = 20,
        layers: int = 24,
        output_size: int = 2048,
        context_length: int = 77,
        vocabulary_size: int = 49408,
    ) -> None:
        super().__init__()
        self.context_length = context_length
        self.token_embedding = nn.Embedding(vocabulary_size, width)
        self.positional_embedding = nn.Parameter(torch.empty(context_length, width))
        self.blocks = nn.ModuleList(TextBlock(width, heads) for _ in range(layers))
        self.ln_final = nn.LayerNorm(width)
        self.linear_projection = nn.Linear(width, output_size, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ids int64 [N, length] to features float [N, output_size], not normalised.

        They are read at the first end-of-text token, the largest id; each token sees only those before it. As many
        rows go through the projection as through the blocks, see fixed_shapes.py.
        """
        ends = tokens.argmax(dim=-1)
        x = self.token_embedding(tokens) + self.positional_embedding[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        x = self.linear_projection(self.ln_final(x))
        features: Tensor = x[torch.arange(len(x), device=x.device), ends]
        return features
