# SPDX-License-Identifier: Apache-2.0
"""PAMR on a CPU, compiled by numba: each row's weights are read once per iteration for all classes.

Inner loops run along the row over slices of equal length, the form that the compiler turns into vector code.
Neighbours outside are the nearest border pixel: columns by padding the rows, rows by clamping their index.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from talk2dino_ros.engine.inference.pamr.pamr_plain import stretched
from talk2dino_ros.engine.inference.pamr.stencil import ITERATIONS, NEIGHBOURS, OFFSETS, REACH, SAMPLES, SHARPNESS, TINY
from talk2dino_ros.engine.runtime.bands import Bands
from talk2dino_ros.engine.runtime.compiled import compiled, inlined
from talk2dino_ros.engine.runtime.vector_math import LOG2_E, exp2

_OFFSETS = np.array(OFFSETS)
_Array = Any  # numpy arrays: numba compiles for their types by itself


def pamr_cpu(rgb: Tensor, scores: Tensor, _count: Tensor | None = None) -> Tensor:
    """See `pamr`."""
    if scores.ndim == 4:
        return torch.stack([pamr_cpu(*pair) for pair in zip(rgb, scores, strict=True)])
    _, height, width = rgb.shape
    scores = stretched(scores, rgb)
    image = _padded(rgb)
    weights = np.empty((height, NEIGHBOURS, width), np.float32)
    now, after = _padded(scores), np.empty((len(scores), height, width + 2 * REACH), np.float32)
    with Bands(height) as bands:
        bands.run(_weigh_rows, image, weights)
        for _ in range(ITERATIONS):
            bands.run(_average_rows, weights, now, after)
            now, after = after, now
    return torch.from_numpy(np.ascontiguousarray(now[:, :, REACH:-REACH]))


def _padded(values: Tensor) -> _Array:
    """Repeat the border columns of [C, H, W] on both sides, so that a row's neighbours need no test."""
    return np.pad(values.numpy(), ((0, 0), (0, 0), (REACH, REACH)), mode="edge")


@compiled
def _weigh_rows(image: _Array, weights: _Array, top: int, bottom: int) -> None:
    """Fill weights [H, 48, W] for some rows from image [3, H, W + 2 REACH]."""
    width = weights.shape[2]
    scales, work = np.empty((len(image), width), np.float32), np.empty((2, width), np.float32)
    for y in range(top, bottom):
        for c in range(len(image)):
            _scale_of_row(image[c], y, scales[c], work[0], work[1])
        total = work[0]
        total[:] = 0
        for k in range(NEIGHBOURS):
            share = weights[y, k]
            share[:] = 0
            for c in range(len(image)):
                _add_distance(image[c], y, k, scales[c], share)
            # No shift by the smallest distance: the deviation holds the difference itself and six zeros of the
            # centre, which keeps a distance below 115, and 2 to the power of -115 is a normal float32.
            for x in range(width):
                share[x] = exp2(-share[x])
                total[x] += share[x]
        for share in weights[y]:
            for x in range(width):
                share[x] /= total[x]


@compiled
def _add_distance(channel: _Array, y: int, k: int, scale: _Array, distance: _Array) -> None:
    centre, other = channel[y, REACH : REACH + len(scale)], _neighbours(channel, y, k, len(scale))
    for x in range(len(scale)):
        distance[x] += abs(other[x] - centre[x]) * scale[x]


@compiled
def _scale_of_row(channel: _Array, y: int, scale: _Array, total: _Array, squares: _Array) -> None:
    """Fill in the factor of a row's differences in one channel: log2(e) / (3 * (1e-8 + 0.1 std)), for `exp2`."""
    width = len(scale)
    centre = channel[y, REACH : REACH + width]
    total[:] = 0
    squares[:] = 0
    for k in range(NEIGHBOURS):
        other = _neighbours(channel, y, k, width)
        for x in range(width):
            difference = other[x] - centre[x]
            total[x] += difference
            squares[x] += difference * difference
    for x in range(width):
        variance = (squares[x] - total[x] * total[x] / np.float32(SAMPLES)) / np.float32(SAMPLES - 1)
        deviation = np.sqrt(max(variance, np.float32(0)))
        scale[x] = np.float32(LOG2_E / 3) / (np.float32(TINY) + np.float32(SHARPNESS) * deviation)


@compiled
def _average_rows(weights: _Array, source: _Array, target: _Array, top: int, bottom: int) -> None:
    """Do one iteration for some rows of [C, H, W + 2 REACH], from source to target."""
    width = weights.shape[2]
    for y in range(top, bottom):
        for c in range(len(source)):
            row = target[c, y]
            mean = row[REACH : REACH + width]
            mean[:] = 0
            for k in range(NEIGHBOURS):
                weight, other = weights[y, k], _neighbours(source[c], y, k, width)
                for x in range(width):
                    mean[x] += weight[x] * other[x]
            row[:REACH] = mean[0]
            row[REACH + width :] = mean[-1]


@inlined
def _neighbours(plane: _Array, y: int, k: int, count: int) -> _Array:
    """Return the k-th neighbours of row y's `count` pixels: a slice of a plane [H, W + 2 REACH]."""
    row = min(max(y + _OFFSETS[k, 0], 0), len(plane) - 1)
    first = REACH + _OFFSETS[k, 1]
    return plane[row, first : first + count]
