# SPDX-License-Identifier: Apache-2.0
"""BERT (arXiv 1810.04805) as a sentence encoder needs it: token ids to a vector each.

transformers has the same network, which a test compares with, and takes seconds to import.
"""

import re

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-12  # of the layer norms
WORDS, POSITIONS, KINDS = 30522, 512, 2
# the published names of a layer's parts, and those here
_NAMES = {
    r"^embeddings\.LayerNorm\.": "norm.",
    r"^embeddings\.word_embeddings\.": "words.",
    r"^embeddings\.position_embeddings\.": "positions.",
    r"^embeddings\.token_type_embeddings\.": "kinds.",
    r"^encoder\.layer\.": "layers.",
    r"\.attention\.self\.(query|key|value)\.": r".\1.",
    r"\.attention\.output\.dense\.": ".mixed.",
    r"\.attention\.output\.LayerNorm\.": ".norm1.",
    r"\.intermediate\.dense\.": ".widened.",
    r"\.output\.dense\.": ".narrowed.",
    r"\.output\.LayerNorm\.": ".norm2.",
}


def published_to_own(name: str) -> str:
    """Return this network's name for a published tensor, or the name as it is where there is none."""
    for pattern, replacement in _NAMES.items():
        name = re.sub(pattern, replacement, name)
    return name


class BertLayer(nn.Module):
    """Attention, then the MLP, each added to what went in and normalised behind."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.mixed = (nn.Linear(width, width) for _ in range(4))
        self.norm1 = nn.LayerNorm(width, eps=EPS)
        self.widened, self.narrowed = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm2 = nn.LayerNorm(width, eps=EPS)

    def forward(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """Map tokens [B, L, width] to the same shape; seen: bool [B, 1, 1, L], the tokens that count."""
        q, k, v = (part(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self._inputs())
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).flatten(2)
        tokens = self.norm1(tokens + self.mixed(mixed))
        result: Tensor = self.norm2(tokens + self.narrowed(F.gelu(self.widened(tokens))))
        return result

    def _inputs(self) -> tuple[nn.Module, nn.Module, nn.Module]:
        return self.query, self.key, self.value


class SentenceBert(nn.Module):
    """Embeddings and layers, without a pooler."""

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.words, self.positions, self.kinds = (nn.Embedding(count, width) for count in (WORDS, POSITIONS, KINDS))
        self.norm = nn.LayerNorm(width, eps=EPS)
        self.layers = nn.ModuleList(BertLayer(width, heads) for _ in range(depth))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.words.weight.device

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode token ids [B, L], of which those count where `mask` [B, L] is 1: [B, L, width]."""
        tokens: Tensor = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]] + self.kinds.weight[0])
        for layer in self.layers:
            tokens = layer(tokens, mask[:, None, None, :].bool())
        return tokens
