# SPDX-License-Identifier: Apache-2.0
"""PAMR's Triton kernels: an image's weights, and one mean of 48 neighbours.

Their parameters carry no annotations but `tl.constexpr`: Triton looks every other name up when it compiles, and
refuses those of Python. Sizes are not specialised, so that each kernel is compiled once, for any number of classes.
"""

import triton
import triton.language as tl


@triton.jit
def _neighbours(offsets, k, x, y, height, width):
    """Index in an [H, W] plane of the k-th neighbours of pixels (x, y); outside: the nearest border pixel."""
    row = tl.minimum(tl.maximum(y + tl.load(offsets + 2 * k), 0), height - 1)
    return row * width + tl.minimum(tl.maximum(x + tl.load(offsets + 2 * k + 1), 0), width - 1)


@triton.jit
def _pixels(width, PIXELS: tl.constexpr):  # noqa: N803  Triton's compile-time constants are written so
    """Column and row of a program's pixels, rows being cut into pieces of PIXELS."""
    pieces = tl.cdiv(width, PIXELS)
    return tl.program_id(0) % pieces * PIXELS + tl.arange(0, PIXELS), tl.program_id(0) // pieces


@triton.jit(do_not_specialize=["height", "width"])
def weigh(
    rgb,
    weights,
    offsets,
    height,
    width,
    neighbours,
    samples,
    sharpness,
    tiny,
    PIXELS: tl.constexpr,  # noqa: N803
):
    """Fill weights [48, H, W] for some pixels of a row from rgb [3, H, W]."""
    x, y = _pixels(width, PIXELS)
    inside = x < width
    plane = height * width
    pixel = y * width + x
    for channel in range(3):
        values = rgb + channel * plane
        centre = tl.load(values + pixel, mask=inside, other=0.0)
        total = tl.zeros((PIXELS,), tl.float32)
        squares = tl.zeros((PIXELS,), tl.float32)
        for k in range(neighbours):
            there = _neighbours(offsets, k, x, y, height, width)
            difference = tl.load(values + there, mask=inside, other=0.0) - centre
            total += difference
            squares += difference * difference
        variance = tl.maximum((squares - total * total / samples) / (samples - 1), 0.0)
        scale = 1.0 / (3.0 * (tiny + sharpness * tl.sqrt(variance)))
        for k in range(neighbours):
            there = _neighbours(offsets, k, x, y, height, width)
            distance = tl.abs(tl.load(values + there, mask=inside, other=0.0) - centre) * scale
            if channel > 0:
                distance += tl.load(weights + k * plane + pixel, mask=inside, other=0.0)
            tl.store(weights + k * plane + pixel, distance, mask=inside)
    # No shift by the smallest distance: the deviation holds the difference itself and six zeros of the centre, which
    # keeps every distance below 80, and exp(-80) is a normal float32.
    powers = tl.zeros((PIXELS,), tl.float32)
    for k in range(neighbours):
        powers += tl.exp(-tl.load(weights + k * plane + pixel, mask=inside, other=0.0))
    for k in range(neighbours):
        power = tl.exp(-tl.load(weights + k * plane + pixel, mask=inside, other=0.0))
        tl.store(weights + k * plane + pixel, power / powers, mask=inside)


@triton.jit(do_not_specialize=["classes", "height", "width"])
def average(
    source,
    target,
    weights,
    offsets,
    classes,
    height,
    width,
    neighbours,
    PIXELS: tl.constexpr,  # noqa: N803
    CLASSES: tl.constexpr,  # noqa: N803
):
    """One iteration for some pixels of a row and some classes of [C, H, W], from source to target."""
    x, y = _pixels(width, PIXELS)
    c = tl.program_id(1) * CLASSES + tl.arange(0, CLASSES)
    plane = height * width
    planes = (c.to(tl.int64) * plane)[:, None]  # 64 bits: 150 classes of a large image have more than 2^31 bytes
    is_column = x < width
    inside = (c < classes)[:, None] & is_column[None, :]
    mean = tl.zeros((CLASSES, PIXELS), tl.float32)
    for k in range(neighbours):
        weight = tl.load(weights + k * plane + y * width + x, mask=is_column, other=0.0)
        there = _neighbours(offsets, k, x, y, height, width)
        mean += weight[None, :] * tl.load(source + planes + there[None, :], mask=inside, other=0.0)
    tl.store(target + planes + (y * width + x)[None, :], mean, mask=inside)
