# SPDX-License-Identifier: Apache-2.0
"""Report of the demo: a table, the overlays as PNG, and all of them on one sheet."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from talk2dino_ros.demo.demo_client import DemoResult, Round
from talk2dino_ros.viz.pictures import write_picture

HEADINGS = ("image", "class", "pixel (x, y)", "confidence", "area", "latency")
SHEET_WIDTH, SHEET_COLUMNS, SHEET_GAP = 1600, 4, 8


def print_table(vocabulary_round: Round) -> None:
    """Print one line per point of interest; an image without one says so."""
    rows = [row for result in _by_photo(vocabulary_round) for row in _rows(result)]
    widths = [max(len(row[column]) for row in [HEADINGS, *rows]) for column in range(len(HEADINGS))]
    print()
    for row in [HEADINGS, tuple("-" * width for width in widths), *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def write_overlays(rounds: Sequence[Round], folder: Path) -> list[Path]:
    """Write every overlay, and `all.png` with all of them; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, vocabulary_round in enumerate(rounds, start=1):
        for result in _by_photo(vocabulary_round):
            paths.append(folder / f"{result.photo}_{number}.png")
            write_picture(paths[-1], _overlay(result))
    paths.append(folder / "all.png")
    write_picture(paths[-1], contact_sheet([_overlay(s) for r in rounds for s in _by_photo(r)]))
    return paths


def contact_sheet(pictures: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    """Arrange all pictures in rows of four on white, each fitted into a cell of the same size."""
    width = (SHEET_WIDTH - SHEET_GAP) // SHEET_COLUMNS - SHEET_GAP
    height = width * 3 // 4
    rows = -(-len(pictures) // SHEET_COLUMNS)
    sheet = np.full((rows * (height + SHEET_GAP) + SHEET_GAP, SHEET_WIDTH, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        scale = min(width / picture.shape[1], height / picture.shape[0])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        row, column = divmod(index, SHEET_COLUMNS)
        top = SHEET_GAP + row * (height + SHEET_GAP) + (height - small.shape[0]) // 2
        left = SHEET_GAP + column * (width + SHEET_GAP) + (width - small.shape[1]) // 2
        sheet[top : top + small.shape[0], left : left + small.shape[1]] = small
    return sheet


def _by_photo(vocabulary_round: Round) -> list[DemoResult]:
    return [vocabulary_round.complete[photo] for photo in sorted(vocabulary_round.complete)]


def _overlay(result: DemoResult) -> npt.NDArray[np.uint8]:
    assert result.overlay is not None  # only complete detections are reported
    return result.overlay


def _rows(result: DemoResult) -> list[tuple[str, ...]]:
    latency = f"{result.latency_ms:.0f} ms"
    points = result.points.points if result.points else []
    if not points:
        return [(result.photo, "(none of the words)", "", "", "", latency)]
    return [
        (
            result.photo,
            point.class_name,
            f"({point.pixel_x}, {point.pixel_y})",
            f"{point.confidence:.2f}",
            f"{point.area_share:.1%}",
            latency,
        )
        for point in points
    ]
