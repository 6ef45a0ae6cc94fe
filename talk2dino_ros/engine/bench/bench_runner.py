# SPDX-License-Identifier: Apache-2.0
"""Measure the benchmark rows that this machine can run, and save the results after each row.

A row (outcome.py) measures a subject (subject.py): cpu_rows.py, gpu_rows.py and curve_rows.py hold them. Both sides
of a comparison run in turn on the same input (measure.py). bench_report.py writes the table.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.bench.bench_report import write_table
from talk2dino_ros.engine.bench.cpu_rows import CPU_ROWS
from talk2dino_ros.engine.bench.curve_rows import CURVE_ROWS, soak_row
from talk2dino_ros.engine.bench.gpu_rows import GPU_ROWS
from talk2dino_ros.engine.bench.machine import describe_machine, machine_line
from talk2dino_ros.engine.bench.outcome import BenchOutcome, Row
from talk2dino_ros.engine.bench.subject import Subject
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.files.atomic_write import write_atomically

ROWS = {row.name: row for row in (*CPU_ROWS, *GPU_ROWS, *CURVE_ROWS)}

WEIGHTS = {
    True: "seeded random values in the published layout; classes are clusters of the picture's own patches",
    False: "the model's own; classes are clusters of the picture's own patches",
}


def run_rows(subject: Subject, names: Sequence[str], folder: Path, soak_frames: int | None = None) -> Path:
    """Measure rows by name (none: all but the soak); writes and returns the JSON file, a table beside it.

    soak_frames: measure the soak alone, with so many frames, into a file of its own.

    Raises ModelError for a row that does not exist, or a folder that cannot be written.
    """
    wanted = [soak_row(soak_frames)] if soak_frames is not None else chosen_rows(names)
    machine = describe_machine()
    print(machine_line(machine))
    if subject.self_check:
        print(f"self-check: {subject.self_check.line}")
    facts: dict[str, Any] = {
        "model": subject.segmenter.model.name,
        "device": subject.segmenter.device,
        "precision": subject.segmenter.precision,
        "cuda_graphs": subject.cuda_graphs,
        "weights": WEIGHTS[subject.seeded],
        "machine": machine,
        "self_check": subject.self_check.to_json() if subject.self_check else None,
        "rows": {},
    }
    kind = "bench" if soak_frames is None else "soak"
    place = subject.device + ("_graphs" if subject.cuda_graphs else "")
    path = folder / f"{kind}_{facts['model']}_{place}_{machine['date']}.json"
    for row in wanted:
        print(f"{row.name}: {row.what} ...", flush=True)
        outcome = _measured(row, subject)
        facts["rows"][row.name] = {"what": row.what, "target": row.target, **asdict(outcome)}
        print(f"  {outcome.said}" + (f"  [target: {row.target}: {_verdict(outcome)}]" if row.target else ""))
        _write(path, facts)
    machine["load_average_1min_at_end"] = describe_machine()["load_average_1min"]
    _write(path, facts)
    return path


def chosen_rows(names: Sequence[str]) -> list[Row]:
    """Return the rows by name, all for no name, in the table's order. Raises ModelError that lists them."""
    if unknown := sorted(set(names) - set(ROWS)):
        raise ModelError(f"--rows has {unknown[0]!r}, expected some of {', '.join(ROWS)}; choose of these")
    return [row for row in ROWS.values() if not names or row.name in names]


def _measured(row: Row, subject: Subject) -> BenchOutcome:
    if row.device not in ("any", subject.device):
        return BenchOutcome(
            "no GPU here" if row.device == "cuda" else f"not measured on {subject.device}: device cpu does"
        )
    return row.measure(subject)


def _verdict(outcome: BenchOutcome) -> str:
    return {True: "met", False: "missed", None: "not measured"}[outcome.met]


def _write(path: Path, facts: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, f"{json.dumps(facts, indent=2)}\n".encode())
        write_table(path)
    except OSError as error:
        raise ModelError(
            f"{path} could not be written ({error}), expected a folder with room for it; name another"
        ) from error
