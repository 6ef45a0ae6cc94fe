# SPDX-License-Identifier: Apache-2.0
"""Try faults against real processes: `make chaos`, `python -m benchmarks.chaos --only NAME...`.

Prints a row for each fault and writes all to benchmarks/results/chaos_DATE.json and .md, with the machine; some faults
alone go to --output, or nowhere. Ctrl-C ends it with the rows that are there. Exits with 1 where a row does not hold.
The processes are in a ROS domain of their own (88, unless ROS_DOMAIN_ID names one) and keep to this machine. ROS 2 has
to be there: `source .venv/setup.bash`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from benchmarks.chaos.fault import FAULTS, Row, table_lines, try_fault
from benchmarks.chaos.stage import Stage
from benchmarks.machine import write_result
from benchmarks.node_overhead import PROFILE
from talk2dino_ros.engine.bench.machine import machine_line
from talk2dino_ros.ros.parameters.launch_arguments import profile_names

FAMILIES = (
    "camera_faults",
    "clock_faults",
    "request_faults",
    "flood_faults",
    "kill_faults",
    "ending_faults",
    "device_faults",
    "disk_faults",
    "neighbour_faults",
    "neighbour_disk_faults",
    "neighbour_cycle_faults",
    "cycle_faults",
)
DOMAIN = "88"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the faults, print and write the table; return 1 where a row does not hold."""
    for family in FAMILIES:
        import_module(f"benchmarks.chaos.{family}")
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=FAULTS, help=f"of: {', '.join(FAULTS)}")
    parser.add_argument("--output", type=Path, help="write here, and not into benchmarks/results")
    parser.add_argument("--cache", type=Path, help="folder whose caches are used and kept (default: an empty one)")
    parser.add_argument("--note", default="", help="what else a reader has to know, such as who used the machine too")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background process would be deaf to it
    rows = try_all(options.only or list(FAULTS), options.cache)
    print(f"{held_of(rows)} of {len(rows)} held")
    if options.output or not options.only:
        write(rows, options.output, options.note)
    return int(any(row.held is False for row in rows))


def try_all(names: Sequence[str], cache: Path | None = None) -> list[Row]:
    """Try faults in turn; print each one's row as it comes."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="talk2dino_chaos_") as folder:
        set_environment(Path(folder), cache)
        stage = Stage(Path(folder))
        try:
            for name in names:
                rows.append(try_fault(FAULTS[name], stage))
                print(said(rows[-1]), flush=True)
        except KeyboardInterrupt:
            print(f"stopped after {len(rows)} of {len(names)} faults", flush=True)
        finally:
            stage.close()
    return rows


def set_environment(folder: Path, cache: Path | None = None) -> None:
    """Keep the processes to this machine, and away from the user's caches."""
    os.environ.setdefault("ROS_DOMAIN_ID", DOMAIN)
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault(profile_names(os.environ)[0], str(PROFILE))
    os.environ["XDG_CACHE_HOME"] = str(cache or folder / "cache")
    os.environ["ROS_LOG_DIR"] = str(folder / "log")


def said(row: Row) -> str:
    """Return a row as lines for the terminal."""
    verdict = {True: "held", False: "NOT HELD", None: "NOT TRIED"}[row.held]
    return f"{row.fault} ({row.seconds:g} s): {verdict}\n  seen: {row.seen}\n  lost: {row.lost}"


def held_of(rows: Sequence[Row]) -> int:
    """Return how many rows held."""
    return sum(row.held is True for row in rows)


def write(rows: list[Row], output: Path | None, note: str) -> None:
    """Write the rows with the machine as JSON, and as a table beside it."""
    facts = {
        "note": note,
        "faults": len(FAULTS),
        "tried": len(rows),
        "held": held_of(rows),
        "rows": [asdict(row) for row in rows],
    }
    path = write_result("chaos", facts, output)
    machine = json.loads(path.read_text())["machine"]
    origin = f"Written by `make chaos` from [{path.name}]({path.name}). {note[:1].upper()}{note[1:]}".rstrip()
    lines = ["# Faults and what was lost", "", origin, "", f"{machine_line(machine)}.", "", *table_lines(rows)]
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
