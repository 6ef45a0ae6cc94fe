# SPDX-License-Identifier: Apache-2.0
"""The demo's three processes, as on a robot: a camera that shows photographs, the segmenter, and this client.

The client asks for words, asks for others midway, and gathers what comes.
"""

import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import rclpy

from talk2dino_ros.demo.demo_client import DemoClient, Round
from talk2dino_ros.demo.processes import DemoError, check_alive, node_process
from talk2dino_ros.ros.node.ros_context import ros_context

NAMESPACE = "/demo"  # so that nothing of a robot on the same network is touched
START_TIMEOUT_S = 1800.0  # a first start may download weights, with its own progress bar
PHOTO_TIMEOUT_S = 60.0


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
