# SPDX-License-Identifier: Apache-2.0
"""A camera as a process, which may do all that a driver should not: `python -m benchmarks.chaos.camera --help`."""

from __future__ import annotations

import argparse
import itertools
import random
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.node_overhead import pattern

SECOND_NS = 10**9
SIZES = ((160, 120), (321, 241), (640, 480))
ENCODINGS = ("rgb8", "bgra8", "mono8", "bgr8")
RATES = (20.0, 5.0, 60.0)


def main() -> None:
    """Publish images until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--namespace", default="/chaos", help="namespace of the node (default: %(default)s)")
    parser.add_argument("--topic", default="image", help="topic of the images (default: %(default)s)")
    parser.add_argument("--node", default="camera", help="name of the node (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=20.0, help="images per second (default: %(default)s)")
    parser.add_argument("--size", default="160x120", help="width x height of the images (default: %(default)s)")
    parser.add_argument("--encoding", default="rgb8", help="encoding of the images (default: %(default)s)")
    parser.add_argument(
        "--stamps",
        choices=("now", "shuffled", "zero", "back"),
        default="now",
        help="what stands in header.stamp (default: %(default)s)",
    )
    parser.add_argument(
        "--clock",
        choices=("", "runs", "loops", "stops", "jumps"),
        default="",
        help="publish /clock in this way (default: not at all)",
    )
    parser.add_argument("--changes", action="store_true", help="change size, encoding and rate each second")
    parser.add_argument("--info", action="store_true", help="publish camera_info too")
    parser.add_argument(
        "--log", type=Path, help="write the stamp of each image in nanoseconds to this file, one a line"
    )
    parser.add_argument("--silent", action="store_true", help="publish nothing")
    play(parser.parse_args())


def play(options: argparse.Namespace) -> None:
    """Publish as the options say."""
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from rclpy.signals import SignalHandlerOptions
    from rosgraph_msgs.msg import Clock
    from sensor_msgs.msg import CameraInfo, Image

    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)  # SIGTERM ends it at once
    node = rclpy.create_node(options.node, namespace=options.namespace)
    images = node.create_publisher(Image, options.topic, qos_profile_sensor_data)
    info_topic = f"{options.topic.rpartition('/')[0]}/camera_info".lstrip("/")
    infos = node.create_publisher(CameraInfo, info_topic, qos_profile_sensor_data) if options.info else None
    clock = node.create_publisher(Clock, "/clock", 10) if options.clock else None
    log = options.log.open("w", buffering=1) if options.log else None  # by line, as the process is killed
    begin_s = next_s = time.monotonic()
    for number in itertools.count():
        passed_s = time.monotonic() - begin_s
        image, rate = image_at(passed_s, number, options)
        now_ns = time.time_ns() if clock is None else simulated_ns(options.clock, passed_s)
        if clock is not None:
            clock.publish(Clock(clock=time_of(now_ns)))
        stamp_ns = stamp_of(options.stamps, now_ns)
        image.header.stamp, image.header.frame_id = time_of(stamp_ns), "chaos_optical"
        if log is not None:
            log.write(f"{stamp_ns}\n")
        if not options.silent:
            images.publish(image)
        if infos is not None:
            infos.publish(CameraInfo(header=image.header, width=image.width, height=image.height))
        next_s += 1 / rate
        time.sleep(max(0.0, next_s - time.monotonic()))


def image_at(passed_s: float, number: int, options: argparse.Namespace) -> tuple[Any, float]:
    """Return the image of a moment, and the rate then."""
    width, height = map(int, options.size.split("x"))
    if not options.changes:
        return message_of(width, height, options.encoding, number % 4), options.rate
    second = int(passed_s)
    width, height = SIZES[second % len(SIZES)]
    return message_of(width, height, ENCODINGS[second % len(ENCODINGS)], 0), RATES[second % len(RATES)]


def message_of(width: int, height: int, encoding: str, number: int) -> Any:
    """Make a patterned image of the encoding."""
    from sensor_msgs.msg import Image

    channels = {"mono8": 1, "bgra8": 4}.get(encoding, 3)
    pixels = np.resize(pattern(width, height, number), (height, width, channels))
    image = Image(width=width, height=height, step=channels * width, encoding=encoding)
    image.data.frombytes(np.ascontiguousarray(pixels).data.cast("B"))
    return image


def simulated_ns(kind: str, passed_s: float) -> int:
    """Return the simulation's time: it runs, or after 2 s loops each second, stands still, or is an hour later."""
    after_s = max(0.0, passed_s - 2.0)
    moment_s = {
        "runs": passed_s,
        "loops": passed_s if not after_s else 1.0 + after_s % 1.0,
        "stops": min(passed_s, 2.0),
        "jumps": passed_s + (3600.0 if after_s else 0.0),
    }[kind]
    return round((100.0 + moment_s) * SECOND_NS)


def stamp_of(kind: str, now_ns: int) -> int:
    """Return the stamp that an image of this moment gets."""
    if kind == "shuffled":
        return now_ns - random.randrange(5 * SECOND_NS)
    return {"zero": 0, "back": max(0, 2 * SECOND_NS * 10**9 - now_ns)}.get(kind, now_ns)


def time_of(nanoseconds: int) -> Any:
    """Return a moment as a message."""
    from builtin_interfaces.msg import Time

    seconds, rest = divmod(nanoseconds, SECOND_NS)
    return Time(sec=seconds, nanosec=rest)


if __name__ == "__main__":
    main()
