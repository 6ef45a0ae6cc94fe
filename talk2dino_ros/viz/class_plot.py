# SPDX-License-Identifier: Apache-2.0
"""A plot of a run: the IoU of each class as a bar, the best first, and the mean as a line."""

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.text.counted import counted

_BAR_INCHES = 0.2
_COLOUR, _MEAN_COLOUR = "#1f5fa8", "#d9822b"


def draw_classes(path: Path, facts: dict[str, Any]) -> None:
    """Write a PNG of what `evaluation_report.result_facts` returned. Raises ImportError without matplotlib, OSError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure  # not pyplot, which would ask for a display

    shares = {_name(name): values["iou"] for name, values in facts["classes"].items() if values["iou"] is not None}
    order = sorted(shares, key=lambda name: shares[name])
    figure = Figure(figsize=(8, max(2.0, 1.4 + _BAR_INCHES * len(order))), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    bars = axes.barh(range(len(order)), [shares[name] for name in order], color=_COLOUR, height=0.7)
    axes.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
    axes.set_yticks(range(len(order)), order, fontsize=8, parse_math=False)
    if facts["miou"] is not None:
        axes.axvline(facts["miou"], color=_MEAN_COLOUR, linewidth=1.2, zorder=0, label=f"mean {facts['miou']:.2f} %")
        axes.legend(loc="lower right", frameon=False, fontsize=8)
    axes.set(xlim=(0, 108), ylim=(-0.7, len(order) - 0.3), xlabel=_below(facts, len(shares)))
    axes.set_title(_title(facts), fontsize=9, parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # such letters are drawn as boxes
        content = BytesIO()
        figure.savefig(content, format="png", dpi=110)
    write_atomically(path, content.getvalue())


def _name(text: str) -> str:
    """Return a class's name without its threshold and prompts."""
    return text.partition(":")[0].partition(">=")[0].strip()


def _title(facts: dict[str, Any]) -> str:
    refined = " + PAMR" if facts["options"]["refine"] == "pamr" else ""
    images = f"{facts['images']} of {counted(facts['images_of_the_set'], 'image')}"
    return f"{facts['title']}: {facts['model']}{refined}, protocol {facts['protocol']}, {images}"


def _below(facts: dict[str, Any], shown: int) -> str:
    absent = len(facts["classes"]) - shown
    classes = counted(absent, "class occurs", "classes occur")
    return "IoU, percent" + (f"; {classes} neither in labels nor in masks" if absent else "")
