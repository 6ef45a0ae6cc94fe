# SPDX-License-Identifier: Apache-2.0
"""Plan the crops: which parts of an image the network sees, and at what size.

A plan names a canvas (the image, perhaps resized, on which scores are gathered), the crops of the canvas
that are fed to the network, and the network's input size. The three inputs differ in their plan only.
"""

from dataclasses import dataclass
from functools import lru_cache

LONGEST_SIDE = 2048  # the published protocol's cap on the long side (img_scale of its data sets)


@dataclass(frozen=True)
class Crop:
    """A rectangle of the canvas, in pixels."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Plan:
    """Which parts of an image the network sees, and at what size.

    canvas (H, W) in pixels; the crops, which cover it; network (H, W): the size each crop is resized to.
    """

    canvas: tuple[int, int]
    crops: tuple[Crop, ...]
    network: tuple[int, int]


@lru_cache(maxsize=64)
def make_plan(
    mode: str,
    size: tuple[int, int],
    base: int,
    patch_size: int,
    canvas_limit: int | None = None,
    *,
    window_share: float = 1.0,
) -> Plan:
    """Plan an image of `size` (H, W) for a network of square input `base` and patches of `patch_size` pixels.

    canvas_limit caps the canvas in pixels (the refinement's cost grows with it); None: no cap.
    window_share: side of the windows of `slide`, as a share of `base`.
    """
    if mode == "slide":
        return _slide(size, base, nearest_multiple(base * window_share, patch_size))
    canvas = _limited(size, canvas_limit)
    network = (base, base) if mode == "square" else _aspect(size, base, patch_size)
    return Plan(canvas, (Crop(0, 0, *canvas),), network)


def _aspect(size: tuple[int, int], base: int, patch_size: int) -> tuple[int, int]:
    """Give the short side `base` and keep the aspect ratio; both sides are the nearest multiple of the patch."""
    height, width = _with_short_side(size, base)
    return nearest_multiple(height, patch_size), nearest_multiple(width, patch_size)


def _slide(size: tuple[int, int], base: int, window: int) -> Plan:
    """Cut square windows, half their side as stride; the last ones are shifted inside (both papers' protocol)."""
    canvas = _with_short_side(size, base)
    tops, window_height = _starts(canvas[0], window)
    lefts, window_width = _starts(canvas[1], window)
    crops = tuple(Crop(top, left, window_height, window_width) for top in tops for left in lefts)
    return Plan(canvas, crops, (window, window))


def _starts(length: int, window: int) -> tuple[list[int], int]:
    """Return first pixels of the windows along one side, and the windows' length (shorter where the side is)."""
    if length <= window:
        return [0], length
    stride = window // 2
    count = -(-(length - window) // stride) + 1
    return [min(i * stride, length - window) for i in range(count)], window


def _with_short_side(size: tuple[int, int], base: int) -> tuple[int, int]:
    scale = min(base / min(size), LONGEST_SIDE / max(size))
    height, width = (max(1, int(side * scale + 0.5)) for side in size)
    return height, width


def _limited(size: tuple[int, int], limit: int | None) -> tuple[int, int]:
    pixels = size[0] * size[1]
    if limit is None or pixels <= limit:
        return size
    scale = (limit / pixels) ** 0.5
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def nearest_multiple(length: float, step: int) -> int:
    """Round a positive length to a multiple of the step, at least one."""
    return max(step, int(length / step + 0.5) * step)
