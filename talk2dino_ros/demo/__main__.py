# SPDX-License-Identifier: Apache-2.0
"""Run the segmenter on photographs end to end: `make demo`, or `python -m talk2dino_ros.demo`.

Exits with 1 where anything did not arrive.
"""

import argparse
import sys
from pathlib import Path

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.class_syntax import split_classes
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.ros.node.run_node import needed_packages
from talk2dino_ros.viz.pictures import read_folder
from talk2dino_ros.viz.terminal import show_any_text

FIRST = ["person", "cat", "raccoon", "cup", "rocket", "flag"]
SECOND = ["helmet", "space shuttle", "animal: animal, pet", "coffee", "tower", "uniform: military uniform"]


def main() -> None:
    """Parse the command line, run the demo, exit with a sentence where it fails."""
    parser = argparse.ArgumentParser(prog="demo", description="Segment photos by words over real ROS 2 topics.")
    parser.add_argument("--model", default="mini", help="model name (default: mini, which needs no download)")
    parser.add_argument("--images", type=Path, default=PHOTOS, help="folder of your own photos")
    parser.add_argument("--classes", default="", help='your own words, such as "cat, sofa"')
    parser.add_argument("--output", "-o", type=Path, default=Path("demo_output"), help="folder for the overlays")
    show_any_text()
    arguments = parser.parse_args()
    second = split_classes(arguments.classes) or SECOND
    try:
        with needed_packages():
            from talk2dino_ros.demo.demo_report import print_table, write_overlays
            from talk2dino_ros.demo.three_processes import run
        photos, left_out = read_folder(arguments.images)
        rounds = run(arguments.model, arguments.images, list(photos), [FIRST, second])
    except Talk2DinoError as error:
        sys.exit(f"demo: {error}")
    for vocabulary_round in rounds:
        print_table(vocabulary_round)
    paths = write_overlays(rounds, arguments.output)
    print(
        f"\n{counted(len(paths), 'picture is', 'pictures are')} in {arguments.output.resolve()}; all.png shows them "
        "on one sheet."
    )
    if left_out:
        sys.exit("\n  ".join([f"demo: {counted(len(left_out), 'picture was', 'pictures were')} left out:", *left_out]))


if __name__ == "__main__":
    main()
