# SPDX-License-Identifier: Apache-2.0
"""The map from above: costs, the heat of a word, places that were found, and the robot. x to the right, y up. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from talk2dino_ros.viz.explain.heat import Scale, heat

Rgb = npt.NDArray[np.uint8]

LONG_SIDE = 800  # pixels of the picture
MOST_ZOOM = 24  # pixels of a cell
MARGIN_M = 1.0  # around what is known, where there is no grid
UNKNOWN, FREE, LETHAL = (205, 207, 212), 250, 40  # gray levels of costs
FAR = 10_000  # pixels outside
ROBOT, PLACE, INK = (43, 80, 200), (224, 60, 60), (30, 30, 34)
FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, eq=False)
class MapView:
    """What is drawn; all in metres of one frame.

    cells: int8 [H, W], costs 0..100, -1 unknown, row 0 at the lowest y; None where there is no grid. cell_m: a cell's
    side. origin: x, y of the corner of cell (0, 0). heat: float [N, 4]: x, y, z and score. places: x, y of each.
    robot: x, y and yaw in radians.
    """

    cells: npt.NDArray[np.int8] | None = None
    cell_m: float = 0.1
    origin: tuple[float, float] = (0.0, 0.0)
    heat: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    places: Sequence[tuple[float, float]] = ()
    robot: tuple[float, float, float] | None = None


def draw_from_above(view: MapView) -> Rgb:
    """Draw uint8 [H, W, 3] RGB."""
    view = _coarse(view if view.cells is not None else _with_empty_grid(view))
    assert view.cells is not None
    zoom = min(MOST_ZOOM, LONG_SIDE / max(view.cells.shape))
    picture = _with_heat(_costs(view.cells), view)[::-1]
    size = (max(1, round(picture.shape[1] * zoom)), max(1, round(picture.shape[0] * zoom)))
    drawn: Rgb = np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST))
    pixels_per_m = zoom / view.cell_m

    def at(x: float, y: float) -> tuple[int, int]:
        return _pixel((x - view.origin[0]) * pixels_per_m), _pixel(size[1] - (y - view.origin[1]) * pixels_per_m)

    for number, place in enumerate(view.places, 1):
        cv2.circle(drawn, at(*place), 12, PLACE, cv2.FILLED, cv2.LINE_AA)
        cv2.putText(
            drawn, str(number), (at(*place)[0] - 5, at(*place)[1] + 5), FONT, 0.5, (255, 255, 255), 1, cv2.LINE_AA
        )
    if view.robot is not None:
        _draw_robot(drawn, at(*view.robot[:2]), view.robot[2])
    _draw_metre(drawn, pixels_per_m)
    return drawn


def _with_empty_grid(view: MapView) -> MapView:
    """Return the view with a grid of unknown cells around all that it has."""
    xy = [view.heat[:, :2].astype(float), np.array(view.places, float).reshape(-1, 2)]
    xy += [np.array([view.robot[:2]])] if view.robot else []
    points = np.concatenate(xy) if any(len(each) for each in xy) else np.zeros((1, 2))
    low, high = points.min(axis=0) - MARGIN_M, points.max(axis=0) + MARGIN_M
    cell_m = max(view.cell_m, float((high - low).max()) / LONG_SIDE)
    width, height = np.ceil((high - low) / cell_m).astype(int)
    cells = np.full((height, width), -1, np.int8)
    return MapView(cells, cell_m, (float(low[0]), float(low[1])), view.heat, view.places, view.robot)


def _coarse(view: MapView) -> MapView:
    """Return a view with no more cells than pixels; a coarse cell has the highest cost of those in it."""
    assert view.cells is not None
    step = math.ceil(max(view.cells.shape) / LONG_SIDE)
    if step == 1:
        return view
    rows = np.maximum.reduceat(view.cells, range(0, view.cells.shape[0], step), axis=0)
    cells = np.maximum.reduceat(rows, range(0, view.cells.shape[1], step), axis=1)
    return MapView(cells, view.cell_m * step, view.origin, view.heat, view.places, view.robot)


def _pixel(position: float) -> int:
    """Return a pixel's number; what is far outside of the picture stays outside, in numbers that OpenCV takes."""
    return round(min(max(position, -FAR), FAR))


def _costs(cells: npt.NDArray[np.int8]) -> Rgb:
    gray = FREE - np.clip(cells, 0, 100).astype(np.float32) * ((FREE - LETHAL) / 100)
    unknown = np.array(UNKNOWN, np.uint8)
    return np.asarray(np.where((cells < 0)[..., None], unknown, np.rint(gray)[..., None].astype(np.uint8)))


def _with_heat(picture: Rgb, view: MapView) -> Rgb:
    """Mix in the highest score over each cell, the more the hotter; the middle one is cold, as most of a map is."""
    height, width = picture.shape[:2]
    columns, rows = np.floor((view.heat[:, :2] - view.origin) / view.cell_m).astype(int).T
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height) & np.isfinite(view.heat[:, 3])
    if not inside.any():
        return picture
    scores = np.full((height, width), -np.inf, np.float32)
    np.maximum.at(scores, (rows[inside], columns[inside]), view.heat[inside, 3])
    there = np.isfinite(scores)
    scale = Scale(float(np.median(scores[there])), float(scores[there].max()))
    hotness = np.where(there, scale.share(np.where(there, scores, scale.low)), 0)[..., None]
    hot = heat(np.where(there, scores, np.float32(scale.low)), scale, cv2.COLORMAP_INFERNO)
    return np.rint(picture + 0.85 * hotness * (hot.astype(np.float32) - picture)).astype(np.uint8)


def _draw_robot(picture: Rgb, middle: tuple[int, int], yaw: float) -> None:
    """Draw a triangle that looks where the robot does."""
    angles = (yaw, yaw + 2.5, yaw - 2.5)
    corners = [(middle[0] + 15 * math.cos(a), middle[1] - 15 * math.sin(a)) for a in angles]
    outline = np.rint(corners).astype(np.int32)
    cv2.fillPoly(picture, [outline], ROBOT, cv2.LINE_AA)
    cv2.polylines(picture, [outline], True, (255, 255, 255), 2, cv2.LINE_AA)


def _draw_metre(picture: Rgb, pixels_per_m: float) -> None:
    left, low = 12, picture.shape[0] - 12
    cv2.line(picture, (left, low), (left + _pixel(pixels_per_m), low), INK, 3)
    cv2.putText(picture, "1 m", (left, low - 8), FONT, 0.5, INK, 1, cv2.LINE_AA)
