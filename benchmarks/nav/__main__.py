# SPDX-License-Identifier: Apache-2.0
"""Send a simulated robot to objects by name and show it: `make demo-nav`, or `python -m benchmarks.nav`.

Exits with 1 where something did not arrive, or the robot did not stop in front of the right object.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.nav.nav_report import table, write_report
from benchmarks.nav.run import TARGETS, run_world
from talk2dino_ros.engine.errors import Talk2DinoError


def main() -> None:
    """Parse the command line, run the demo, exit with a sentence where it fails."""
    parser = argparse.ArgumentParser(prog="demo_nav", description="Go to objects by name in a simulated room.")
    parser.add_argument("--model", default="mini", help="which model (default: mini, which needs no download)")
    parser.add_argument("--seed", type=int, default=1, help="which room: objects and robot are placed by it")
    parser.add_argument("--words", nargs="+", default=list(TARGETS), choices=TARGETS, help="where to go, one by one")
    parser.add_argument("--refine", default="none", choices=("none", "pamr"), help="refinement of the masks")
    parser.add_argument("--output", type=Path, default=Path("demo_nav_output"), help="folder for plan, views, table")
    arguments = parser.parse_args()
    try:
        outcome = run_world(arguments.seed, arguments.words, model=arguments.model, refine=arguments.refine)
    except Talk2DinoError as error:
        sys.exit(f"demo_nav: {error}")
    print(f"\n{table(outcome.verdicts)}")
    for leg in outcome.legs:
        print(f"'{leg.word}': {leg.state}: {leg.message}")
    for path in write_report(outcome, arguments.output):
        print(path.resolve())
    if not all(verdict.is_success for verdict in outcome.verdicts):
        sys.exit("demo_nav: the robot did not stop in front of the right object; the table says how far off it was")


if __name__ == "__main__":
    main()
