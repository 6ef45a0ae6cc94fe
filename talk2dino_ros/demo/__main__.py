# SPDX-License-Identifier: Apache-2.0
"""Run the segmenter on photographs end to end: `make demo`, or `python -m talk2dino_ros.demo`.

Three processes, as on a robot: a camera that shows photographs, the segmenter, and this client, which asks
for words, asks for others midway, and gathers what comes. Exits with 1 where anything did not arrive.
"""

import argparse
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import rclpy

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.demo.demo_client import DemoClient, Round
from talk2dino_ros.demo.demo_report import print_table, write_overlays
from talk2dino_ros.demo.processes import DemoError, check_alive, node_process
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.class_syntax import split_classes
from talk2dino_ros.ros.node.ros_context import ros_context
from talk2dino_ros.viz.pictures import read_folder
from talk2dino_ros.viz.terminal import show_any_text

NAMESPACE = "/demo"  # so that nothing of a robot on the same network is touched
FIRST = ["person", "cat", "raccoon", "cup", "rocket", "flag"]
SECOND = ["helmet", "space shuttle", "animal: animal, pet", "coffee", "tower", "uniform: military uniform"]
START_TIMEOUT_S = 1800.0  # a first start may download weights, with its own progress bar
PHOTO_TIMEOUT_S = 60.0


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
        photos, left_out = read_folder(arguments.images)
        rounds = run(arguments.model, arguments.images, list(photos), [FIRST, second])
    except Talk2DinoError as error:
        sys.exit(f"demo: {error}")
    for vocabulary_round in rounds:
        print_table(vocabulary_round)
    paths = write_overlays(rounds, arguments.output)
    print(f"\n{len(paths)} pictures are in {arguments.output.resolve()}; all.png shows them on one sheet.")
    if left_out:
        sys.exit("\n  ".join([f"demo: {len(left_out)} pictures were left out:", *left_out]))


def run(model: str, folder: Path, photos: list[str], vocabularies: list[list[str]]) -> list[Round]:
    """Start camera and segmenter, ask for each vocabulary in turn, return what arrived."""
    names = ("-r", f"__ns:={NAMESPACE}")
    with ExitStack() as stack:
        segmenter = stack.enter_context(
            node_process(
                "talk2dino_ros.segmenter.segmenter_main", *names, "-p", f"model:={model}", "-p", "refine:=pamr"
            )
        )
        folder = folder.resolve()
        stack.enter_context(node_process("talk2dino_ros.demo.photo_camera", *names, "-p", f"folder:={folder}"))
        stack.enter_context(ros_context())
        client = DemoClient(namespace=NAMESPACE)
        _wait_until_ready(client, segmenter)
        return [_run_round(client, segmenter, photos, classes) for classes in vocabularies]


def _wait_until_ready(client: DemoClient, segmenter: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not client.is_ready():
        check_alive("segmenter", segmenter)
        if time.monotonic() > deadline:
            raise DemoError(f"the segmenter was not ready in {START_TIMEOUT_S:g} s; see its log above")
        rclpy.spin_once(client, timeout_sec=0.1)


def _run_round(client: DemoClient, segmenter: subprocess.Popen[bytes], photos: list[str], classes: list[str]) -> Round:
    reply = client.set_vocabulary(classes)
    print(f"\nset_vocabulary({classes})\n  -> {reply.message} ({reply.seconds:.2f} s)")
    for photo in photos:
        client.show(photo)
        _wait_for(client, segmenter, photo, reply.version)
    return Round(classes, reply, client.completed(reply.version))


def _wait_for(client: DemoClient, segmenter: subprocess.Popen[bytes], photo: str, version: int) -> None:
    deadline = time.monotonic() + PHOTO_TIMEOUT_S
    while photo not in client.completed(version) or version not in client.label_info_versions:
        check_alive("segmenter", segmenter)
        if time.monotonic() > deadline:
            raise DemoError(
                f"of {photo} not all of mask, confidence, overlay, points_of_interest and label_info arrived "
                f"in {PHOTO_TIMEOUT_S:g} s; see the logs above"
            )
        rclpy.spin_once(client, timeout_sec=0.1)


if __name__ == "__main__":
    main()
