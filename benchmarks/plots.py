# SPDX-License-Identifier: Apache-2.0
"""Draw a run of `talk2dino bench` for docs/: `python -m benchmarks.plots` takes the newest CPU run in results/.

Latency against the number of classes, against resolution, and where a frame's time goes.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # no display is needed
import matplotlib.pyplot as plt

from talk2dino_ros.engine.runtime.stage_times import STAGES

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
COLOURS = {"upload": "#8c8c8c", "backbone": "#1f5fa8", "score": "#5aa0d8", "refine": "#d9822b", "decide": "#7a9a3a"}
SPARE_COLOURS = ("#b05a7a", "#6b4fa0", "#3a8f8f")


def main() -> None:
    """Draw the three plots of a run's JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "run", nargs="?", type=Path, help="a bench_*.json of benchmarks/results (default: the newest of a CPU)"
    )
    parser.add_argument("--output", type=Path, default=DOCS, help="folder for the plots (default: %(default)s)")
    arguments = parser.parse_args()
    run = arguments.run or max((HERE / "results").glob("bench_talk2dino_vitb_cpu_*.json"))
    facts = json.loads(run.read_text())
    for name, draw in {"classes": _classes, "resolution": _resolution, "stages": _stages}.items():
        figure, axes = plt.subplots(figsize=(7.2, 4.0), layout="constrained")
        draw(axes, facts["rows"][name]["figures"])
        axes.set_title(_title(facts), fontsize=8, color="#555555")
        axes.spines[["top", "right"]].set_visible(False)
        path = arguments.output / f"bench_{name}.png"
        figure.savefig(path, dpi=130)
        plt.close(figure)
        print(f"written to {path}")


def _title(facts: dict[str, Any]) -> str:
    machine = facts["machine"]
    place = machine["gpus"][0]["name"] if facts["device"] != "cpu" else f"{machine['cpu']}, {machine['cores']} cores"
    return f"{facts['model']}, {facts['precision']}, {place}, {machine['date']}"


def _classes(axes: Any, figures: dict[str, Any]) -> None:
    """Plot latency against the number of classes, with the target's 15 % as a band."""
    seconds = figures["seconds"]
    counts = [int(count) for count in seconds]
    medians = [1e3 * times["median_s"] for times in seconds.values()]
    axes.axhspan(min(medians), 1.15 * min(medians), color="#1f5fa8", alpha=0.12, label="within 15 % of the fastest")
    axes.plot(counts, medians, "o-", color="#1f5fa8", label="median, 640x480, no PAMR")
    axes.set(xlabel="classes", ylabel="ms per image", ylim=(0, 1.35 * max(medians)))
    axes.legend(frameon=False)


def _resolution(axes: Any, figures: dict[str, Any]) -> None:
    """Plot latency against the image's pixels, with and without PAMR."""
    sizes = list(figures["seconds"])
    pixels = [int(size.split("x")[0]) * int(size.split("x")[1]) / 1e6 for size in sizes]
    for refine, label, colour in (("none", "no PAMR", "#1f5fa8"), ("pamr", "with PAMR", "#d9822b")):
        medians = [1e3 * figures["seconds"][size][refine]["median_s"] for size in sizes]
        axes.plot(pixels, medians, "o-", color=colour, label=f"{label}, 20 classes")
    axes.set(xlabel="image size", ylabel="ms per image", xticks=pixels)
    axes.set_xticklabels(sizes, fontsize=8, rotation=30, ha="right")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)


def _stages(axes: Any, figures: dict[str, Any]) -> None:
    """Plot one bar per setting, its stages side by side; labels where they fit."""
    found = figures["median_s"]
    names = [name for name in STAGES if any(name in stages for stages in found.values())]
    spare = iter(SPARE_COLOURS)
    longest = max(sum(stages.values()) for stages in found.values())
    left = dict.fromkeys(found, 0.0)
    for name in names:
        widths = [1e3 * stages.get(name, 0.0) for stages in found.values()]
        colour = COLOURS.get(name) or next(spare)
        bars = axes.barh(list(found), widths, left=list(left.values()), color=colour, label=name, height=0.6)
        texts = [f"{width:.0f}" if width > 40 * longest else "" for width in widths]
        axes.bar_label(bars, texts, label_type="center", color="white", fontsize=8)
        left = {key: start + width for (key, start), width in zip(left.items(), widths, strict=True)}
    axes.set(xlabel="ms per image, 640x480, 20 classes")
    axes.invert_yaxis()
    axes.legend(frameon=False, ncols=len(names), loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=8)


if __name__ == "__main__":
    main()
