# SPDX-License-Identifier: Apache-2.0
"""Measure what browsers that look at the page cost the segmenter: `python -m benchmarks.node.page_viewers`.

The segmenter, the node web, the viewers and a client that is the camera and the reader of the masks, each a process of
its own, over Fast DDS with the shipped profile. In turn nobody looks, one browser does, and 50 do; masks that arrive
are counted, pictures that each viewer got, and the processor time of the page and of the viewers. A viewer speaks the
page's protocol and throws away what it gets; all of them run on this machine in idle time, where a robot's are
elsewhere. Writes what it measured, with date, machine and versions, to benchmarks/results/. ROS 2 has to be there:
`source .venv/setup.bash`.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.machine import write_result
from benchmarks.node.cheap_viewers import look
from benchmarks.node.node_rate import SETTLING_S, Client
from benchmarks.node.patch_feature_cost import processor_s
from benchmarks.node_overhead import CLASSES, PROFILE
from talk2dino_ros.ros.parameters.launch_arguments import profile_names

VIEWERS = (0, 1, 50)
SIZE = (640, 480)
PORT = 8429
CAMERA = "camera"  # the page's name of the only one
JOINING_S = 4.0  # until all viewers of a turn get pictures


class Turn(NamedTuple):
    """What was measured while so many looked, each a second.

    Masks, pictures of a viewer, processor seconds of the page and of all viewers.
    """

    viewers: int
    masks: float
    pictures: float
    page_s: float
    viewers_s: float


def main() -> None:
    """Measure, print the figures, write the file; or be the viewers of a turn, as a child process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5, help="turns of each number of viewers (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of a turn (default: %(default)s)")
    parser.add_argument(
        "--rate", type=float, default=30.0, help="images per second; more than the model can do (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, help="write here, and not into benchmarks/results")
    parser.add_argument("--viewers", type=int, default=-1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.viewers >= 0:
        be_idle()
        print(json.dumps(asyncio.run(look(arguments.viewers, arguments.seconds, PORT, [CAMERA]))), flush=True)
        return
    facts = figures(measure(arguments.turns, arguments.seconds, arguments.rate))
    print(json.dumps(facts, indent=2))
    facts |= {"seconds_of_a_turn": arguments.seconds, "camera_hz": arguments.rate, "model": "mini", "image": SIZE}
    write_result("page_viewers_mini", facts, arguments.output)


def measure(turns: int, seconds: float, rate: float) -> list[Turn]:
    """Measure each number of viewers in turn, so many times."""
    import rclpy

    os.environ[profile_names(os.environ)[0]] = str(PROFILE)
    rclpy.init()
    segmenter = start("talk2dino_ros.segmenter.segmenter_main", {"model": "mini", "vocabulary": CLASSES})
    page = start("talk2dino_ros.web.robot.web_main", {"port": str(PORT)})
    client = Client(segmenter, SIZE)
    try:
        client.wait_for_a_mask()
        return [one_turn(client, page.pid, count, seconds, rate) for _ in range(turns) for count in VIEWERS]
    finally:
        for process in (segmenter, page):
            process.terminate()
            process.wait()
        client.node.destroy_node()
        rclpy.shutdown()


def one_turn(client: Client, page: int, count: int, seconds: float, rate: float) -> Turn:
    """Count masks, pictures and processor time for a while. page: the page's process."""
    options = ["--viewers", str(count), "--seconds", str(JOINING_S + seconds + 2 * SETTLING_S)]
    command = [sys.executable, "-m", __spec__.name, *options]
    viewers = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    client.turn(JOINING_S, rate)
    processes = (page, viewers.pid)
    began_s, before_s = time.monotonic(), [processor_s(each) for each in processes]
    masks = client.turn(seconds, rate)
    passed_s, after_s = time.monotonic() - began_s, [processor_s(each) for each in processes]
    page_s, viewers_s = ((after - before) / passed_s for before, after in zip(before_s, after_s, strict=True))
    pictures = json.loads(viewers.communicate()[0])
    return Turn(count, masks, statistics.median(pictures or [0.0]), page_s, viewers_s)


def be_idle() -> None:
    """Let this process have what time is left, where the system knows that."""
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def start(module: str, parameters: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start a node's process."""
    words = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
    return subprocess.Popen([sys.executable, "-m", module, "--ros-args", *words], text=True)


def figures(turns: Sequence[Turn]) -> dict[str, Any]:
    """Return the medians, and the masks with viewers as a share of those without, each turn against its own."""
    alone = [turn.masks for turn in turns if not turn.viewers]
    return {"viewers": [row(count, [turn for turn in turns if turn.viewers == count], alone) for count in VIEWERS]}


def row(count: int, turns: Sequence[Turn], alone: Sequence[float]) -> dict[str, Any]:
    """Return what is said of one number of viewers. alone: masks a second without any, turn by turn."""
    shares = [turn.masks / none for turn, none in zip(turns, alone, strict=True)]
    return {
        "count": count,
        "masks_per_s": median(turn.masks for turn in turns),
        "share_of_masks": round(statistics.median(shares), 3),
        "pictures_per_s_of_a_viewer": median(turn.pictures for turn in turns),
        "page_processor_s_per_s": round(statistics.median(turn.page_s for turn in turns), 3),
        "viewers_processor_s_per_s": round(statistics.median(turn.viewers_s for turn in turns), 3),
        "turns": [round(turn.masks, 2) for turn in turns],
        "shares": [round(share, 3) for share in shares],
    }


def median(values: Iterable[float]) -> float:
    """Return the median of rates, to two decimals."""
    return round(statistics.median(values), 2)


if __name__ == "__main__":
    main()
