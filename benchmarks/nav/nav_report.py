# SPDX-License-Identifier: Apache-2.0
"""Report of the demo: a plan of the room with the ways driven, what the camera saw, and a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.nav.metrics import Leg, LegMetrics, Rgb
from benchmarks.nav.room import Board, Room
from benchmarks.nav.run import DriveOutcome
from talk2dino_ros.demo.demo_report import contact_sheet
from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.viz.pictures import write_picture

HEADINGS = (
    "world", "go to", "end", "found after", "there after", "off the right place", "off its direction",
    "detections", "their error, mean", "95 % below", "success",
)  # fmt: skip
COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red")
VIEWS_PER_LEG = 8
ARROW_M = 0.3
CAPTION_HEIGHT = 20  # pixels


def write_report(outcome: DriveOutcome, folder: Path) -> list[Path]:
    """Write plan.png, views.png and table.md; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("plan.png", "views.png", "table.md")]
    draw_plan(outcome.room, outcome.legs, paths[0])
    write_picture(paths[1], contact_sheet([view for leg in outcome.legs for view in _chosen_views(leg)]))
    write_atomically(paths[2], table(outcome.verdicts).encode())
    return paths


def table(verdicts: Sequence[LegMetrics]) -> str:
    """Return a Markdown table of the verdicts, columns aligned."""
    return aligned([HEADINGS, *(_row(verdict) for verdict in verdicts)])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, columns aligned; its first row is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def _row(verdict: LegMetrics) -> tuple[str, ...]:
    errors = verdict.point_errors_m
    return (
        str(verdict.seed),
        verdict.word,
        verdict.state,
        number_text(verdict.find_s, 1, "s"),
        number_text(verdict.total_s, 1, "s"),
        number_text(verdict.place_error_m, 2, "m"),
        number_text(verdict.facing_error_deg, 0, "°"),
        str(len(errors)),
        number_text(float(np.mean(errors)) if errors else math.nan, 2, "m"),
        number_text(float(np.percentile(errors, 95)) if errors else math.nan, 2, "m"),
        "yes" if verdict.is_success else "no",
    )


def number_text(value: float, digits: int, unit: str) -> str:
    """Return a number with its unit, '' for NaN."""
    return "" if math.isnan(value) else f"{value:.{digits}f} {unit}"


def _chosen_views(leg: Leg) -> list[Rgb]:
    """Return views evenly from first to last, each with the time that had gone by."""
    chosen = np.linspace(0, len(leg.views) - 1, min(VIEWS_PER_LEG, len(leg.views))).astype(int)
    return [_captioned(leg.views[i][1], f"{leg.word}, {leg.views[i][0] - leg.started_s:.1f} s") for i in chosen]


def _captioned(view: Rgb, caption: str) -> Rgb:
    bar: Rgb = np.full((CAPTION_HEIGHT, view.shape[1], 3), 255, np.uint8)
    cv2.putText(bar, caption, (4, CAPTION_HEIGHT - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([view, bar])


def draw_plan(room: Room, legs: Sequence[Leg], path: Path) -> None:
    """Draw the room from above: ways driven, goals, points seen, and where the objects truly are."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 8.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(aspect="equal", xlabel="x in m", ylabel="y in m", title=f"World {room.seed} from above")
    draw_room(axes, room)
    for leg, colour in zip(legs, COLOURS, strict=False):
        _draw_leg(axes, room, leg, colour)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=3, frameon=False)
    figure.savefig(path, dpi=110)


def draw_room(axes: Any, room: Room, label_of: Callable[[Board], str] = attrgetter("photo")) -> None:
    """Draw walls, boxes and boards with their labels, and where the robot starts."""
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((-room.width / 2, -room.depth / 2), room.width, room.depth, fill=False, lw=2))
    for box in room.obstacles:
        corner = box.x - box.half_side, box.y - box.half_side
        axes.add_patch(Rectangle(corner, 2 * box.half_side, 2 * box.half_side, color="0.6"))
    for board in room.boards:
        pose, half = board.pose, board.width / 2
        aside = -math.sin(pose.yaw) * half, math.cos(pose.yaw) * half
        axes.plot([pose.x - aside[0], pose.x + aside[0]], [pose.y - aside[1], pose.y + aside[1]], color="0.3", lw=5)
        label = pose.x + 0.25 * math.cos(pose.yaw), pose.y + 0.25 * math.sin(pose.yaw)
        axes.annotate(
            label_of(board), label, ha="center", va="center", fontsize=8, zorder=5,
            rotation=math.degrees(pose.yaw) % 180 - 90, bbox={"fc": "w", "ec": "none", "alpha": 0.7, "pad": 1},
        )  # fmt: skip
    axes.plot(room.start.x, room.start.y, "k^", ms=9, label="start")
    axes.margins(0.05)


def _draw_leg(axes: Any, room: Room, leg: Leg, colour: str) -> None:
    axes.plot(*zip(*(pose.point for pose in leg.path), strict=True), color=colour, lw=1.5, label=f"way to '{leg.word}'")
    if leg.points:
        across, along, _ = zip(*leg.points, strict=True)
        axes.plot(across, along, ".", color=colour, ms=5, alpha=0.5, label=f"'{leg.word}' seen")
    axes.plot(*room.board(leg.photo).pose.point, "*", color=colour, ms=16, mec="k", label=f"'{leg.word}' in truth")
    for goal in leg.goals[-1:]:
        label = f"last of {counted(len(leg.goals), 'goal')}"
        axes.plot(goal.x, goal.y, "o", mfc="none", mec=colour, ms=14, label=label)
    stop = leg.path[-1]
    way = ARROW_M * math.cos(stop.yaw), ARROW_M * math.sin(stop.yaw)
    axes.annotate("", (stop.x + way[0], stop.y + way[1]), stop.point, arrowprops={"color": colour, "width": 2})
