# SPDX-License-Identifier: Apache-2.0
"""Measure ~/set_vocabulary and the images' latency meanwhile: `python -m benchmarks.vocabulary_latency`.

A node in a process of its own and one client. Known words come from the text cache; new words are encoded without
images, and while images come at a rate that the model can just keep up with, in turn with images alone. A DINO model
without --weights-dir gets seeded weights, for speed does not depend on their values. Writes to benchmarks/results/.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from benchmarks.machine import write_result
from talk2dino_ros.ros.parameters.launch_arguments import profile_names
from talk2dino_ros.segmenter.statistics import percentile

PROFILE = Path(__file__).resolve().parent.parent / "config" / "fastdds.xml"
PATIENCE_S = 300.0
SLACK = 1.25  # the images' period, in the time that the model needs for one
HEIGHT, WIDTH = 480, 640
KNOWN = ["door", "fire extinguisher", "coffee cup", "potted plant", "person: person, person in a yellow vest", "!wall"]
NEW = [
    "chair", "table", "open door", "forklift", "pallet", "cardboard box", "charging station", "traffic cone",
    "laptop", "window", "red backpack", "dog", "cat", "television", "whiteboard", "shelf", "stairs", "elevator",
    "trash can", "shoe",
]  # fmt: skip


def main() -> None:
    """Measure one model, print the figures, write the file; or be the node, as a child process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini", help="model name (default: %(default)s)")
    parser.add_argument("--weights-dir", default="", help="folder with the published weights files")
    parser.add_argument("--rounds", type=int, default=10, help="rounds, each of 20 new words (default: %(default)s)")
    parser.add_argument(
        "--images",
        type=int,
        default=8,
        help="images of a round that are timed without a change of words (default: %(default)s)",
    )
    parser.add_argument("--node", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.node:
        play_node(arguments.model, arguments.weights_dir, arguments.node)
    with tempfile.TemporaryDirectory() as folder:
        weights_dir = arguments.weights_dir or seeded(arguments.model, folder)
        facts = measure(arguments, lambda: start_node(arguments.model, weights_dir, folder))
    facts = {"model": arguments.model, "seeded_weights": weights_dir != arguments.weights_dir, **facts}
    for name, value in facts.items():
        print(f"{name}: {value}")
    write_result(f"vocabulary_latency_{arguments.model}", facts)


def seeded(model: str, folder: str) -> str:
    """Write seeded weights where the model needs files; return the weights_dir."""
    if model == "mini":
        return ""
    from talk2dino_ros.engine.bench.seeded import write_seeded_weights

    write_seeded_weights(model, Path(folder) / "weights")
    return str(Path(folder) / "weights")


def play_node(model: str, weights_dir: str, text_cache_dir: str) -> NoReturn:
    """Run the node as `ros2 run` would; seeded files have other sums than the published ones."""
    from talk2dino_ros.engine.bench.seeded import without_sums
    from talk2dino_ros.engine.models import registry
    from talk2dino_ros.segmenter import segmenter_main

    if model != "mini":
        registry.MODELS[model] = without_sums(registry.MODELS[model])
    values = {"model": model, "weights_dir": f"'{weights_dir}'", "text_cache_dir": text_cache_dir, "vocabulary": KNOWN}
    options = [word for name, value in values.items() for word in ("-p", f"{name}:={value}")]
    segmenter_main.main(["--ros-args", *options])


def start_node(model: str, weights_dir: str, text_cache_dir: str) -> "subprocess.Popen[bytes]":
    """Start this file again as the node."""
    options = ["--model", model, "--weights-dir", weights_dir, "--node", text_cache_dir]
    return subprocess.Popen([sys.executable, "-m", __spec__.name, *options])


class Client:
    """Sends images, notes when their masks come (ms after the image), and sets vocabularies."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.qos import QoSProfile
        from rclpy.time import Time
        from sensor_msgs.msg import Image
        from talk2dino_msgs.srv import SetVocabulary

        os.environ.setdefault(profile_names(os.environ)[0], str(PROFILE))
        rclpy.init()
        self.node = rclpy.create_node("client")
        self._spin_once = rclpy.spin_once
        self._time = Time
        self._publisher = self.node.create_publisher(Image, "image", QoSProfile(depth=1))
        self._image = Image(width=WIDTH, height=HEIGHT, step=3 * WIDTH, encoding="rgb8")
        tiles = np.random.default_rng(0).integers(0, 256, (HEIGHT // 40, WIDTH // 40, 3), np.uint8)
        self._image.data.frombytes(tiles.repeat(40, axis=0).repeat(40, axis=1).tobytes())
        self.process: subprocess.Popen[bytes]  # the node
        self.latencies: dict[int, float] = {}
        self.sent: list[int] = []
        self.period_s = 0.0
        self.node.create_subscription(Image, "talk2dino/mask", self._on_mask, QoSProfile(depth=10))
        self._request = SetVocabulary.Request
        self._service = self.node.create_client(SetVocabulary, "talk2dino/set_vocabulary")

    def _on_mask(self, mask: Any) -> None:
        stamp = self._time.from_msg(mask.header.stamp).nanoseconds
        self.latencies[stamp] = (time.time_ns() - stamp) / 1e6

    def wait(self, condition: Callable[[], object], what: str, timeout_s: float = PATIENCE_S) -> None:
        """Serve callbacks until the condition holds."""
        end_s = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end_s or self.process.poll() is not None:
                raise TimeoutError(f"waited in vain for {what}; read what the node printed")
            self._spin_once(self.node, timeout_sec=0.02)

    def wait_until_active(self) -> None:
        """Wait for the node, then for the mask of a first image."""
        self.wait(lambda: self._publisher.get_subscription_count() > 0 and self._service.service_is_ready(), "the node")
        self.wait(lambda: self.node.count_publishers("talk2dino/mask") > 0, "the mask's publisher")
        for _ in range(3):
            self.image_alone()

    def send(self) -> int:
        """Publish the image; return its stamp."""
        stamp = time.time_ns()
        self._image.header.stamp = self._time(nanoseconds=stamp).to_msg()
        self._publisher.publish(self._image)
        self.sent.append(stamp)
        return stamp

    def image_alone(self) -> float:
        """Send an image, wait for its mask, return the ms between; one that got lost is sent anew."""
        stamps = [self.send()]

        def is_there() -> bool:
            if time.time_ns() - stamps[-1] > 20e9:
                stamps.append(self.send())
            return stamps[-1] in self.latencies

        self.wait(is_there, "a mask")
        return self.latencies[stamps[-1]]

    def set_vocabulary(self, classes: list[str]) -> tuple[float, float]:
        """Return the seconds from request to reply, and the node's own count of them."""
        start_s = time.monotonic()
        future = self._service.call_async(self._request(classes=classes))
        while not future.done():
            self._spin_once(self.node, timeout_sec=0.02)
        took_s, reply = time.monotonic() - start_s, future.result()
        if not reply.success or "cache" in reply.message:
            raise RuntimeError(reply.message)
        return took_s, reply.seconds


def measure(arguments: argparse.Namespace, start: Callable[[], "subprocess.Popen[bytes]"]) -> dict[str, Any]:
    """Start the node twice, so that the second knows its first words, and take all figures from the second."""
    client = Client()
    starts = []
    for number in range(2):
        start_s = time.monotonic()
        node = client.process = start()
        try:
            client.wait_until_active()
            starts.append(round(time.monotonic() - start_s, 1))
            if number == 1:
                facts = figures(client, arguments)
        finally:
            node.send_signal(signal.SIGINT)
            node.wait(PATIENCE_S)
    return {"start_with_new_words_s": starts[0], "start_with_known_words_s": starts[1], **facts}


def figures(client: Client, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one node."""
    rounds = [one_round(client, f"number {number}", arguments.images) for number in range(arguments.rounds)]
    quiet, meanwhile = ([latency for each in rounds for latency in each[part]] for part in ("quiet", "meanwhile"))
    known_with_images = with_images(client, lambda: [client.set_vocabulary(KNOWN) for _ in range(30)])
    known = [client.set_vocabulary(KNOWN) for _ in range(50)]
    alone = [client.set_vocabulary(words(f"quiet {number}")) for number in range(arguments.rounds)]
    return {
        "image_period_ms": [round(each["period_s"] * 1e3, 1) for each in rounds],
        "image_ms": {"without_encoding": spread(quiet), "while_20_new_words_are_encoded": spread(meanwhile)},
        "image_ms_with_encoding_to_without_by_round": [ratio(each) for each in rounds],
        "set_vocabulary_ms": {
            "known_words": spread([1e3 * took_s for took_s, _ in known]),
            "known_words_in_the_node": spread([1e3 * own_s for _, own_s in known]),
            "known_words_with_images": spread([1e3 * took_s for took_s, _ in known_with_images]),
            "20_new_words": spread([1e3 * took_s for took_s, _ in alone]),
            "20_new_words_with_images": spread([1e3 * each["took_s"] for each in rounds]),
        },
    }


def one_round(client: Client, prefix: str, images: int) -> dict[str, Any]:
    """Let images flow, a number of them alone and then some while 20 new words are encoded.

    In turn, and each time at the pace that the model has just then: a machine that others share changes its own.
    """
    took_s: list[float] = []

    def both() -> dict[str, Any]:
        quiet = during(client, lambda: settle(client, images * client.period_s))
        meanwhile = during(client, lambda: took_s.append(client.set_vocabulary(words(prefix))[0]))
        return {"quiet": quiet, "meanwhile": meanwhile}

    return {**with_images(client, both), "period_s": client.period_s, "took_s": took_s[0]}


def with_images(client: Client, action: Callable[[], Any]) -> Any:
    """Do something while images come at a rate that the model can just keep up with."""
    client.period_s = SLACK * percentile([client.image_alone() for _ in range(7)], 0.5) / 1e3
    timer = client.node.create_timer(client.period_s, client.send)
    result = action()
    client.node.destroy_timer(timer)
    settle(client, 2.0)
    return result


def ratio(one: dict[str, Any]) -> float | None:
    """Return a round's median latency while words were encoded in that without; None where no image came meanwhile."""
    quiet, meanwhile = ([value for value in one[part] if value is not None] for part in ("quiet", "meanwhile"))
    return round(percentile(meanwhile, 0.5) / percentile(quiet, 0.5), 2) if quiet and meanwhile else None


def words(prefix: str) -> list[str]:
    """Return 20 classes that no earlier call had."""
    return [f"{prefix} {word}" for word in NEW]


def settle(client: Client, seconds: float) -> None:
    """Serve callbacks for a time."""
    end_s = time.monotonic() + seconds
    client.wait(lambda: time.monotonic() > end_s, "the end of a pause")


def during(client: Client, action: Callable[[], object]) -> list[float | None]:
    """Return the latency of each image that was sent during an action, None where no mask came."""
    begin = len(client.sent)
    action()
    stamps = client.sent[begin:]
    settle(client, 3.0)
    return [client.latencies.get(stamp) for stamp in stamps]


def spread(values: list[float] | list[float | None]) -> dict[str, float | int]:
    """Return median, 99th percentile and largest; how many, and how many never came."""
    there = [value for value in values if value is not None]
    if not there:
        return {"count": 0, "lost": len(values)}
    figures = {"p50": percentile(there, 0.5), "p99": percentile(there, 0.99), "max": max(there)}
    return {**{k: round(v, 1) for k, v in figures.items()}, "count": len(there), "lost": len(values) - len(there)}


if __name__ == "__main__":
    main()
