# SPDX-License-Identifier: Apache-2.0
"""PAMR's Triton kernels: scores in fours of classes, the image's deviations, and one mean of 48 neighbours.

Scores are held in `quads`, float32 [B, Q, H, R + W + R, 4]: four classes of a pixel are one load of 16 bytes, those of
a warp's 32 pixels lie side by side, and the border columns are repeated R = 24 times, so that a neighbour's column is
a constant in the instruction. Rows are clamped. The image is float32 [B, 3, H, R + W + R].

A program has 64 x 8 pixels. It computes their 48 weights from the image, holds them in registers, and goes over the
quads: what its neighbours are in one quad stays in the first cache. Weights that are written once and read back in
each iteration would be 192 bytes a pixel and iteration, the image and its deviations are 28, and no memory is held.
16-bit weights are too coarse: a share is wrong by up to 2^-12 of itself, and ten iterations shall equal the plain path
to 1e-5.

128 registers hold the weights and little else, and what spills differs by GPU. Colours are loaded one by one, as fours
have to lie side by side in registers, between the weights; they are summed by halves, as Blackwell's sums hold pairs.

Parameters carry no annotations but `tl.constexpr`: Triton looks every other name up when it compiles, and refuses
those of Python. Sizes are not specialised, so that each kernel is compiled once, for any number of classes.
"""

import triton
import triton.language as tl

from talk2dino_ros.engine.inference.pamr.stencil import DILATIONS, NEIGHBOURS, REACH, SAMPLES, SHARPNESS, TINY

COLUMNS, ROWS = 64, 8  # of a program's tile: a thread for each pixel, as 128 registers hold its weights and little else
WARPS = COLUMNS * ROWS // 32

_STEPS = tuple(sign * step for step in DILATIONS for sign in (-1, 1))  # along an axis
_REACH, _SAMPLES = tl.constexpr(REACH), tl.constexpr(SAMPLES)
_TINY, _SHARPNESS = tl.constexpr(TINY), tl.constexpr(SHARPNESS)
_LINES = tl.constexpr(len(_STEPS) + 1)  # rows that have neighbours: the pixel's own has twelve, the others three
_NEIGHBOURS = tl.constexpr(NEIGHBOURS)
_LOG2_E = tl.constexpr(1.4426950408889634)


@triton.constexpr_function
def _step(line):
    """Return how many rows a line is below the pixel's."""
    return (*_STEPS, 0)[line]


@triton.constexpr_function
def _count(line):
    """Return how many neighbours are in a line."""
    return 3 if line < len(_STEPS) else len(_STEPS)


@triton.constexpr_function
def _aside(line, number):
    """Return how many columns a line's neighbour is right of the pixel."""
    return (number - 1) * abs(_STEPS[line]) if line < len(_STEPS) else _STEPS[number]


@triton.jit
def _tile(height, width, zero, COLUMNS: tl.constexpr, ROWS: tl.constexpr):  # noqa: N803  Triton writes its constants so
    """Return a program's pixels: column and row, and which of them the image has; the others are clamped. zero: 0."""
    pixel = tl.arange(0, COLUMNS * ROWS) + zero
    x = tl.program_id(0) * COLUMNS + pixel % COLUMNS
    y = tl.program_id(1) * ROWS + pixel // COLUMNS
    return tl.minimum(x, width - 1), tl.minimum(y, height - 1), (x < width) & (y < height)


@triton.jit
def _place(x, y, width):
    """Return the index of pixels' first values in a quad: [P, 4], of four that follow each other."""
    return (y * (width + 2 * _REACH) + _REACH + x)[:, None] * 4 + tl.arange(0, 4)[None, :]


@triton.jit
def _line(y, line: tl.constexpr, height):
    """Return the pixels' rows in one of the lines that have neighbours; outside: the border's."""
    return tl.minimum(tl.maximum(y + _step(line), 0), height - 1)


@triton.jit
def _colour(x, y, height, width):
    """Return the index of pixels' colours: [P, 4], the fourth being the third once more, which has no weight."""
    stride = width + 2 * _REACH
    channel = tl.minimum(tl.arange(0, 4), 2)
    return (y * stride + _REACH + x)[:, None] + (channel * height * stride)[None, :]


@triton.jit
def _store_with_border(quad, place, values, x, width, inside, COLUMNS: tl.constexpr):  # noqa: N803
    """Write values [P, 4], those of the border columns also into the columns beside them."""
    tl.store(quad + place, values, mask=inside[:, None])
    if tl.program_id(0) == 0:
        for column in range(1, _REACH + 1):
            tl.store(quad + place - column * 4, values, mask=(inside & (x == 0))[:, None])
    if (tl.program_id(0) + 1) * COLUMNS >= width:
        for column in range(1, _REACH + 1):
            tl.store(quad + place + column * 4, values, mask=(inside & (x == width - 1))[:, None])


@triton.jit(
    do_not_specialize=[
        "rows", "height", "width", "own_height", "own_width", "stride_image", "stride_row", "stride_y", "stride_x"
    ],
    do_not_specialize_on_alignment=["values"],
)  # fmt: skip
def spread(
    values,
    quads,
    rows,
    height,
    width,
    own_height,
    own_width,
    scale_y,
    scale_x,
    stride_image,
    stride_row,
    stride_y,
    stride_x,
    COLUMNS: tl.constexpr,  # noqa: N803
    ROWS: tl.constexpr,  # noqa: N803
):
    """Stretch values [B, rows, own_height, own_width] corner to corner into quads; 0 for the rows that fill them up."""
    x, y, inside = _tile(height, width, 0, COLUMNS, ROWS)
    count = tl.cdiv(rows, 4)
    image, number = tl.program_id(2) // count, tl.program_id(2) % count
    row = number * 4 + tl.arange(0, 4)
    values += image.to(tl.int64) * stride_image + (row.to(tl.int64) * stride_row)[None, :]
    from_top, from_left = y * scale_y, x * scale_x
    top, first = from_top.to(tl.int32), from_left.to(tl.int32)
    upper = _along(
        values, tl.minimum(top, own_height - 1) * stride_y, first, from_left, own_width, stride_x, row < rows
    )
    lower = _along(
        values, tl.minimum(top + 1, own_height - 1) * stride_y, first, from_left, own_width, stride_x, row < rows
    )
    stretched = upper + (lower - upper) * (from_top - top)[:, None]
    quads += tl.program_id(2).to(tl.int64) * height * (width + 2 * _REACH) * 4
    _store_with_border(quads, _place(x, y, width), stretched, x, width, inside, COLUMNS)


@triton.jit
def _along(values, line, first, position, width, stride, is_there):
    """Return values [P, 4] between two columns of a line."""
    here = values + (line + tl.minimum(first, width - 1) * stride)[:, None]
    there = values + (line + tl.minimum(first + 1, width - 1) * stride)[:, None]
    before = tl.load(here, mask=is_there[None, :], other=0.0)
    return before + (tl.load(there, mask=is_there[None, :], other=0.0) - before) * (position - first)[:, None]


@triton.jit(do_not_specialize=["height", "width"])
def deviate(image, scales, height, width, COLUMNS: tl.constexpr, ROWS: tl.constexpr):  # noqa: N803
    """Store the factor of differences in each channel: log2(e) / (3 (1e-8 + 0.1 std)), float32 [B, H, W, 4]."""
    x, y, inside = _tile(height, width, 0, COLUMNS, ROWS)
    image += tl.program_id(2).to(tl.int64) * 3 * height * (width + 2 * _REACH)
    centre = tl.load(image + _colour(x, y, height, width))
    total = tl.zeros((COLUMNS * ROWS, 4), tl.float32)
    squares = tl.zeros((COLUMNS * ROWS, 4), tl.float32)
    for line in tl.static_range(_LINES):
        there = image + _colour(x, _line(y, line, height), height, width)
        for number in tl.static_range(_count(line)):
            difference = tl.load(there + _aside(line, number)) - centre
            total += difference
            squares += difference * difference
    variance = tl.maximum((squares - total * total / _SAMPLES) / (_SAMPLES - 1), 0.0)
    scale = _LOG2_E / (3.0 * (_TINY + _SHARPNESS * tl.sqrt(variance)))
    scale = tl.where(tl.arange(0, 4)[None, :] < 3, scale, 0.0)
    scales += tl.program_id(2).to(tl.int64) * height * width * 4
    tl.store(scales + (y * width + x)[:, None] * 4 + tl.arange(0, 4)[None, :], scale, mask=inside[:, None])


@triton.jit(do_not_specialize=["rows", "height", "width"])
def average(
    source,
    target,
    image,
    scales,
    count,
    rows,
    height,
    width,
    IS_LAST: tl.constexpr,  # noqa: N803
    COLUMNS: tl.constexpr,  # noqa: N803
    ROWS: tl.constexpr,  # noqa: N803
):
    """Do one iteration, from quads to quads, or at last to float32 [B, rows, H, W]; only `count` [1] of the rows."""
    x, y, inside = _tile(height, width, 0, COLUMNS, ROWS)
    plane = height * (width + 2 * _REACH)
    number = tl.program_id(2).to(tl.int64)
    image += number * 3 * plane
    centre = tl.load(image + _colour(x, y, height, width))
    scales += number * height * width * 4
    scale = tl.load(scales + (y * width + x)[:, None] * 4 + tl.arange(0, 4)[None, :])
    # No shift by the smallest distance: the deviation holds the difference itself and six zeros of the centre, which
    # keeps a distance below 115, and 2 to the power of -115 is a normal float32.
    total = tl.zeros((COLUMNS * ROWS,), tl.float32)
    weights = ()
    for line in tl.static_range(_LINES):
        there = image + _colour(x, _line(y, line, height), height, width)
        for neighbour in tl.static_range(_count(line)):
            difference = tl.load(there + _aside(line, neighbour)) - centre
            even, odd = tl.split(tl.reshape(tl.abs(difference) * scale, (COLUMNS * ROWS, 2, 2)))
            first, second = tl.split(even + odd)
            weight = tl.exp2(-(first + second))
            total += weight
            weights = weights + (weight,)  # type: ignore[assignment]  # noqa: RUF005  Triton has no unpacking
    share = (1.0 / total)[:, None]
    padded = tl.cdiv(rows, 4) * 4
    for row in range(0, tl.minimum(tl.load(count), rows), 4):
        begin = (number * padded + row) * plane  # in 64 bits: 150 classes of a large image have more than 2^31 bytes
        quad = source + begin
        # The compiler does not know that it is 0, and finds its place anew: held through the first half, the places of
        # 13 lines take registers, and others are spilled.
        x, y, inside = _tile(height, width, row >> 20, COLUMNS, ROWS)
        mean = tl.zeros((COLUMNS * ROWS, 4), tl.float32)
        for line in tl.static_range(_LINES):
            there = quad + _place(x, _line(y, line, height), width)
            for neighbour in tl.static_range(_count(line)):
                mean += weights[line * 3 + neighbour][:, None] * tl.load(there + _aside(line, neighbour) * 4)
        mean *= share
        if IS_LAST:
            pixels = height * width
            planes = target + (number * rows + row) * pixels + y * width + x
            _store_planes(planes, mean, pixels, inside, rows - row)
        else:
            _store_with_border(target + begin, _place(x, y, width), mean, x, width, inside, COLUMNS)


@triton.jit
def _store_planes(there, values, plane, inside, count):
    """Write values [P, 4] into as many planes as there are."""
    even, odd = tl.split(tl.reshape(values, (values.shape[0], 2, 2)))
    first, third = tl.split(even)
    second, fourth = tl.split(odd)
    tl.store(there, first, mask=inside)
    tl.store(there + plane, second, mask=inside & (count > 1))
    tl.store(there + 2 * plane, third, mask=inside & (count > 2))
    tl.store(there + 3 * plane, fourth, mask=inside & (count > 3))
