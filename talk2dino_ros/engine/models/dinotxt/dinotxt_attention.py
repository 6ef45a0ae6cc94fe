# SPDX-License-Identifier: Apache-2.0
"""The attention that dino.txt's two towers have in common: q, k, v in one layer without bias, a bias on the way out."""

import torch.nn.functional as F
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Multi-head attention of tokens [B, N, width] among themselves; causal: each sees itself and those before it."""

    def __init__(self, width: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [B, N, width] to the same shape."""
        parts = self.qkv(tokens).unflatten(-1, (3, self.heads, -1))  # [B, N, 3, heads, head's width]
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        projected: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return projected
