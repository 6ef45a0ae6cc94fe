# SPDX-License-Identifier: Apache-2.0
"""CLIP's text tower (arXiv 2103.00020, section 2.4): a causal transformer over tokens, read at the end of the text.

open_clip has the same network, which a test compares with to the bit, and imports torchvision and transformers on its
way: two seconds and 250 MB. Attributes carry the names of the published tensors.
"""

import torch
from torch import Tensor, nn


class ClipMlp(nn.Module):
    """The MLP, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [..., width] to the same shape."""
        wide = self.c_fc(tokens)
        # OpenAI's weights were trained with this approximation; with the exact GELU they load all the same
        mapped: Tensor = self.c_proj(wide * torch.sigmoid(1.702 * wide))
        return mapped


class ClipBlock(nn.Module):
    """Attention, then the MLP, each normalised before."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = ClipMlp(width)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Map [N, length, width] to the same shape. mask: float [length, length], added to what attention weighs."""
        x = self.ln_1(tokens)
        tokens = tokens + self.attn(x, x, x, need_weights=False, attn_mask=mask)[0]
        mapped: Tensor = tokens + self.mlp(self.ln_2(tokens))
        return mapped


class ClipBlocks(nn.Module):
    """The blocks, under the name that they are published with."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(ClipBlock(width, heads) for _ in range(layers))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Map [N, length, width] to the same shape."""
        for block in self.resblocks:
            tokens = block(tokens, mask)
        return tokens


class ClipTextTower(nn.Module):
    """Token ids to text features. The sizes are those of CLIP ViT-B/16's; tests build smaller ones."""

    mask: Tensor

    def __init__(
        self,
        *,
        width: int = 512,
        heads: int = 8,
        layers: int = 12,
        output_dim: int = 512,
        context_length: int = 77,
        vocabulary_size: int = 49408,
    ) -> None:
        super().__init__()
        self.context_length = context_length
        self.token_embedding = nn.Embedding(vocabulary_size, width)
        self.positional_embedding = nn.Parameter(torch.empty(context_length, width))
        self.transformer = ClipBlocks(width, heads, layers)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, output_dim))
        no_later_ones = torch.full((context_length, context_length), float("-inf")).triu(1)
        self.register_buffer("mask", no_later_ones, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ids int64 [N, length] to features float [N, output_dim], not normalised.

        They are read at the first end-of-text token, the largest id; each token sees only those before it. As many
        rows go through the projection as through the blocks, see fixed_shapes.py.
        """
        ends, length = tokens.argmax(dim=-1), tokens.shape[1]
        x = self.token_embedding(tokens) + self.positional_embedding[:length]
        x = self.transformer(x, self.mask[:length, :length])
        x = self.ln_final(x) @ self.text_projection
        features: Tensor = x[torch.arange(len(x), device=x.device), ends]
        return features
