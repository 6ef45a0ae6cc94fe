# SPDX-License-Identifier: Apache-2.0
"""A plot of thresholds: for each class which share of pictures without it, and with it, would show it at which."""

import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.evaluate.calibration import ClassCalibration
from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.text.counted import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CLASSES = 60  # of a plot that a person still reads
_COLUMNS, _PANEL_INCHES = 2, 2.3
_LACKING, _HAVING = "#d55e00", "#0072b2"  # of Okabe and Ito, told apart by every eye; their lines differ, too


def draw_thresholds(path: Path, classes: Sequence[ClassCalibration], title: str) -> None:
    """Write a PNG, of the first MOST_CLASSES. Raises ImportError without matplotlib, OSError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure  # not pyplot, which would ask for a display

    shown = classes[:MOST_CLASSES]
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(4.6 * columns + 0.6, _PANEL_INCHES * rows + 1.0), layout="constrained")
    FigureCanvasAgg(figure)
    limits = _limits(shown)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flatten()
    for axes, each in zip(panels, shown, strict=False):
        _draw_class(axes, each, limits)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    figure.suptitle(title, fontsize=10, parse_math=False)
    figure.supxlabel("threshold (score)", fontsize=9)
    figure.supylabel("share of pictures that show the class", fontsize=9)
    lines = {line.get_label(): line for axes in panels for line in axes.get_lines() if line.get_label()[:1] != "_"}
    figure.legend(lines.values(), lines.keys(), loc="outside lower left", ncols=2, frameon=False, fontsize=8)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # such letters are drawn as boxes
        content = BytesIO()
        figure.savefig(content, format="png", dpi=110)
    write_atomically(path, content.getvalue())


def _draw_class(axes: "Axes", each: ClassCalibration, limits: tuple[float, float]) -> None:
    kinds: dict[str, tuple[npt.NDArray[np.float64], dict[str, Any]]] = {
        "without it": (each.lacking, {"color": _LACKING, "linestyle": "--"}),
        "with it": (each.having, {"color": _HAVING, "linestyle": "-"}),
    }
    for height, (label, (peaks, style)) in zip((-0.06, 1.06), kinds.items(), strict=True):
        if len(peaks):
            axes.step(*_share_above(peaks, limits), where="post", linewidth=1.6, label=label, **style)
            won = peaks[peaks > 0]
            axes.plot(won, np.full(len(won), height), "|", color=style["color"], markersize=6, alpha=0.7)
    if each.entry.threshold is not None:
        axes.axvline(each.entry.threshold, color="black", linewidth=1.0, linestyle=":")
    axes.set(xlim=limits, ylim=(-0.12, 1.12), yticks=(0, 0.5, 1))
    chosen = "no threshold" if each.entry.threshold is None else f">= {each.entry.threshold:g}"
    pictures = f"{counted(len(each.lacking), 'picture')} without it, {len(each.having)} with"
    axes.set_title(f"{each.entry.name} {chosen}\n{pictures}", fontsize=8, parse_math=False)
    axes.tick_params(labelsize=8, labelbottom=True)
    axes.spines[["top", "right"]].set_visible(False)


def _share_above(
    peaks: npt.NDArray[np.float64], limits: tuple[float, float]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the thresholds at which the share of peaks that reach them falls, and the share behind each."""
    at = np.concatenate([[limits[0]], np.clip(peaks, *limits), [limits[1]]])
    behind = np.concatenate([[len(peaks)], len(peaks) - 1 - np.arange(len(peaks)), [0]])
    won = np.minimum(behind, (peaks > 0).sum())  # a picture in which it is nowhere the best shows it at no threshold
    return at, won / len(peaks)


def _limits(classes: Sequence[ClassCalibration]) -> tuple[float, float]:
    """Return the scores between which something is to be seen."""
    values = np.concatenate(
        [
            *(np.concatenate([each.lacking, each.having]) for each in classes),
            [each.entry.threshold or 0.0 for each in classes],
        ]
    )
    values = values[values > 0]
    low, high = (values.min(), values.max()) if len(values) else (0.5, 0.6)
    margin = max(0.005, 0.05 * (high - low))
    return float(low - margin), float(high + margin)
