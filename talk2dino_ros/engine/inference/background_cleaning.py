# SPDX-License-Identifier: Apache-2.0
"""Background cleaning, Talk2DINO (arXiv 2411.19331) section 3.4. The paper's other refinement is in pamr/."""

import torch
import torch.nn.functional as F
from torch import Tensor

_OF_IMAGE = (-3, -2, -1)
CLEANING_WEIGHT = 0.2  # lambda of the paper's background cleaning


def clean_background(scores: Tensor, patch_features: Tensor, cls_attention: Tensor, embeddings: Tensor) -> Tensor:
    """Mix in, per class, the attention of the heads that look at what the class's words mean.

    scores [..., C, h, w] (sigmoid of cosines), patch_features [..., D, h, w] (raw), cls_attention [..., M, h*w] (logits
    of the class token over the patches, one row per head), embeddings [C, D] (L2-normalised). Returns [..., C, h, w].

    The attention is shifted by its minimum and divided by its *maximum* over all classes, not by the range,
    before it is stretched to the scores' range: so the authors' code has it.
    """
    features = patch_features.flatten(-2)
    heads = F.normalize(cls_attention @ features.mT, dim=-1)
    share = torch.softmax(embeddings @ heads.mT, dim=-1)
    attention = torch.softmax(share @ cls_attention, dim=-1).view_as(scores)
    lowest, highest = (function(attention, dim=_OF_IMAGE, keepdim=True) for function in (torch.amin, torch.amax))
    attention = (attention - lowest) / highest
    lowest, highest = (function(scores, dim=_OF_IMAGE, keepdim=True) for function in (torch.amin, torch.amax))
    attention = attention * (highest - lowest) + lowest
    return (scores + CLEANING_WEIGHT * attention) / (1 + CLEANING_WEIGHT)
