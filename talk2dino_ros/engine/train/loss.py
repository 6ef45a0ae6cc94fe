# SPDX-License-Identifier: Apache-2.0
"""InfoNCE loss: a caption is to be near the best head embedding of its image (arXiv 2411.19331, section 3).

An image stands as M vectors, one for each attention head. Which of them a caption means, the caption decides.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


@torch.no_grad()
def best_heads(texts: Tensor, heads: Tensor) -> Tensor:
    """Return for each pair the vector that is most like the text: [B, D] of texts [B, D] and heads [B, M, D].

    Nothing here has a gradient: the choice is a step function, and the images' vectors are fixed.
    """
    likeness = torch.einsum("bd,bmd->bm", texts, F.normalize(heads, dim=-1))
    return heads[torch.arange(len(heads), device=heads.device), likeness.argmax(dim=1)]


def info_nce(texts: Tensor, images: Tensor, logit_scale: float) -> Tensor:
    """Return the symmetric InfoNCE of pairs, texts and images [B, D]: the mean of a text's -log probability of its
    own image among all, and of an image's for its own text, with softmaxes of the cosines times `logit_scale`."""
    logits = logit_scale * F.normalize(texts, dim=-1) @ F.normalize(images, dim=-1).T
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
