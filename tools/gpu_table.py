# SPDX-License-Identifier: Apache-2.0
"""Write docs/gpu.md, and what is predicted, from the counts of what a GPU would do: `python -m tools.gpu_table`.

With `--count` they are counted anew first, in PyTorch's fake tensors; no GPU is needed.
"""

import argparse
import importlib
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "gpu.md"
BUDGETS = ROOT / "test" / "engine" / "gpu_budgets.json"
BEGIN, END = "<!-- written by tools/gpu_table.py -->\n", "<!-- end of what is written -->"
WAYS = {"eager": "graphs off", "graphs": "graphs on"}
LINE_LENGTH = 140
Budgets = dict[str, Any]


def milliseconds(gpu: dict[str, float], work: dict[str, int]) -> float:
    """Return the GPU's time for some work: what is loaded and the arithmetic one after the other, rather too long."""
    loaded = max(work["bytes"] / gpu["bytes_per_s"], work["gathered_bytes"] / gpu["cache_bytes_per_s"])
    return 1e3 * (loaded + work["flop"] / gpu["flop_per_s"])


def predicted(budgets: Budgets) -> Budgets:
    """Return the same counts with the times that follow from them."""
    gpu = budgets["gpu"]
    rows = {}
    for name, row in budgets["rows"].items():
        eager, graphs = row["eager"], row["graphs"]
        stages = {
            stage: own | {"predicted_ms": round(milliseconds(gpu, own), 3)} for stage, own in eager["stages"].items()
        }
        on_gpu = sum(milliseconds(gpu, own) for own in stages.values())
        started = {way: 1e3 * row[way]["launches"] * gpu["seconds_per_launch"] for way in WAYS}
        # without graphs the GPU computes while Python launches: the longer of the two is what it takes
        eager = eager | {"stages": stages, "predicted_ms": round(max(on_gpu, started["eager"]), 2)}
        rows[name] = row | {
            "eager": eager,
            "graphs": graphs | {"predicted_ms": round(on_gpu + started["graphs"], 2)},
        }
    return budgets | {"rows": rows}


def outside_backbone(eager: dict[str, Any]) -> int:
    """Return the launches of a frame without those of the image encoder."""
    return int(eager["launches"]) - int(eager["stages"]["backbone"]["launches"])


def tables(budgets: Budgets) -> str:
    """Return what is counted and predicted, in Markdown."""
    return "\n\n".join([_rows(budgets), _stages(budgets), _not_built(budgets)])


def _rows(budgets: Budgets) -> str:
    lines = [
        "| row | | launches from Python | of them outside of the backbone | waits | copies up, down | peak of memory | "
        "predicted |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in budgets["rows"].values():
        for way, said in WAYS.items():
            own, eager = row[way], row["eager"]
            outside = outside_backbone(eager) if way == "eager" else ""
            peak = f"{eager['peak_bytes'] / 1e6:.0f} MB" if way == "eager" else ""
            what = row["what"] if way == "eager" else ""
            copies = f"{own['uploads']}, {own['downloads']}"
            lines.append(
                f"| {what} | {said} | {own['launches']} | {outside} | {own['waits']} | {copies} | {peak} | "
                f"{own['predicted_ms']:.2f} ms |"
            )
    return "\n".join(lines)


def _stages(budgets: Budgets) -> str:
    gpu, row = budgets["gpu"], budgets["rows"]["gpu_frame"]
    launch = f"{1e6 * gpu['seconds_per_launch']:g} µs"
    lines = [
        _wrapped(
            f"The arithmetic, for {row['what']}: bytes / {gpu['bytes_per_s'] / 1e12:g} TB/s + FLOP / "
            f"{gpu['flop_per_s'] / 1e12:g} TFLOP/s on the GPU (an {gpu['name']}); launches x {launch} in Python. Bytes "
            "are those of each operand once. What PAMR gathers of neighbours comes from the first cache, beside them: "
            f"the longer of the two counts, gathered bytes / {gpu['cache_bytes_per_s'] / 1e12:g} TB/s (132 "
            "multiprocessors, 128 bytes a clock, 1.755 GHz)."
        ),
        "",
        f"| stage | launches | x {launch} | bytes | gathered | FLOP | predicted on the GPU |",
        "|---|---|---|---|---|---|---|",
    ]
    for stage, own in row["eager"]["stages"].items():
        started = f"{1e3 * own['launches'] * gpu['seconds_per_launch']:.2f} ms"
        work = f"{own['bytes'] / 1e6:.1f} MB | {own['gathered_bytes'] / 1e6:.0f} MB | {own['flop'] / 1e9:.1f} G"
        lines.append(f"| {stage} | {own['launches']} | {started} | {work} | {own['predicted_ms']:.2f} ms |")
    return "\n".join(lines)


def _not_built(budgets: Budgets) -> str:
    """Return what the counts do not carry, each with its arithmetic."""
    gpu, row = budgets["gpu"], budgets["rows"]["gpu_frame"]
    eager, frame = row["eager"], row["graphs"]["predicted_ms"]
    backbone = eager["stages"]["backbone"]
    upload = 1e3 * eager["upload_bytes"] / gpu["link_bytes_per_s"]
    fused = 1e3 * backbone["bytes_alone"] / gpu["bytes_per_s"]
    link = f"{gpu['link_bytes_per_s'] / 1e9:g} GB/s"
    sentences = [
        f"Uploads while the frame before is computed: {eager['upload_bytes'] / 1e6:.1f} MB over a link of {link} are "
        f"{upload:.2f} ms, {upload / frame:.0%} of the predicted frame, and a frame would wait for the next one.",
        "A compiled backbone: fusing could save at most the bytes of the backbone's launches without products of "
        f"matrices, {backbone['bytes_alone'] / 1e6:.0f} MB or {fused:.2f} ms, {fused / frame:.0%} of the predicted "
        "frame. It costs a compiler on the robot, and its time for each size.",
        "Resizing, scaling and normalising as one kernel: in a graph it saves no launch from Python.",
        "Pruning of classes: which can win would have to be read, a wait for each frame.",
    ]
    return "\n".join(
        ["What is not built, as the counts do not carry it:", "", *(_wrapped(f"- {each}", "  ") for each in sentences)]
    )


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, LINE_LENGTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def with_tables(page: str, budgets: Budgets) -> str:
    """Return the page's text with its tables as they should be."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{tables(budgets)}\n\n{END}{rest.split(END)[1]}"


def recounted(budgets: Budgets) -> Budgets:
    """Return the same rows, counted anew."""
    sys.path.insert(0, str(ROOT / "test"))
    counts = importlib.import_module("gpu_frame_counts")
    rows = {
        name: {"what": row["what"]} | {way: counts.counted(name, cuda_graphs=way == "graphs") for way in WAYS}
        for name, row in budgets["rows"].items()
    }
    return budgets | {"rows": rows}


def as_text(budgets: Budgets) -> str:
    """Return the file's text."""
    return json.dumps(budgets, indent=1) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", action="store_true", help="count anew")
    found = json.loads(BUDGETS.read_text(encoding="utf-8"))
    if parser.parse_args().count:
        found = recounted(found)
    found = predicted(found)
    BUDGETS.write_text(as_text(found), encoding="utf-8")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
