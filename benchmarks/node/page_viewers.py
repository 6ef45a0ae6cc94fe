# SPDX-License-Identifier: Apache-2.0
"""Measure what browsers that look at the page cost the segmenter: `python -m benchmarks.node.page_viewers`.

The segmenter, the node web, the viewers and a client that is the camera and the reader of the masks, each a process of
its own, over Fast DDS with the shipped profile. In turn nobody looks, one browser does, and 50 do; masks that arrive
are counted, and pictures that each viewer got. A viewer speaks the page's protocol and decodes nothing; all of them
run on this machine at idle priority, where a robot's are elsewhere. Writes what it measured, with date, machine and
versions, to benchmarks/results/. ROS 2 has to be there: `source .venv/setup.bash`.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from benchmarks.machine import write_result
from benchmarks.node.node_rate import Client
from benchmarks.node_overhead import CLASSES, PROFILE
from talk2dino_ros.ros.parameters.launch_arguments import profile_names

VIEWERS = (0, 1, 50)
SIZE = (640, 480)
PORT = 8429
ADDRESS = f"127.0.0.1:{PORT}"
JOINING_S = 4.0  # until all viewers of a turn get pictures
IDLE = 19  # niceness


def main() -> None:
    """Measure, print the figures, write the file; or be the viewers of a turn, as a child process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5, help="of each number of viewers")
    parser.add_argument("--seconds", type=float, default=8.0, help="of a turn")
    parser.add_argument("--rate", type=float, default=30.0, help="of the camera, in Hz: faster than the model")
    parser.add_argument("--output", type=Path, help="write here, and not into benchmarks/results")
    parser.add_argument("--viewers", type=int, default=-1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.viewers >= 0:
        os.nice(IDLE)
        print(json.dumps(asyncio.run(look(arguments.viewers, arguments.seconds))), flush=True)
        return
    facts = figures(*measure(arguments.turns, arguments.seconds, arguments.rate))
    print(json.dumps(facts, indent=2))
    facts |= {"seconds_of_a_turn": arguments.seconds, "camera_hz": arguments.rate, "model": "mini", "image": SIZE}
    write_result("page_viewers_mini", facts, arguments.output)


def measure(turns: int, seconds: float, rate: float) -> tuple[dict[int, list[float]], dict[int, list[float]]]:
    """Return masks a second and pictures a second of a viewer, for each number of viewers, turn by turn."""
    import rclpy

    os.environ[profile_names(os.environ)[0]] = str(PROFILE)
    rclpy.init()
    processes = [
        start("talk2dino_ros.segmenter.segmenter_main", {"model": "mini", "vocabulary": CLASSES}),
        start("talk2dino_ros.web.robot.web_main", {"port": str(PORT)}),
    ]
    client = Client(processes[0], SIZE)
    masks: dict[int, list[float]] = {count: [] for count in VIEWERS}
    pictures: dict[int, list[float]] = {count: [] for count in VIEWERS}
    try:
        client.wait_for_a_mask()
        for _ in range(turns):
            for count in VIEWERS:
                options = ["--viewers", str(count), "--seconds", str(JOINING_S + seconds)]
                command = [sys.executable, "-m", __spec__.name, *options]
                viewers = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
                client.turn(JOINING_S, rate)
                masks[count].append(client.turn(seconds, rate))
                pictures[count] += json.loads(viewers.communicate()[0])
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        client.node.destroy_node()
        rclpy.shutdown()
    return masks, pictures


def start(module: str, parameters: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start a node's process."""
    words = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
    return subprocess.Popen([sys.executable, "-m", module, "--ros-args", *words], text=True)


async def look(count: int, seconds: float) -> list[float]:
    """Be so many viewers for so long; return how many pictures a second each got."""
    return list(await asyncio.gather(*(view(seconds) for _ in range(count))))


async def view(seconds: float) -> float:
    """Be one viewer, which draws at once what it gets."""
    pictures, end_s = 0, time.monotonic() + seconds
    async with connect(f"ws://{ADDRESS}/live", origin=f"http://{ADDRESS}") as line:  # type: ignore[arg-type]
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                message = await asyncio.wait_for(line.recv(), left_s)
            except asyncio.TimeoutError:
                break
            if isinstance(message, bytes):
                pictures += 1
                continue
            if not pictures:
                names = [camera["name"] for camera in json.loads(message)["cameras"]]
                await line.send(json.dumps({"watch": names}))
            await line.send(json.dumps({"drawn": True}))
    return pictures / seconds


def figures(masks: Mapping[int, Sequence[float]], pictures: Mapping[int, Sequence[float]]) -> dict[str, Any]:
    """Return the medians, and the masks with viewers as a share of those without, each turn against its own."""
    alone = masks[0]
    shares = {count: [each / none for none, each in zip(alone, rates, strict=True)] for count, rates in masks.items()}
    return {
        "viewers": [
            {
                "count": count,
                "masks_per_s": round(statistics.median(rates), 2),
                "share_of_masks": round(statistics.median(shares[count]), 3),
                "pictures_per_s_of_a_viewer": round(statistics.median(pictures[count] or [0.0]), 2),
                "turns": [round(rate, 2) for rate in rates],
            }
            for count, rates in masks.items()
        ]
    }


if __name__ == "__main__":
    main()
