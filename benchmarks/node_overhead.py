# SPDX-License-Identifier: Apache-2.0
"""Measure the node's latency beside the engine's, from stamp to mask: `python -m benchmarks.node_overhead`.

A camera, the node and a best-effort reader of its masks, each a process of its own, over Fast DDS with the shipped
profile. The node writes down the moments of each image's way (the clock is the machine's, so they compare with the
camera's stamps); reported is the time from stamp to published mask less the time inside `segment`. The camera is
slower than the model, so that each image finds the model free and each one without a mask was lost. Writes what it
measured, with date, machine and versions, to benchmarks/results/. ROS 2 has to be there: `source .venv/setup.bash`.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from benchmarks.machine import write_result
from talk2dino_ros.ros.parameters.launch_arguments import profile_names
from talk2dino_ros.segmenter.statistics import percentile

HERE = Path(__file__).parent
PROFILE = HERE.parent / "config" / "fastdds.xml"
SIZES = ((640, 480), (1920, 1080))
WARM_UP = 5  # images that are not counted
CLASSES = "[cup, dog, car, chair, '!wall']"
PATIENCE_S = 60.0
PARTS = ("arrival", "before_engine", "engine", "after_engine")


def main() -> None:
    """Measure each size, print the medians, write the file; or play one part, as a child process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini", help="model name (default: %(default)s)")
    parser.add_argument(
        "--images", type=int, default=100, help="number of images that are counted for each size (default: %(default)s)"
    )
    parser.add_argument("--rate", type=float, default=2.0, help="images per second; the model has to be faster")
    parser.add_argument("--part", choices=("camera", "node"), help=argparse.SUPPRESS)
    parser.add_argument("--size", default="", help=argparse.SUPPRESS)
    parser.add_argument("--log", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part == "camera":
        width, height = map(int, arguments.size.split("x"))
        play_camera(width, height, arguments.images + WARM_UP, arguments.rate)
    elif arguments.part == "node":
        play_node(arguments.model, arguments.log)
    else:
        facts = {"model": arguments.model, "rate_hz": arguments.rate, "profile": PROFILE.name}
        rows = [measure(width, height, arguments) for width, height in SIZES]
        write_result(f"node_overhead_{arguments.model}", {**facts, "sizes": rows})


def pattern(width: int, height: int, number: int) -> np.ndarray:
    """Return a seeded picture of coloured tiles, another for each number: uint8 [H, W, 3]."""
    tiles = np.random.default_rng(number).integers(0, 256, (9, 12, 3), np.uint8)
    return np.ascontiguousarray(tiles[np.arange(height)[:, None] * 9 // height, np.arange(width) * 12 // width])


def play_camera(width: int, height: int, count: int, rate: float) -> None:
    """Wait for the node, then publish `count` images and print their stamps in nanoseconds."""
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from rclpy.time import Time
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node("camera")
    publisher = node.create_publisher(Image, "image", qos_profile_sensor_data)
    images = []
    for number in range(8):
        images.append(Image(width=width, height=height, step=3 * width, encoding="rgb8"))
        images[-1].data.frombytes(pattern(width, height, number).data.cast("B"))
    wait_until(lambda: publisher.get_subscription_count() > 0, node)
    stamps = []
    start_s = time.monotonic() + 1.0
    for number in range(count):
        time.sleep(max(start_s + number / rate - time.monotonic(), 0.0))
        image = images[number % len(images)]
        stamps.append(time.time_ns())
        image.header.stamp = Time(nanoseconds=stamps[-1]).to_msg()
        publisher.publish(image)
    time.sleep(PATIENCE_S / 20)  # the last image may still be on its way
    print(json.dumps(stamps))
    node.destroy_node()
    rclpy.shutdown()


def play_node(model: str, log: Path) -> NoReturn:
    """Run the node as `ros2 run` would, and add each image's moments to `log` as a line; ends the process."""
    from rclpy.time import Time

    from talk2dino_ros.engine import Segmenter
    from talk2dino_ros.segmenter import segmenter_main
    from talk2dino_ros.segmenter.camera import Camera

    calls: list[tuple[int, int]] = []
    segment, publish_mask = Segmenter.segment, Camera.publish_mask

    def timed_segment(self: Segmenter, *args: Any, **options: Any) -> Any:
        begin = time.time_ns()
        result = segment(self, *args, **options)
        calls.append((begin, time.time_ns()))
        return result

    def noted_publish_mask(self: Camera, frame: Any, *arrays: Any) -> None:
        publish_mask(self, frame, *arrays)
        now, stamp = time.time_ns(), Time.from_msg(frame.message.header.stamp).nanoseconds
        received = now - round((time.monotonic() - frame.received_s) * 1e9)
        with log.open("a") as file:  # the node ends the process, so that nothing could be written after it
            file.write(f"{json.dumps([stamp, received, *calls[-1], now])}\n")

    Segmenter.segment, Camera.publish_mask = timed_segment, noted_publish_mask  # type: ignore[assignment,method-assign]
    options = ["-p", f"model:={model}", "-p", f"vocabulary:={CLASSES}", "-p", "background:=0.0"]
    segmenter_main.main(["--ros-args", *options])


def measure(width: int, height: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the three processes for one size of image."""
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from rclpy.time import Time
    from sensor_msgs.msg import Image

    os.environ[profile_names(os.environ)[0]] = str(PROFILE)
    rclpy.init()
    reader = rclpy.create_node("reader")
    arrivals: dict[int, int] = {}

    def on_mask(mask: Image) -> None:
        arrivals[Time.from_msg(mask.header.stamp).nanoseconds] = time.time_ns()

    reader.create_subscription(Image, "talk2dino/mask", on_mask, qos_profile_sensor_data)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "moments.jsonl"
        node = start(arguments, "node", "--log", str(log))
        wait_until(lambda: reader.count_publishers("talk2dino/mask") > 0, reader)
        camera = start(arguments, "camera", "--size", f"{width}x{height}")
        while camera.poll() is None:
            rclpy.spin_once(reader, timeout_sec=0.1)
        stamps = json.loads(camera.communicate()[0])[WARM_UP:]
        node.send_signal(signal.SIGINT)
        node.wait(PATIENCE_S)
        moments = {stamp: values for stamp, *values in map(json.loads, log.read_text().splitlines())}
    reader.destroy_node()
    rclpy.shutdown()
    row = {"image": f"{width}x{height} rgb8", **figures(stamps, moments, arrivals)}
    print(json.dumps(row, indent=2))
    return row


def start(arguments: argparse.Namespace, part: str, *more: str) -> subprocess.Popen[str]:
    """Start this file again as one part."""
    given = ["--model", arguments.model, "--images", str(arguments.images), "--rate", str(arguments.rate)]
    command = [sys.executable, "-m", __spec__.name, "--part", part, *given, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE if part == "camera" else None, text=True)


def wait_until(condition: Any, node: Any) -> None:
    """Serve the node until the condition holds; fail after a while."""
    import rclpy

    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError("the other process did not come up; read what it printed")
        rclpy.spin_once(node, timeout_sec=0.1)


def figures(stamps: list[int], moments: dict[int, list[int]], arrivals: dict[int, int]) -> dict[str, Any]:
    """Return medians and 99th percentiles in ms of the parts of the way, and counts."""
    ways = [(stamp, *moments[stamp]) for stamp in stamps if stamp in moments]
    parts: dict[str, list[float]] = {"overhead": []}
    for moment, *later in ways:
        steps = np.diff([moment, *later]) / 1e6
        for name, step in zip(PARTS, steps, strict=True):
            parts.setdefault(name, []).append(float(step))
        parts["overhead"].append(float(steps.sum() - steps[2]))
    parts["mask_to_reader"] = [(arrivals[way[0]] - way[-1]) / 1e6 for way in ways if way[0] in arrivals]
    times = {
        name: {"p50_ms": round(percentile(values, 0.5), 2), "p99_ms": round(percentile(values, 0.99), 2)}
        for name, values in parts.items()
    }
    read = sum(way[0] in arrivals for way in ways)
    counts = {"images": len(stamps), "masks": len(ways), "images_lost": len(stamps) - len(ways)}
    return {**counts, "share_of_masks_read": round(read / max(len(ways), 1), 4), **times}


if __name__ == "__main__":
    main()
