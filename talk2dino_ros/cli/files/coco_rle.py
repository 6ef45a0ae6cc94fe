# SPDX-License-Identifier: Apache-2.0
"""COCO's compressed RLE: a mask as the lengths of its runs, column by column, in a text of 6 bits a letter.

The lengths begin with a run of zeros, which may be 0. From the fourth on each is written as its difference to the one
two before; 5 bits a letter, the lowest first, the sixth bit where more follow, and 48 added (cocodataset/cocoapi,
common/maskApi.c).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MOST_LETTERS = 13  # of a number of 64 bits


def rle_of_classes(mask: NDArray[np.uint8], class_ids: Sequence[int]) -> dict[int, str]:
    """Return the RLE text of the pixels of each class that a mask, uint8 [H, W], has."""
    columns = np.ascontiguousarray(mask.T).reshape(-1)
    starts = np.concatenate([[0], np.flatnonzero(columns[1:] != columns[:-1]) + 1])
    ends, values = np.append(starts[1:], columns.size), columns[starts]
    found = {class_id: values == class_id for class_id in class_ids}
    return {
        class_id: _text(_lengths(starts[own], ends[own], columns.size)) for class_id, own in found.items() if own.any()
    }


def mask_of_rle(counts: str, size: Sequence[int]) -> NDArray[np.bool_]:
    """Return the mask, bool [H, W], of an RLE text. Raises ValueError where it is none of this size."""
    lengths = _numbers(counts)
    height, width = size
    if min(lengths, default=-1) < 0 or sum(lengths) != height * width:
        raise ValueError(f"its runs do not add up to {width}x{height} pixels")
    runs = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return np.asarray(runs.reshape(width, height).T)


def _lengths(starts: NDArray[np.int64], ends: NDArray[np.int64], pixels: int) -> NDArray[np.int64]:
    """Return the runs of zeros and ones in turn, without an empty one at the end."""
    edges = np.stack([starts, ends], axis=1).reshape(-1)
    lengths = np.diff(np.concatenate([[0], edges, [pixels]]))
    return lengths[:-1] if lengths[-1] == 0 else lengths


def _text(lengths: NDArray[np.int64]) -> str:
    left = lengths.copy()
    left[3:] -= lengths[1:-2]
    letters = np.zeros((len(left), _MOST_LETTERS), np.uint8)
    open_ = np.arange(len(left))
    for place in range(_MOST_LETTERS):
        bits = left[open_] & 0x1F
        left[open_] >>= 5
        more = left[open_] != np.where(bits & 0x10, -1, 0)
        letters[open_, place] = bits + 0x20 * more + 48
        open_ = open_[more]
        if not len(open_):
            break
    return letters[letters > 0].tobytes().decode("ascii")


def _numbers(counts: str) -> list[int]:
    numbers: list[int] = []
    value = shift = 0
    for letter in counts.encode("ascii"):
        bits = letter - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            value -= (bits & 0x10) << shift - 4  # the sign, of which the last letter's fifth bit is the lowest
            numbers.append(value + numbers[-2] if len(numbers) > 2 else value)
            value = shift = 0
    return numbers
