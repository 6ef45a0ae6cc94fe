# SPDX-License-Identifier: Apache-2.0
"""Prune classes: tell from the patches' scores which can win a pixel at all, so that only these are refined.

Exact for the class ids, and not a guess: bilinear upsampling, PAMR and the average over windows all replace a score
by a mean of the same class's scores with weights that do not depend on the class. Where one class is below
another, or below the constant background, at every patch, it stays so at every pixel.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

MARGIN = 1e-5  # of a score; above what ten iterations in float32 round away
_PAIRS_AT_ONCE = 16


def contenders(scores: Sequence[Tensor], background: float | None) -> Tensor:
    """Tell for each class whether it may win somewhere: bool [C], at least one True.

    scores: one float32 [C, h, w] per window, after background cleaning. background: the constant that competes.
    """
    patches = torch.cat([window.flatten(1) for window in scores], dim=1)
    highest = patches.amax(dim=1)
    alive = torch.ones_like(highest, dtype=torch.bool)
    if background is not None:
        alive = highest > background - MARGIN
    for some in alive.nonzero()[:, 0].split(_PAIRS_AT_ONCE):
        alive[some] = ~_is_dominated(patches, some)
    alive[highest.argmax()] = True  # it may be below the background, but nobody else is left to say so
    return alive


def _is_dominated(patches: Tensor, some: Tensor) -> Tensor:
    """Whether some other class is above it at every patch; bool, one per index in `some`."""
    lead = patches[None] - patches[some][:, None]
    return (lead.amin(dim=2) > MARGIN).any(dim=1)
