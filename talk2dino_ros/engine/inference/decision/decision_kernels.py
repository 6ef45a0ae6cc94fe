# SPDX-License-Identifier: Apache-2.0
"""The decision's Triton kernel: each pixel's scores are interpolated where they are used, and never stored.

A program has 256 pixels of a row, and goes over the classes: of each score map four values are loaded for a pixel, and
best, second and the best of what speaks for nothing stay in registers. A map of the image's own size is read once from
memory, the other three values of a pixel are its neighbours' and come from the first cache.

Parameters carry no annotations but `tl.constexpr`, and sizes are not specialised: see pamr_kernels.py.
"""

import triton
import triton.language as tl

from talk2dino_ros.engine.inference.decision.decision_table import DISTRACTOR

PIXELS = 256
WARPS = 8

_DISTRACTOR = tl.constexpr(DISTRACTOR)


@triton.jit
def _between(position, size):
    """Return two neighbours of positions in 0..size - 1, and the share of the second."""
    first = tl.minimum(position.to(tl.int32), size - 1)
    return first, tl.minimum(first + 1, size - 1), position - first


@triton.jit
def _odds(winner, against, scale):
    """Return how much less likely it is than the winner, at the logits' scale; 0 where there is none."""
    return tl.where(against > 0.0, tl.exp2((_log_odds(against) - _log_odds(winner)) * scale), 0.0)


@triton.jit
def _log_odds(score):
    """Return the log odds to the base 2; finite for 0, which stands for no score."""
    return tl.log2(tl.maximum(score, 1e-30)) - tl.log2(1.0 - score)


@triton.jit(
    do_not_specialize=[
        "rows", "height", "width", "own_height", "own_width", "stride_image", "stride_row", "stride_y", "stride_x",
        "plane_count",
    ],
    do_not_specialize_on_alignment=["scores", "ids", "floors", "rules", "result"],
)  # fmt: skip
def choose(
    scores,
    ids,
    floors,
    rules,
    result,
    rows,
    height,
    width,
    own_height,
    own_width,
    scale_y,
    scale_x,
    shift,
    stride_image,
    stride_row,
    stride_y,
    stride_x,
    plane_count,
    PIXELS: tl.constexpr,  # noqa: N803  Triton's compile-time constants are written so
):
    """Fill result uint8 [2, N, B, H, W] for some pixels of a row; see `decide`. plane_count: N B."""
    pieces = tl.cdiv(width, PIXELS)
    x = tl.program_id(0) % pieces * PIXELS + tl.arange(0, PIXELS)
    y = tl.program_id(0) // pieces
    inside = x < width
    images = tl.num_programs(1)
    image, ballot = tl.program_id(1), tl.program_id(2)
    left, right, to_right = _between(tl.maximum((x + shift) * scale_x - shift, 0.0), own_width)
    top, bottom, to_bottom = _between(tl.maximum((y + shift) * scale_y - shift, 0.0), own_height)
    scores += image.to(tl.int64) * stride_image
    upper, lower = scores + top * stride_y, scores + bottom * stride_y
    left, right = left * stride_x, right * stride_x
    ids += ballot * rows
    floors += ballot * rows
    scale = tl.load(rules + ballot * 3)
    nothing_id = tl.load(rules + ballot * 3 + 1)
    has_confidence = tl.load(rules + ballot * 3 + 2)
    best = tl.zeros((PIXELS,), tl.float32)
    second = tl.zeros((PIXELS,), tl.float32)
    nothing = tl.zeros((PIXELS,), tl.float32)
    winner = tl.zeros((PIXELS,), tl.int32)
    for row in range(rows):
        class_id = tl.load(ids + row).to(tl.int32)
        above = tl.load(upper + left, mask=inside, other=0.0)
        above += (tl.load(upper + right, mask=inside, other=0.0) - above) * to_right
        below = tl.load(lower + left, mask=inside, other=0.0)
        below += (tl.load(lower + right, mask=inside, other=0.0) - below) * to_right
        score = above + (below - above) * to_bottom
        own = tl.where(class_id >= 0, score, 0.0)  # a row that is on no ballot may hold anything
        nothing = tl.where(class_id == _DISTRACTOR, tl.maximum(nothing, score), nothing)
        second = tl.maximum(second, tl.minimum(own, best))
        winner = tl.where(own > best, row, winner)
        best = tl.maximum(best, own)
        upper += stride_row
        lower += stride_row
    nothing = tl.maximum(nothing, tl.load(floors + winner))
    is_seen = best > nothing
    first = tl.maximum(best, nothing)
    against = tl.maximum(second, tl.minimum(best, nothing))
    sure = tl.maximum(tl.floor(255.0 / (1.0 + _odds(first, against, scale)) + 0.5), 1.0)
    sure *= tl.where(is_seen, 1.0, has_confidence)
    class_ids = tl.where(is_seen, tl.load(ids + winner).to(tl.int32), nothing_id.to(tl.int32))
    result += (ballot * images + image).to(tl.int64) * height * width + y * width + x
    tl.store(result, class_ids.to(tl.uint8), mask=inside)
    tl.store(result + plane_count.to(tl.int64) * height * width, sure.to(tl.uint8), mask=inside)
