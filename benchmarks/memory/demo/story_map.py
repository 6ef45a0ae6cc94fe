# SPDX-License-Identifier: Apache-2.0
"""The story from above: the heat and places of a word after the tour, and both ways to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory.demo.story import Story
from benchmarks.memory.furnished_rooms import OBJECTS
from benchmarks.nav.metrics import Leg
from benchmarks.nav.nav_report import draw_room
from benchmarks.nav.room import Board, Room
from talk2dino_ros.goal.stand_off import Pose
from talk2dino_ros.perception.memory.voxel_map import CELL_M

CEILING_M = 1.9  # voxels above are no furniture
ARROW_M, MARGIN_M = 0.35, 0.25
TINY = 1e-6  # what is divided by, at least
WAY, PLACE, NEW = "tab:blue", "tab:red", "tab:green"


def draw_story(story: Story, path: Path) -> None:
    """Write the picture: after the tour, the way to the remembered place, the way after it was moved."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    room = story.rooms.before
    figure = Figure(figsize=(18, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    word, first, then = story.target.word, *(leg.state for leg in story.legs)
    titles = (f"Asked after the tour: {word}", f"Go to {word}: {first}", f"It was moved. Go to {word}: {then}")
    axes = figure.subplots(1, 3, sharex=True, sharey=True, subplot_kw={"aspect": "equal"})
    for number, (each, title) in enumerate(zip(axes, titles, strict=True)):
        each.set_title(title)
        each.set_xlabel("x in m")
        draw_room(each, story.room_of(number // 2), words_on)
    axes[0].set_ylabel("y in m")
    axes[0].set_xlim(-room.width / 2 - MARGIN_M, room.width / 2 + MARGIN_M)
    axes[0].set_ylim(-room.depth / 2 - MARGIN_M, room.depth / 2 + MARGIN_M)
    _draw_heat(figure, axes, story)
    _draw_way(axes[0], story.way, "0.45", "way of the tour", lw=0.8)
    for number, leg in enumerate(story.legs):
        _draw_leg(axes[1 + number], story.room_of(number), leg)
    _draw_places(axes[0], story)
    _draw_remembered(axes[1:], story)
    named = {label: handle for each in axes for handle, label in zip(*each.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=len(named), frameon=False)
    figure.savefig(path, dpi=90, bbox_inches="tight")


def words_on(board: Board) -> str:
    """Return the words of the objects on a board."""
    return ", ".join(item.word for item in OBJECTS if item.photo == board.photo)


def _draw_heat(figure: Any, axes: Sequence[Any], story: Story) -> None:
    """Draw the highest score of each column of voxels on the first of the axes, from the middle score upwards."""
    points = story.heat[story.heat[:, 2] < CEILING_M]
    if not len(points):
        return
    cells, at = np.unique(np.floor(points[:, :2] / CELL_M).astype(int), axis=0, return_inverse=True)
    scores = np.full(len(cells), -np.inf, np.float32)
    np.maximum.at(scores, at.ravel(), points[:, 3])
    low, size = cells.min(axis=0), np.ptp(cells, axis=0) + 1
    picture = np.full((size[1], size[0]), np.nan, np.float32)
    picture[cells[:, 1] - low[1], cells[:, 0] - low[0]] = scores
    (left, bottom), middle = low * CELL_M, float(np.median(scores))
    shown = axes[0].imshow(
        picture,
        cmap="YlOrRd",
        origin="lower",
        vmin=middle,
        extent=(left, left + size[0] * CELL_M, bottom, bottom + size[1] * CELL_M),
        interpolation="nearest",
        alpha=np.clip((np.nan_to_num(picture, nan=middle) - middle) / max(float(scores.max() - middle), TINY), 0, 1),
        zorder=3,  # above the boards, as that is where the objects are
    )
    figure.colorbar(shown, ax=list(axes), shrink=0.8, pad=0.01, label=f"score of '{story.target.word}'")


def _draw_places(axes: Any, story: Story) -> None:
    from matplotlib.patches import Rectangle

    for number, place in enumerate(story.target.places, 1):
        (x, y, _), (width, depth, _) = place.position, place.extent
        corner = x - width / 2 - CELL_M / 2, y - depth / 2 - CELL_M / 2
        box = Rectangle(corner, width + CELL_M, depth + CELL_M, fill=False, ec=PLACE, lw=2, zorder=5)
        box.set_label("place, best first" if number == 1 else None)
        axes.add_patch(box)
        axes.annotate(
            str(number), (x, y), xytext=(12, 12), textcoords="offset points", color="w", fontweight="bold",
            ha="center", va="center", zorder=6, bbox={"boxstyle": "circle", "fc": PLACE, "ec": "none"},
        )  # fmt: skip


def _draw_leg(axes: Any, room: Room, leg: Leg) -> None:
    _draw_way(axes, leg.path, WAY, "way", lw=1.8)
    stop = leg.path[-1]
    way = ARROW_M * math.cos(stop.yaw), ARROW_M * math.sin(stop.yaw)
    axes.annotate("", (stop.x + way[0], stop.y + way[1]), stop.point, arrowprops={"color": WAY, "width": 2})
    axes.plot(*room.board(leg.photo).pose.point, "*", color=NEW, ms=17, mec="k", label=f"{leg.word}, in truth")
    if leg.goals:
        axes.plot(leg.goals[-1].x, leg.goals[-1].y, "o", mfc="none", mec=WAY, ms=14, label="last goal")


def _draw_remembered(axes: Sequence[Any], story: Story) -> None:
    x, y, _ = story.target.places[0].position
    for each in axes:
        each.plot(x, y, "s", mfc="none", mec=PLACE, ms=16, mew=2, label="remembered of the tour")


def _draw_way(axes: Any, way: Sequence[Pose], colour: str, label: str, *, lw: float) -> None:
    axes.plot([pose.x for pose in way], [pose.y for pose in way], color=colour, lw=lw, label=label, zorder=4)
