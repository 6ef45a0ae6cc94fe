# SPDX-License-Identifier: Apache-2.0
"""Average the patches by each attention head of the last block: Talk2DINO (arXiv 2411.19331), section 3.3."""

from typing import NamedTuple

import torch
from torch import Tensor

from talk2dino_ros.engine.models.vit import ImageFeatures


class Embeddings(NamedTuple):
    """Images as vectors, float32, none normalised.

    heads: [B, M, D], the patches as each head weighs them; M = 0 for an encoder without attention.
    average: [B, D], the plain mean of the patches.
    """

    heads: Tensor
    average: Tensor


def head_embeddings(features: ImageFeatures) -> Embeddings:
    """Weigh the patches by the class token's attention, a softmax over the patches alone.

    The authors take the mean of the weighted patches, which is their sum divided by the number of patches; the sum
    has the same direction, all that a cosine sees, and keeps the values where float16 is dense.
    """
    patches = features.patch_features.float().flatten(2).transpose(1, 2)
    average = patches.mean(dim=1)
    if features.cls_attention is None:
        return Embeddings(patches.new_empty(len(patches), 0, patches.shape[2]), average)
    return Embeddings(torch.softmax(features.cls_attention.float(), dim=-1) @ patches, average)
