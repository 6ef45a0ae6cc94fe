# SPDX-License-Identifier: Apache-2.0
"""A map from above: colours of its voxels, the heat of a word, the cameras' way, and the places that were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from talk2dino_ros.viz.explain.heat import Scale, heat, scale_bar
from talk2dino_ros.viz.legend import font_for

Rgb = NDArray[np.uint8]
Floats = NDArray[np.floating]

LONG_SIDE, MOST_CELL_PIXELS = 1100, 24  # of the map, in pixels
MARGIN_M = 0.3
ABOVE_CAMERA_M = 0.3  # what is higher is a ceiling, or lies under one
MOST_CELLS = 4000  # a side
_TEXT, _LINE, _PAD = 17, 24, 14
_PAPER, _INK, _SOFT = (255, 255, 255), (30, 30, 34), (120, 120, 128)
_FREE = (228, 228, 232)  # where nothing was seen
_WAY, _PLACE = (255, 255, 255), (0, 190, 255)
_PANEL = 430


@dataclass(frozen=True)
class ShownPlace:
    """A place to draw. position, extent: metres. lines: of text beside its number."""

    position: tuple[float, float, float]
    extent: tuple[float, float, float]
    lines: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class MapContent:
    """centres: float [N, 3] of voxels, metres, z up. colours: uint8 [N, 3] RGB. scores: float [N] of the word.

    cell_m: side of a voxel. way: float [K, 3], where the cameras were, in their order.
    """

    centres: Floats
    colours: Rgb
    scores: Floats
    cell_m: float
    way: Floats


def draw_map(content: MapContent, places: Sequence[ShownPlace], title: str) -> Rgb:
    """Draw uint8 [H, W, 3] RGB: x to the right, y up; what stands above the cameras is left out."""
    ground = _Ground(content)
    image = Image.fromarray(ground.picture())
    draw = ImageDraw.Draw(image)
    _draw_way(draw, ground.to_pixels(content.way))
    for place in reversed(places):
        _draw_box(draw, _pixels(ground, place))
    for number, place in reversed(list(enumerate(places, 1))):
        _draw_number(draw, _pixels(ground, place), number)
    _draw_metre(draw, ground, image.height)
    return _with_panel(image, ground.scale, places, title)


class _Ground:
    """The voxels' columns as a picture, y up, and where metres are in it. scale: of the heat."""

    def __init__(self, content: MapContent) -> None:
        centres, colours, scores = _below_ceiling(content)
        reach = [points[:, :2] for points in (centres, content.way) if len(points)] or [np.zeros((1, 2))]
        low, high = (np.concatenate(reach).min(axis=0) - MARGIN_M, np.concatenate(reach).max(axis=0) + MARGIN_M)
        self._cell_m = max(content.cell_m, float((high - low).max()) / MOST_CELLS)
        self._low = np.floor(low / self._cell_m) * self._cell_m
        width, height = np.ceil((high - self._low) / self._cell_m).astype(int).tolist()
        self._zoom: float = min(MOST_CELL_PIXELS, LONG_SIDE / max(width, height))
        self._size = max(1, round(width * self._zoom)), max(1, round(height * self._zoom))
        self._colours = np.full((height, width, 3), _FREE, np.uint8)
        self._scores = np.full((height, width), -np.inf, np.float32)
        columns, rows = np.floor((centres[:, :2] - self._low) / self._cell_m).astype(int).T
        order = np.argsort(centres[:, 2], kind="stable")  # the highest is seen
        self._colours[rows[order], columns[order]] = colours[order]
        np.maximum.at(self._scores, (rows, columns), scores.astype(np.float32))
        self.scale = _scale_of(self._scores)

    def picture(self) -> Rgb:
        """Draw uint8 [H, W, 3] RGB: pale colours, and the heat over them the more, the hotter it is."""
        seen = np.isfinite(self._scores)
        values = np.where(seen, self._scores, np.float32(self.scale.low))
        hotness = self.scale.share(values)[..., None]
        pale = self._colours * np.float32(0.6) + np.float32(255 * 0.4 * 0.85)
        mixed = pale + 0.9 * hotness * (heat(values, self.scale) - pale)
        cells = np.where(seen[..., None], mixed, _FREE).astype(np.uint8)[::-1]
        shrinks = self._zoom < 1
        drawn: Rgb = cv2.resize(cells, self._size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST)
        return drawn

    def to_pixels(self, points: Floats) -> NDArray[np.float64]:
        """Return x, y in pixels, float64 [N, 2], of points [N, 3] in metres."""
        x, y = ((np.asarray(points, np.float64).reshape(-1, 3)[:, :2] - self._low) / self._cell_m * self._zoom).T
        return np.column_stack([x, self._size[1] - y])

    def pixels_of(self, metres: float) -> float:
        """Return how many pixels so many metres are."""
        return float(metres / self._cell_m * self._zoom)


def _below_ceiling(content: MapContent) -> tuple[Floats, Rgb, Floats]:
    top = content.way[:, 2].max() + ABOVE_CAMERA_M if len(content.way) else np.inf
    kept = content.centres[:, 2] <= top
    return content.centres[kept], content.colours[kept], content.scores[kept]


def _scale_of(scores: NDArray[np.float32]) -> Scale:
    """Scale from the middle one of the columns, as most of a map is nothing of the word, to the highest."""
    seen = scores[np.isfinite(scores)]
    return Scale(float(np.median(seen)), float(seen.max())) if len(seen) else Scale(0.0, 1.0)


def _draw_way(draw: ImageDraw.ImageDraw, pixels: NDArray[np.float64]) -> None:
    points = [(float(x), float(y)) for x, y in pixels]
    if len(points) > 1:
        draw.line(points, _SOFT, 5, joint="curve")
        draw.line(points, _WAY, 3, joint="curve")
    for x, y in points:
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), _WAY, _SOFT)


def _pixels(ground: _Ground, place: ShownPlace) -> tuple[float, float, float, float]:
    """Return a place's box: left, top, right and bottom."""
    ((x, y),) = ground.to_pixels(np.array([place.position])).tolist()
    half_x, half_y = (max(6.0, ground.pixels_of(side) / 2) for side in place.extent[:2])
    return x - half_x, y - half_y, x + half_x, y + half_y


def _draw_box(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = box
    draw.rectangle(box, outline=_INK, width=5)
    draw.rectangle((left + 1, top + 1, right - 1, bottom - 1), outline=_PLACE, width=3)


def _draw_number(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], number: int) -> None:
    """Draw it in a disc at the box's upper right corner; those of all places lie above all boxes."""
    _, y, x, _ = box
    radius = 13
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), _PLACE, _INK, 2)
    draw.text((x, y), str(number), _INK, font_for(str(number), _TEXT), anchor="mm")


def _draw_metre(draw: ImageDraw.ImageDraw, ground: _Ground, height: int) -> None:
    """Draw a bar of one metre, and the axes."""
    long, left, low = ground.pixels_of(1.0), _PAD, height - _PAD
    draw.line((left, low, left + long, low), _INK, 4)
    draw.text((left, low - 6), "1 m, x to the right, y up", _INK, font_for("m", _TEXT), anchor="lb")


def _with_panel(image: Image.Image, scale: Scale, places: Sequence[ShownPlace], title: str) -> Rgb:
    """Return the map, and right of it the title, what was found and the scale of the heat."""
    rows = [(title, _INK)]
    for number, place in enumerate(places, 1):
        rows += [(f"{number}   {place.lines[0]}", _INK), *((f"     {line}", _SOFT) for line in place.lines[1:])]
    bar = scale_bar(
        scale,
        160,
        _TEXT,
        {scale.high: f"score {scale.high:.3f}, the highest", scale.low: f"score {scale.low:.3f}, the middle one"},
        _PANEL - 2 * _PAD,
    )
    height = max(image.height, 2 * _PAD + _LINE * len(rows) + bar.shape[0] + _LINE)
    whole = Image.new("RGB", (image.width + _PANEL, height), _PAPER)
    whole.paste(image, (0, 0))
    draw = ImageDraw.Draw(whole)
    for row, (text, color) in enumerate(rows):
        at = (image.width + _PAD, _PAD + row * _LINE)
        draw.text(at, text, color, font_for(text, _TEXT))
    whole.paste(Image.fromarray(bar), (image.width + _PAD, height - bar.shape[0] - _PAD))
    return np.asarray(whole)
