# SPDX-License-Identifier: Apache-2.0
"""Print tables."""

from collections.abc import Sequence

from talk2dino_ros.viz.terminal import printable


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of as many cells each, the first of which is the head, in columns."""
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
