# SPDX-License-Identifier: Apache-2.0
"""Soak test: images faster than the model, for ten minutes: `python -m benchmarks.node_soak`.

A camera at 30 images a second, the node as `ros2 run` starts it, and a reader of its masks, each a process of its own,
over Fast DDS with the shipped profile. It shows whether the node's memory stays flat, and whether the newest image
always wins (soak_figures.py). Writes a JSON file and a table beside it to benchmarks/results/. ROS 2 has to be there:
`source .venv/setup.bash`.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import write_result
from benchmarks.node_overhead import CLASSES, PATIENCE_S, PROFILE
from benchmarks.soak_figures import MINUTE_NS, Mask, Sample, ages_of, by_minute, counts_of, said, table_lines
from talk2dino_ros.engine.bench.machine import machine_line
from talk2dino_ros.ros.parameters.launch_arguments import profile_names

CAMERA = "benchmarks.node_overhead"
SIZE = "640x480"
WARM_UP_MASKS = 50  # before the memory at the start is read, and before anything is counted
AFTERWARDS_S = 10.0  # for the last mask and the last diagnostics


def main() -> None:
    """Run the three processes, print what came out, write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini", help="model name (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long images come (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=30.0, help="images per second; the model has to be slower")
    parser.add_argument("--note", default="", help="what else a reader has to know, such as who used the machine too")
    arguments = parser.parse_args()
    facts = {"model": arguments.model, "image": f"{SIZE} rgb8", "rate_hz": arguments.rate, "note": arguments.note}
    facts |= soak(arguments)
    path = write_result(f"node_soak_{arguments.model}", {"said": said(facts), **facts})
    written = json.loads(path.read_text())
    table = "\n".join(table_lines(written, machine_line(written["machine"]), path.name)) + "\n"
    path.with_suffix(".md").write_text(table)
    print(table)


def soak(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run node and camera, and gather the masks, the node's memory every minute, and its own counts at the end."""
    variable = profile_names(os.environ)[0]
    os.environ[variable] = str(PROFILE)
    with tempfile.TemporaryFile("w+") as printed:
        reader, node, camera = Reader(), start_node(arguments.model), start_camera(arguments, printed)
        try:
            reader.wait(lambda: reader.masks, node)
            reader.wait(lambda: len(reader.masks) >= WARM_UP_MASKS, node)
            memory = [sample(node.pid)]
            while camera.poll() is None:
                reader.spin_once()
                if time.time_ns() - memory[0].when >= len(memory) * MINUTE_NS:
                    memory.append(sample(node.pid))
            end_s = time.monotonic() + AFTERWARDS_S
            reader.wait(lambda: time.monotonic() > end_s, node)
            memory.append(sample(node.pid))
        finally:
            camera.terminate()  # where it has not ended by itself
            node.send_signal(signal.SIGINT)
            code = node.wait(PATIENCE_S)
            reader.destroy()
        printed.seek(0)
        stamps = json.loads(printed.read())
    masks = [mask for mask in reader.masks if mask.published >= memory[0].when]
    counts = {"exit_code": code, "images_published": len(stamps), **counts_of(reader.counts)}
    return {**counts, **ages_of(stamps, masks), "memory": by_minute(stamps, masks, memory)}


def start_node(model: str) -> "subprocess.Popen[bytes]":
    """Start the node as `ros2 run` does, with the parameters of node_overhead.py."""
    values = {"model": model, "vocabulary": CLASSES, "background": 0.0, "text_cache_dir": "none"}
    options = [word for name, value in values.items() for word in ("-p", f"{name}:={value}")]
    return subprocess.Popen([sys.executable, "-m", "talk2dino_ros.segmenter.segmenter_main", "--ros-args", *options])


def start_camera(arguments: argparse.Namespace, output: Any) -> "subprocess.Popen[bytes]":
    """Start the camera of node_overhead.py, which prints the stamps of its images when it ends."""
    images = str(round(arguments.minutes * 60 * arguments.rate))
    options = ["--part", "camera", "--size", SIZE, "--images", images, "--rate", str(arguments.rate)]
    return subprocess.Popen([sys.executable, "-m", CAMERA, *options], stdout=output)


class Reader:
    """Notes every mask, and the node's counts of the images; keeps no picture."""

    def __init__(self) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from rclpy.time import Time
        from sensor_msgs.msg import Image

        self.masks: list[Mask] = []
        self.counts: dict[str, str] = {}
        self._rclpy = rclpy
        rclpy.init()
        self.node = rclpy.create_node("reader")

        def on_mask(mask: Image, info: dict[str, int]) -> None:
            self.masks.append(Mask(Time.from_msg(mask.header.stamp).nanoseconds, info["source_timestamp"]))

        def on_diagnostics(array: DiagnosticArray) -> None:
            for status in array.status:
                if "camera" in status.name:
                    self.counts = {pair.key: pair.value for pair in status.values}

        self.node.create_subscription(Image, "talk2dino/mask", on_mask, 10)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", on_diagnostics, 10)

    def spin_once(self) -> None:
        """Serve what has come, for a tenth of a second at most."""
        self._rclpy.spin_once(self.node, timeout_sec=0.1)

    def wait(self, condition: Any, node: "subprocess.Popen[bytes]") -> None:
        """Serve what comes until the condition holds; fail where the node ends or nothing happens."""
        end_s = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end_s or node.poll() is not None:
                raise TimeoutError("the node did not come up or ended early; read what it printed")
            self.spin_once()

    def destroy(self) -> None:
        self.node.destroy_node()
        self._rclpy.shutdown()


def sample(pid: int) -> Sample:
    """Return a process's resident memory now (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Sample(time.time_ns(), round(pages * resource.getpagesize() / 1e6, 1))


if __name__ == "__main__":
    main()
