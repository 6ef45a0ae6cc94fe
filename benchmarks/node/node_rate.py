# SPDX-License-Identifier: Apache-2.0
"""Measure how much of the engine's rate comes through the node: `python -m benchmarks.node.node_rate`.

The node, and a client that is its camera and the reader of its masks, each a process of its own, over Fast DDS with the
shipped profile. In every second turn no image comes, and the node's own segmenter segments the same pictures one after
the other; in the others images come half as fast again as that, and the masks that arrive are counted. In turn, as
machines change their pace. The target is 80 % of the engine's images per second. A ViT-B gets seeded weights, as speed
does not depend on their values. Writes what it measured, with date, machine and versions, to benchmarks/results/.
ROS 2 has to be there: `source .venv/setup.bash`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from benchmarks.machine import write_result
from benchmarks.node_overhead import CLASSES, PROFILE, pattern
from talk2dino_ros.ros.parameters.launch_arguments import profile_names


class Row(NamedTuple):
    """A row of docs/benchmark.md: the node's parameters, and the camera's width and height."""

    parameters: dict[str, str]
    size: tuple[int, int]

    @property
    def model(self) -> str:
        return self.parameters["model"]


ROWS = {
    "mini": Row({"model": "mini"}, (640, 480)),
    "fast": Row({"model": "talk2dino_vitb", "preset": "fast"}, (640, 480)),
    "image": Row({"model": "talk2dino_vitb"}, (600, 400)),
}
TARGET = 0.8
FASTER = 1.5  # images come by so much faster than the engine segments them
SETTLING_S = 1.0  # from the first image of a turn until masks are counted
LOADING_S = 300.0
PICTURES = 8


def main() -> None:
    """Measure each row, print the figures, write the file; or be the node, as a child process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="+", default=tuple(ROWS), choices=ROWS, help="which rows (default: all)")
    parser.add_argument(
        "--turns", type=int, default=6, help="turns of the node, and as many of the engine (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="length of a turn (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="write here, and not into benchmarks/results")
    parser.add_argument("--node", default="", help=argparse.SUPPRESS)
    parser.add_argument("--weights-dir", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.node:
        be_node(ROWS[arguments.node], arguments.weights_dir, arguments.seconds)
    with tempfile.TemporaryDirectory() as folder:
        weights = {row: seeded(ROWS[row].model, Path(folder)) for row in arguments.rows}
        rows = [measure(row, weights[row], arguments.turns, arguments.seconds) for row in arguments.rows]
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=2) + "\n")
    else:
        write_result("node_rate", {"seconds_of_a_turn": arguments.seconds, "rows": rows})


def seeded(model: str, folder: Path) -> str:
    """Write seeded weights where a model needs files, once; return the weights_dir."""
    if model == "mini":
        return ""
    if not (folder / model).exists():
        from talk2dino_ros.engine.bench.seeded import write_seeded_weights

        write_seeded_weights(model, folder / model)
    return str(folder / model)


def measure(name: str, weights_dir: str, turns: int, seconds: float) -> dict[str, Any]:
    """Run a row's node and client, turn by turn."""
    import rclpy

    os.environ[profile_names(os.environ)[0]] = str(PROFILE)
    rclpy.init()
    options = ["--node", name, "--weights-dir", weights_dir, "--seconds", str(seconds)]
    node = subprocess.Popen(
        [sys.executable, "-m", __spec__.name, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    client = Client(node, ROWS[name].size)
    engine, masks = [], []
    try:
        client.wait_for_a_mask()
        for _ in range(turns):
            engine.append(engine_turn(node))
            masks.append(client.turn(seconds, FASTER * engine[-1]))
    finally:
        node.terminate()
        node.communicate(timeout=LOADING_S)
        client.node.destroy_node()
        rclpy.shutdown()
    width, height = ROWS[name].size
    row = {"row": name, **ROWS[name].parameters, "image": f"{width}x{height} rgb8", **figures(engine, masks)}
    print(json.dumps(row, indent=2), flush=True)
    return row


def engine_turn(node: "subprocess.Popen[str]") -> float:
    """Have the node's segmenter segment pictures, without a camera; return how many a second."""
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.write("\n")
    node.stdin.flush()
    return float(node.stdout.readline())


def figures(engine: Sequence[float], masks: Sequence[float]) -> dict[str, Any]:
    """Return images a second of the engine and masks a second of the node, and the median turn's share of it."""
    shares = [through / alone for alone, through in zip(engine, masks, strict=True)]
    share = statistics.median(shares)
    rates = {"engine_per_s": engine, "node_per_s": masks, "shares": shares}
    return {
        "share": round(share, 3),
        "holds": share >= TARGET,
        "engine_median_per_s": round(statistics.median(engine), 2),
        "node_median_per_s": round(statistics.median(masks), 2),
        **{name: [round(value, 3) for value in values] for name, values in rates.items()},
    }


def per_second(moments_s: Sequence[float]) -> float:
    """Return the rate of what came at these moments: its intervals in the time from the first to the last."""
    return (len(moments_s) - 1) / (moments_s[-1] - moments_s[0]) if len(moments_s) > 1 else 0.0


class Client:
    """A camera, and a reader of the masks. size: the images' width and height."""

    def __init__(self, process: "subprocess.Popen[str]", size: tuple[int, int]) -> None:
        import rclpy
        from rclpy.qos import qos_profile_sensor_data
        from sensor_msgs.msg import Image

        self.node = rclpy.create_node("client")
        self._spin_once = rclpy.spin_once
        self._process = process
        self._images = [
            Image(width=size[0], height=size[1], step=3 * size[0], encoding="rgb8") for _ in range(PICTURES)
        ]
        for number, image in enumerate(self._images):
            image.data.frombytes(pattern(*size, number).tobytes())
        self._arrivals_s: list[float] = []
        self._publisher = self.node.create_publisher(Image, "image", qos_profile_sensor_data)
        self.node.create_subscription(Image, "talk2dino/mask", self._on_mask, qos_profile_sensor_data)

    def _on_mask(self, _mask: Any) -> None:
        self._arrivals_s.append(time.monotonic())

    def wait_for_a_mask(self) -> None:
        """Send an image a second until a mask comes."""
        end_s = time.monotonic() + LOADING_S
        while not self._arrivals_s:
            if time.monotonic() > end_s or self._process.poll() is not None:
                raise TimeoutError("no mask came; read what the node printed")
            self._send(1.0, 1.0)

    def turn(self, seconds: float, rate: float) -> float:
        """Send images for a while and return the masks a second that came; then wait for the last one."""
        self._send(SETTLING_S, rate)
        self._arrivals_s.clear()
        self._send(seconds, rate)
        found = per_second(self._arrivals_s)
        self._serve(time.monotonic() + SETTLING_S)
        return found

    def _send(self, seconds: float, rate: float) -> None:
        begin_s = time.monotonic()
        for number in range(max(1, round(seconds * rate))):
            image = self._images[number % PICTURES]
            image.header.stamp = self.node.get_clock().now().to_msg()
            self._publisher.publish(image)
            self._serve(begin_s + (number + 1) / rate)

    def _serve(self, until_s: float) -> None:
        while (left_s := until_s - time.monotonic()) > 0:
            self._spin_once(self.node, timeout_sec=left_s)


def be_node(row: Row, weights_dir: str, seconds: float) -> NoReturn:
    """Run the node as `ros2 run` would, and beside it, for each line that comes in, a turn of its engine alone."""
    from benchmarks.node.start_cost import allow_any_weights
    from talk2dino_ros.segmenter import segmenter_main, segmenter_node

    activate = segmenter_node.SegmenterNode._activate

    def activate_and_listen(self: segmenter_node.SegmenterNode) -> None:
        activate(self)
        threading.Thread(target=serve_turns, args=(self, row.size, seconds), daemon=True).start()

    segmenter_node.SegmenterNode._activate = activate_and_listen  # type: ignore[method-assign]
    if weights_dir:
        allow_any_weights(row.model)
    values = {**row.parameters, "vocabulary": CLASSES, "weights_dir": f"'{weights_dir}'"}
    options = [word for name, value in values.items() for word in ("-p", f"{name}:={value}")]
    segmenter_main.main(["--ros-args", *options])


def serve_turns(node: Any, size: tuple[int, int], seconds: float) -> None:
    """Segment pictures with what the node has, as long as a turn, for each line that comes in; print the rate."""
    pictures: list[np.ndarray] = [pattern(*size, number) for number in range(PICTURES)]
    for _ in sys.stdin:
        active = node._pipeline.active
        ends_s = [time.monotonic()]
        while ends_s[-1] < ends_s[0] + seconds:
            active.segmenter.segment(pictures[len(ends_s) % PICTURES], active.vocabulary)
            ends_s.append(time.monotonic())
        print(per_second(ends_s), flush=True)


if __name__ == "__main__":
    main()
