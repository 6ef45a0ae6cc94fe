# SPDX-License-Identifier: Apache-2.0
"""Tour a simulated room, ask for what was in no vocabulary, and go there: `make demo-memory`.

Exits with 1 where something did not arrive, or the robot stopped elsewhere than in front of the object that it
remembered, and, once that was moved, neither in front of it nor saying that it is not there any more.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.memory.demo.memory_tour import STOP_M, run_story
from benchmarks.memory.demo.story_report import asked_table, legs_table, write_story
from talk2dino_ros.engine.errors import Talk2DinoError


def main() -> None:
    """Parse the command line, run the demo, exit with a sentence where it fails."""
    parser = argparse.ArgumentParser(
        prog="demo_memory", description="Find in a simulated room what nobody had asked for."
    )
    parser.add_argument("--model", default="mini", help="which model (default: mini, which needs no download)")
    parser.add_argument("--seed", type=int, default=19, help="which room: objects and robot are placed by it")
    parser.add_argument(
        "--stop-m", type=float, default=STOP_M, help=f"metres between two stops of the tour (default: {STOP_M:g})"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("demo_memory_output"), help="folder for pictures and tables"
    )
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            story = run_story(arguments.seed, Path(folder), model=arguments.model, stop_m=arguments.stop_m)
            paths = write_story(story, arguments.output, Path(folder))
    except Talk2DinoError as error:
        sys.exit(f"demo_memory: {error}")
    print(f"\n{asked_table(story)}\n{legs_table(story)}")
    for path in paths:
        print(path.resolve())
    if not story.is_right():
        sys.exit("demo_memory: the robot did not stop in front of the right object; the table says how far off it was")


if __name__ == "__main__":
    main()
