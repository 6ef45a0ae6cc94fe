# SPDX-License-Identifier: Apache-2.0
"""A small world that is drawn from a seed: coloured, patterned shapes on four kinds of ground, masks, captions.

Everything a data set of captioned images has and nothing of its weight: scenes of two or three objects, one caption
per object that says little of the rest, and, which no such data set has, the truth about every pixel.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

import numpy as np
import numpy.typing as npt

SIZE = 96  # pixels, the side of a scene

COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 190, 60),
    "blue": (50, 80, 230),
    "yellow": (240, 220, 50),
    "purple": (150, 50, 200),
    "white": (240, 240, 240),
}
PATTERNS = ("plain", "striped", "chequered")
SHAPES = ("disc", "ring", "cross", "triangle")
GROUNDS = ("grass", "sand", "water", "bricks")
OBJECTS = tuple(product(PATTERNS, COLOURS))
WORDS = tuple(f"{pattern} {colour} object" for pattern, colour in OBJECTS) + GROUNDS

BAR = 4  # pixels, the width of a stripe

T = TypeVar("T")
Pair = tuple[str, str]  # pattern and colour
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class DrawnObject:
    """One object of a scene; its word tells pattern and colour, whatever its shape."""

    pattern: str
    colour: str
    shape: str

    @property
    def word(self) -> int:
        """Its number in WORDS."""
        return OBJECTS.index((self.pattern, self.colour))


@dataclass(frozen=True, eq=False)
class Scene:
    """rgb: uint8 [96, 96, 3]; truth: int16 [96, 96], numbers in WORDS; captions: one per object, then the ground's."""

    rgb: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.int16]
    objects: tuple[DrawnObject, ...]
    ground: str
    captions: tuple[str, ...]


def draw_scenes(
    count: int,
    seed: int | Sequence[int],
    *,
    without: Collection[Pair] = (),
    each_with: Sequence[Pair] = (),
) -> list[Scene]:
    """Draw scenes; equal arguments, equal scenes.

    without: pairs of OBJECTS that do not occur. each_with: one object of each scene is one of these.
    """
    rng = np.random.default_rng(seed)
    allowed = [pair for pair in OBJECTS if pair not in without]
    return [_draw_scene(rng, allowed, each_with) for _ in range(count)]


def _draw_scene(rng: np.random.Generator, allowed: Sequence[Pair], first_of: Sequence[Pair]) -> Scene:
    ground = _choose(rng, GROUNDS)
    rgb = _GROUND_PAINTERS[ground](rng)
    truth = np.full((SIZE, SIZE), len(OBJECTS) + GROUNDS.index(ground), np.int16)
    objects: list[DrawnObject] = []
    for centre in _places(rng, int(rng.integers(2, 4))):
        pattern, colour = _choose(rng, first_of if first_of and not objects else allowed)
        drawn = DrawnObject(pattern, colour, _choose(rng, SHAPES))
        mask = _shape_mask(drawn.shape, *centre, rng.uniform(13, 19), rng.uniform(0, 2 * np.pi))
        rgb[mask] = _paint(rng, drawn, mask)
        truth[mask] = drawn.word
        objects.append(drawn)
    rgb *= rng.uniform(0.8, 1.1)  # the light
    rgb += 6 * rng.standard_normal(rgb.shape, np.float32)
    pixels = np.clip(rgb, 0, 255).astype(np.uint8)
    return Scene(pixels, truth, tuple(objects), ground, _captions(rng, objects, ground))


def _choose(rng: np.random.Generator, values: Sequence[T]) -> T:
    return values[int(rng.integers(len(values)))]


def _places(rng: np.random.Generator, count: int) -> Iterator[tuple[float, float]]:
    """Yield centres in different quarters, so that no object hides another."""
    for quarter in rng.permutation(4)[:count]:
        y, x = divmod(int(quarter), 2)
        yield SIZE * (0.27 + 0.46 * y) + rng.uniform(-4, 4), SIZE * (0.27 + 0.46 * x) + rng.uniform(-4, 4)


_Y, _X = np.mgrid[:SIZE, :SIZE].astype(np.float32)


def _shape_mask(shape: str, centre_y: float, centre_x: float, radius: float, angle: float) -> Mask:
    y, x = _Y - centre_y, _X - centre_x
    x, y = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    distance = np.hypot(x, y)
    sides = [np.cos(turn) * x + np.sin(turn) * y for turn in (0, 2 * np.pi / 3, 4 * np.pi / 3)]
    masks: dict[str, Mask] = {
        "disc": distance < 0.9 * radius,
        "ring": (distance < 1.1 * radius) & (distance > 0.6 * radius),
        "cross": (np.minimum(abs(x), abs(y)) < 0.33 * radius) & (np.maximum(abs(x), abs(y)) < 1.1 * radius),
        "triangle": np.maximum.reduce(sides) < 0.62 * radius,
    }
    return masks[shape]


def _paint(rng: np.random.Generator, drawn: DrawnObject, mask: Mask) -> Floats:
    """Return the mask's pixels [N, 3] in the object's colour and pattern."""
    colour = np.array(COLOURS[drawn.colour], np.float32) + 10 * rng.standard_normal(3, np.float32)
    down, along = (int(rng.integers(0, 2 * BAR)) for _ in range(2))
    rows, columns = (_Y[mask] + down) // BAR % 2, (_X[mask] + along) // BAR % 2
    shaded = {"plain": np.zeros_like(rows), "striped": rows, "chequered": (rows + columns) % 2}[drawn.pattern]
    painted: Floats = colour * (1 - 0.6 * shaded[:, None])
    return painted


def _grass(rng: np.random.Generator) -> Floats:
    return _toned(rng, (85, 115, 70), 18 * rng.standard_normal((SIZE, SIZE), np.float32))


def _sand(rng: np.random.Generator) -> Floats:
    grains = 9 * rng.standard_normal((SIZE // 4, SIZE // 4), np.float32)
    return _toned(rng, (190, 170, 130), grains.repeat(4, axis=0).repeat(4, axis=1))


def _water(rng: np.random.Generator) -> Floats:
    waves = np.sin(_Y * 2 * np.pi / 12 + 2 * np.sin(_X * 2 * np.pi / 48 + rng.uniform(0, 6)) + rng.uniform(0, 6))
    return _toned(rng, (80, 115, 140), 14 * waves)


def _bricks(rng: np.random.Generator) -> Floats:
    down, along = (int(rng.integers(0, 24)) for _ in range(2))
    row = (_Y + down) // 10
    mortar = ((_Y + down) % 10 < 2) | ((_X + along + 12 * (row % 2)) % 24 < 2)
    return _toned(rng, (135, 95, 80), np.where(mortar, np.float32(45), np.float32(0)))


def _toned(rng: np.random.Generator, colour: tuple[int, int, int], shade: Floats) -> Floats:
    tone = np.array(colour, np.float32) + 6 * rng.standard_normal(3, np.float32)
    toned: Floats = tone + shade[:, :, None]
    return toned


_GROUND_PAINTERS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "grass": _grass,
    "sand": _sand,
    "water": _water,
    "bricks": _bricks,
}

_OBJECT_CAPTIONS = (
    "a {pattern} {colour} {shape}",
    "a {colour} {shape}, {pattern}",
    "{pattern} {colour} {shape} on {ground}",
)
_GROUND_CAPTIONS = ("{ground}", "a picture of {ground}", "{ground} with {count} objects on it")
_NUMBERS = {2: "two", 3: "three"}


def _captions(rng: np.random.Generator, objects: list[DrawnObject], ground: str) -> tuple[str, ...]:
    about_objects = [
        _choose(rng, _OBJECT_CAPTIONS).format(
            colour=drawn.colour, shape=drawn.shape, pattern=drawn.pattern, ground=ground
        )
        for drawn in objects
    ]
    return (*about_objects, _choose(rng, _GROUND_CAPTIONS).format(ground=ground, count=_NUMBERS[len(objects)]))
