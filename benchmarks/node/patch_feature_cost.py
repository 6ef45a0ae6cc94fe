# SPDX-License-Identifier: Apache-2.0
"""Measure what a listener of patch_features costs the masks: `python -m benchmarks.node.patch_feature_cost`.

A camera with depth that is faster than the model, the node, and a reader of its masks, each a process of its own, over
Fast DDS with the shipped profile. The reader listens to the features in every second turn, and nothing else changes, as
machines change their pace. Reported are the masks per second of each turn, and by how many percent the median of the
turns with features is below that of the others: the target is below 5. Beside it, by how much more processor time the
node takes for a mask, which tells the cost where other programs disturb the rates. On a machine whose model is faster
than the camera the masks have the camera's rate in every turn: give a higher --rate there, or the result says nothing.
Writes what it measured, with date, machine and versions, to benchmarks/results/.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import write_result
from benchmarks.node_overhead import PROFILE, pattern
from talk2dino_ros.ros.parameters.launch_arguments import profile_names

WIDTH, HEIGHT = 640, 480
FRAME = "optical"
ENCODINGS = ("fp16", "int8")
CLASSES = "[cup, dog, car, chair, '!wall']"
SETTLING_S = 2.0  # after a subscription came or went
PATIENCE_S = 60.0
LOADING_S = 300.0


def main() -> None:
    """Measure each encoding, print the figures, write the file; or play the camera, as a child process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini", help="model name (default: %(default)s)")
    parser.add_argument("--weights-dir", default="", help="folder with the published weights files")
    parser.add_argument(
        "--encodings", nargs="+", default=ENCODINGS, choices=ENCODINGS, help="number formats of the features"
    )
    parser.add_argument(
        "--turns", type=int, default=5, help="turns with features, and as many without (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a turn (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=30.0, help="images per second; more than the model can do")
    parser.add_argument("--camera", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.camera:
        play_camera(arguments.rate)
        return
    rows = [measure(encoding, arguments) for encoding in arguments.encodings]
    facts = {"model": arguments.model, "image": f"{WIDTH}x{HEIGHT} rgb8 with 16UC1 depth", "rate_hz": arguments.rate}
    facts["seconds_of_a_turn"] = arguments.seconds
    part = arguments.encodings if len(rows) < len(ENCODINGS) else ()
    write_result("_".join(("patch_feature_cost", arguments.model, *part)), {**facts, "encodings": rows})


def play_camera(rate: float) -> None:
    """Publish images with depth and camera_info until the process is terminated."""
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from rclpy.signals import SignalHandlerOptions
    from sensor_msgs.msg import CameraInfo, Image

    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)  # SIGTERM ends it at once
    node = rclpy.create_node("camera")
    images, depths, infos = (
        node.create_publisher(kind, topic, qos_profile_sensor_data)
        for kind, topic in ((Image, "image"), (Image, "depth"), (CameraInfo, "camera_info"))
    )
    pictures = [message_of(pattern(WIDTH, HEIGHT, number), "rgb8") for number in range(8)]
    ramp = np.tile(np.linspace(800, 6000, WIDTH).astype(np.uint16), (HEIGHT, 1))
    depth, info = message_of(ramp, "16UC1"), CameraInfo(width=WIDTH, height=HEIGHT)
    info.k = [500.0, 0.0, WIDTH / 2, 0.0, 500.0, HEIGHT / 2, 0.0, 0.0, 1.0]
    for number in itertools.count():
        image, stamp = pictures[number % len(pictures)], node.get_clock().now().to_msg()
        for message, publisher in ((depth, depths), (info, infos), (image, images)):
            message.header.stamp, message.header.frame_id = stamp, FRAME
            publisher.publish(message)
        time.sleep(1 / rate)


def message_of(values: np.ndarray, encoding: str) -> Any:
    """Make an image message of uint8 [H, W, 3] or uint16 [H, W]."""
    from sensor_msgs.msg import Image

    image = Image(width=WIDTH, height=HEIGHT, step=values[0].nbytes, encoding=encoding)
    image.data.frombytes(np.ascontiguousarray(values).tobytes())
    return image


def measure(encoding: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the processes for one encoding, turn by turn."""
    import rclpy

    os.environ[profile_names(os.environ)[0]] = str(PROFILE)
    rclpy.init()
    reader = Reader()
    children = [start_node(encoding, arguments), start_camera(arguments.rate)]
    node = children[0].pid
    try:
        reader.wait_for_a_mask()
        turns = [reader.turn(arguments.seconds, node, listens=listens) for listens in (False, True) * arguments.turns]
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(PATIENCE_S)
        reader.node.destroy_node()
        rclpy.shutdown()
    row = {"encoding": encoding, **figures(turns[::2], turns[1::2])}
    print(row)
    return row


def start_node(encoding: str, arguments: argparse.Namespace) -> subprocess.Popen[bytes]:
    """Start the segmenter with its own default rate of features."""
    parameters = {
        "model": arguments.model,
        "weights_dir": arguments.weights_dir or "''",
        "vocabulary": CLASSES,
        "background": 0.0,
        "new_reader_pause_s": 0.0,
        "features_encoding": encoding,
    }
    options = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
    return subprocess.Popen([sys.executable, "-m", "talk2dino_ros.segmenter.segmenter_main", "--ros-args", *options])


def start_camera(rate: float) -> subprocess.Popen[bytes]:
    """Start this file again as the camera."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.node.patch_feature_cost", "--camera", "--rate", str(rate)]
    )


@dataclass(frozen=True)
class Turn:
    """Masks and features per second, and the node's processor time for a mask in milliseconds."""

    masks: float
    features: float
    cpu_ms: float


def processor_s(process: int) -> float:
    """Return the processor time that all threads of a process have taken."""
    # the name in brackets may hold anything; user and system time are the 14th and 15th field, in ticks
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Reader:
    """A reader of the masks, and in some turns of the features."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.qos import qos_profile_sensor_data
        from sensor_msgs.msg import Image

        self.node = rclpy.create_node("reader")
        self.mask_times: list[float] = []
        self.features: list[float] = []
        self.node.create_subscription(
            Image, "talk2dino/mask", lambda _: self.mask_times.append(time.monotonic()), qos_profile_sensor_data
        )

    def wait_for_a_mask(self) -> None:
        """Wait until the model is loaded and masks come."""
        end_s = time.monotonic() + LOADING_S
        while not self.mask_times:
            if time.monotonic() > end_s:
                raise TimeoutError(f"no mask came in {LOADING_S:g} s, expected one; read what the node printed")
            self._serve(0.1)

    def turn(self, seconds: float, node: int, *, listens: bool) -> Turn:
        """Measure one turn; node: the segmenter's process."""
        from talk2dino_msgs.msg import PatchFeatures

        subscription = None
        if listens:
            take = (PatchFeatures, "talk2dino/patch_features", lambda _: self.features.append(time.monotonic()))
            subscription = self.node.create_subscription(*take, 1)
        self._serve(SETTLING_S)
        self.mask_times.clear()
        self.features.clear()
        began_s = processor_s(node)
        self._serve(seconds)
        spent_s = processor_s(node) - began_s
        if subscription is not None:
            self.node.destroy_subscription(subscription)
        return Turn(
            per_second(self.mask_times), per_second(self.features), 1e3 * spent_s / max(1, len(self.mask_times))
        )

    def _serve(self, seconds: float) -> None:
        import rclpy

        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            rclpy.spin_once(self.node, timeout_sec=0.05)


def per_second(times_s: list[float]) -> float:
    """Return the rate of events by the time between the first and the last; 0.0 for fewer than two."""
    return (len(times_s) - 1) / (times_s[-1] - times_s[0]) if len(times_s) > 1 else 0.0


def figures(without: list[Turn], listened: list[Turn]) -> dict[str, Any]:
    """Return the rates of each turn, and the cost in percent of the masks' rate and of the processor time of a mask."""
    cost = 100 * (1 - _median(listened, "masks") / _median(without, "masks"))
    cpu_cost = 100 * (_median(listened, "cpu_ms") / _median(without, "cpu_ms") - 1)
    return {
        "masks_per_s_without": [round(turn.masks, 2) for turn in without],
        "masks_per_s_with": [round(turn.masks, 2) for turn in listened],
        "features_per_s": [round(turn.features, 2) for turn in listened],
        "cost_percent": round(cost, 2),
        "cpu_ms_per_mask_without": [round(turn.cpu_ms, 1) for turn in without],
        "cpu_ms_per_mask_with": [round(turn.cpu_ms, 1) for turn in listened],
        "cpu_cost_percent": round(cpu_cost, 2),
    }


def _median(turns: list[Turn], name: str) -> float:
    return float(statistics.median(getattr(turn, name) for turn in turns))


if __name__ == "__main__":
    main()
