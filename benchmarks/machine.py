# SPDX-License-Identifier: Apache-2.0
"""Write results with the machine they were measured on."""

import json
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.bench.machine import describe_machine, machine_line

RESULTS = Path(__file__).resolve().parent / "results"


def write_result(name: str, facts: dict[str, Any], output: Path | None = None) -> Path:
    """Write what a script measured, with the machine, to results/<name>_<date>.json, or to `output`; says so."""
    machine = describe_machine()
    path = output or RESULTS / f"{name}_{machine['date']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": machine, **facts}, indent=2) + "\n")
    print(f"{machine_line(machine)}\nwritten to {path}")
    return path
