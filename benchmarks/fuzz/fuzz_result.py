# SPDX-License-Identifier: Apache-2.0
"""The day's result: each run adds what it has tried, so that many short runs make a long one."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, write_result
from talk2dino_ros.engine.bench.machine import describe_machine

NAME = "fuzz"


@dataclass(frozen=True)
class SubjectRun:
    """What became of one subject's inputs. findings: a sentence for each kind, with the number of its input."""

    subject: str
    inputs: int
    read: int
    refused: int
    wrong: int
    slowest_s: float
    findings: tuple[str, ...] = ()


def add_run(seed: int, runs: list[SubjectRun], folder: Path = RESULTS) -> Path:
    """Add a run to the day's file, of which all else stays; return it."""
    machine = describe_machine()
    path = folder / f"{NAME}_{machine['date']}.json"
    before: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"runs": []}
    own = [{"commit": machine["commit"], "seed": seed, **asdict(run)} for run in runs]
    every = [*before["runs"], *own]
    before["findings"] = [
        *before.get("findings", []),
        *(f"{run.subject}, seed {seed}, at {machine['commit']}: {said}" for run in runs for said in run.findings),
    ]
    before.pop("machine", None)  # the newest run's is written
    return write_result(NAME, {**before, **totals_of(every), "runs": every}, path)


def totals_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the inputs in all, and by subject what became of them."""
    by_subject: dict[str, Counter[str]] = {}
    for run in runs:
        counts = by_subject.setdefault(run["subject"], Counter())
        counts.update({outcome: run[outcome] for outcome in ("inputs", "read", "refused", "wrong")})
    return {"inputs": sum(each["inputs"] for each in by_subject.values()), "subjects": by_subject}
