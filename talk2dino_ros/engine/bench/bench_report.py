# SPDX-License-Identifier: Apache-2.0
"""Write the Markdown table of a run from its JSON file."""

import json
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.bench.machine import machine_line
from talk2dino_ros.engine.files.atomic_write import write_atomically

_VERDICT = {True: "yes", False: "**no**", None: ""}


def write_table(path: Path) -> Path:
    """Write `<name>.md` beside the JSON file of a run; returns its path."""
    table = path.with_suffix(".md")
    write_atomically(table, ("\n".join(_lines(path)) + "\n").encode())
    return table


def _lines(path: Path) -> list[str]:
    facts = json.loads(path.read_text(encoding="utf-8"))
    rows = facts["rows"].values()
    return [
        f"# {facts['model']} on {facts['device']}",
        "",
        f"Written by `talk2dino bench` from [{path.name}]({path.name}): medians; the baseline is the paper's pipeline",
        f"written plainly, in eager fp32, run in turn with the engine. Precision {facts['precision']}."
        + (" The engine's kernels are recorded in CUDA graphs." if facts.get("cuda_graphs") else ""),
        f"Weights: {facts['weights']}.",
        "",
        machine_line(facts["machine"]) + ".",
        "",
        "| what | target | measured | met |",
        "|---|---|---|---|",
        *(_cells(row["what"], row["target"], row["said"], _VERDICT[row["met"]]) for row in rows),
        *_others(path),
    ]


def _others(path: Path) -> list[str]:
    """Link the results of other scripts and soaks that say in their JSON, under `said`, what came out."""
    files = [file for file in sorted(path.parent.glob("*.json")) if not file.name.startswith("bench_")]
    rows = [_cells(f"[{file.name}]({file.name})", said) for file in files if (said := _said(file))]
    return ["", "Measured by other scripts:", "", "| file | result |", "|---|---|", *rows] if rows else []


def _said(file: Path) -> str:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    said = found.get("said", [])
    if file.name.startswith("soak_"):
        said = [row["said"] for row in found["rows"].values()]
    return "; ".join(said) if isinstance(said, list) else str(said)


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
