# SPDX-License-Identifier: Apache-2.0
"""Batches of few shapes, so that what becomes of a row does not depend on the rows that it is computed with.

A matrix product of few rows rounds in another order than one of many, and how few these are is each processor's own.
In a product of one shape, of rows enough, every row is treated alike.
"""

from collections.abc import Callable

import torch
from torch import Tensor

PROMPTS = 8  # in a batch: a class has 7 templates
TOKENS = 4  # a prompt's length is a multiple of it: the shortest make products of 32 rows
VECTORS = 16  # in a batch of vectors, which are rows themselves


def in_blocks(function: Callable[[Tensor], Tensor], rows: Tensor, size: int) -> Tensor:
    """Apply a function of [size, ...] to rows [N, ...], N at least 1; the last block is filled with its last row."""
    return torch.cat([function(_filled(block, size))[: len(block)] for block in rows.split(size)])


def encode_by_length(encode: Callable[[Tensor], Tensor], tokens: Tensor, lengths: Tensor) -> Tensor:
    """Encode token ids [N, ..., L], of which the first `lengths` [N] of each count, to features [N, D].

    encode: from [PROMPTS, ..., length]; a row's length is its own, rounded up to a multiple of TOKENS, at most L.
    """
    rounded = ((lengths + TOKENS - 1) // TOKENS * TOKENS).clamp(max=tokens.shape[-1])
    groups = [((rounded == length).nonzero()[:, 0], length) for length in rounded.unique().tolist()]
    features = [in_blocks(encode, tokens[rows][..., :length], PROMPTS) for rows, length in groups]
    order = torch.cat([rows for rows, _ in groups])
    return torch.cat(features)[order.argsort()]


def _filled(block: Tensor, size: int) -> Tensor:
    return torch.cat([block, block[-1:].expand(size - len(block), *block.shape[1:])])
