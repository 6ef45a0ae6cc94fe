# SPDX-License-Identifier: Apache-2.0
"""dino.txt's vision head: two transformer blocks that bring the backbone's tokens to where the words are.

Attributes carry the names of the published tensors. Nothing tells the head where a patch lies; the backbone did.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from talk2dino_ros.engine.models.dinotxt.dinotxt_attention import SelfAttention

BLOCKS = 2
HIDDEN_MULTIPLE = 64


class LayerScale(nn.Module):
    """A factor per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # as at the start of training, until the weights are read
        self.gamma = nn.Parameter(torch.full((width,), 1e-5))

    def forward(self, tokens: Tensor) -> Tensor:
        """Scale [..., width]."""
        return tokens * self.gamma


class SwiGlu(nn.Module):
    """The gated MLP: w3(silu(w1 x) * w2 x), two thirds of 4 * width wide, rounded up to a multiple of 64."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = -(-int(4 * width * 2 / 3) // HIDDEN_MULTIPLE) * HIDDEN_MULTIPLE
        self.w1 = nn.Linear(width, hidden)
        self.w2 = nn.Linear(width, hidden)
        self.w3 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [..., width] to the same shape."""
        mapped: Tensor = self.w3(F.silu(self.w1(tokens)) * self.w2(tokens))
        return mapped


class HeadBlock(nn.Module):
    """Attention, then the gated MLP, each normalised before and scaled behind.

    LayerNorm keeps PyTorch's eps of 1e-5, where DINOv2's own blocks have 1e-6.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = SelfAttention(width, heads)
        self.ls1 = LayerScale(width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = SwiGlu(width)
        self.ls2 = LayerScale(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [B, N, width] to the same shape."""
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        mapped: Tensor = tokens + self.ls2(self.mlp(self.norm2(tokens)))
        return mapped


class VisionHead(nn.Module):
    """The head over all of the backbone's tokens, after the backbone's final norm: class, registers, patches."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(HeadBlock(width, heads) for _ in range(BLOCKS))
        self.ln_final = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens [B, 1 + registers + h*w, width] to the same shape, in the weights' dtype, not normalised."""
        for block in self.blocks:
            tokens = block(tokens)
        normed: Tensor = self.ln_final(tokens)
        return normed
