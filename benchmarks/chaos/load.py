# SPDX-License-Identifier: Apache-2.0
"""Put a node under load for minutes: `python -m benchmarks.chaos.load --minutes 30`.

Several cameras faster than the model, each a process, and 150 words. It shows that the newest image wins, that each
image is counted as a mask or as dropped, and by how much the node's memory grows in an hour, from a line through its
samples. Writes a JSON file and a table beside it to benchmarks/results/. ROS 2 has to be there: `source
.venv/setup.bash`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.chaos.__main__ import set_environment
from benchmarks.chaos.fault import ChaosError
from benchmarks.chaos.stage import ROOT, Stage
from benchmarks.chaos.victim import MANY, SECOND_NS, Victim
from benchmarks.machine import write_result
from benchmarks.node_soak import sample
from benchmarks.soak_figures import Mask, Sample, ages_of, counts_of, growth_mb_per_hour
from talk2dino_ros.engine.bench.machine import machine_line
from talk2dino_ros.engine.text.counted import counted

WORDS = ROOT / "talk2dino_ros" / "engine" / "data" / "dataset_classes.json"
NAMESPACE = "/load"
SAMPLE_S = 5.0
SETTLING_S = 10.0  # for the last masks and the last counts
COUNTS = ("published", "received", "processed", "dropped", "wrong", "unaccounted")
WARM_UP_MASKS = 20  # of each camera, before the memory at the start is read


def main() -> None:
    """Run node and cameras, print what came out, write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long images come (default: %(default)s)")
    parser.add_argument("--cameras", type=int, default=4, help="number of cameras (default: %(default)s)")
    parser.add_argument(
        "--classes", type=int, default=150, help="number of words, at most ADE20K's 150 (default: %(default)s)"
    )
    parser.add_argument("--rate", type=float, default=30.0, help="images per second of each camera")
    parser.add_argument("--size", default="640x480", help="width x height of the images (default: %(default)s)")
    parser.add_argument("--cache", type=Path, help="folder whose caches are used and kept (default: an empty one)")
    parser.add_argument("--output", type=Path, help="write here, and not into benchmarks/results")
    parser.add_argument("--note", default="", help="what else a reader has to know, such as who used the machine too")
    options = parser.parse_args()
    keys = ("minutes", "cameras", "classes", "rate", "size", "note")
    try:
        facts = {key: value for key, value in vars(options).items() if key in keys} | run(options)
    except ChaosError as error:
        sys.exit(f"load: {error}")
    path = write_result("load_mini", facts, options.output)
    lines = table_lines(facts, machine_line(json.loads(path.read_text())["machine"]), path.name)
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Put the node under load; return the figures of each camera, and of the node."""
    names = [f"camera_{number}" for number in range(options.cameras)]
    with tempfile.TemporaryDirectory(prefix="talk2dino_load_") as folder:
        set_environment(Path(folder), options.cache)
        stage = Stage(Path(folder))
        try:
            return measure(stage, names, options)
        finally:
            stage.close()


def measure(stage: Stage, names: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Return what was measured; the cameras end before the counts are read."""
    node = stage.start_segmenter(NAMESPACE, f"cameras:=[{', '.join(names)}]")
    take_words(node, options.classes)
    masks = {name: subscribe(stage, f"{node.name}/{name}/mask") for name in names}
    with ExitStack() as cameras:
        for name in names:
            log = ("--log", str(stage.folder / f"{name}.txt"))
            words = ("--namespace", NAMESPACE, "--topic", f"{name}/image", "--node", name, "--size", options.size)
            cameras.enter_context(stage.camera(*words, "--rate", str(options.rate), *log))
        stage.wait(lambda: all(len(each) >= WARM_UP_MASKS for each in masks.values()), "the first masks", 600.0)
        memory, own = [sample(node.process.pid)], [own_sample(node)]
        end_s = time.monotonic() + options.minutes * 60
        while time.monotonic() < end_s:
            stage.spin(SAMPLE_S)
            memory.append(sample(node.process.pid))
            own.append(own_sample(node))
    stage.spin(SETTLING_S)
    rows = [camera_row(stage, node, name, masks[name], memory) for name in names]
    ending = node.end()
    figures = {"memory": memory_figures(memory), "own_memory": memory_figures(own)}
    return {"by_camera": rows, **figures, "exit_code": ending.code}


def own_sample(node: Victim) -> Sample:
    """Return what the node holds itself, without files and shared memory, whose pages come one after the other."""
    return Sample(time.time_ns(), node.resources()["memory_mb"])


def take_words(node: Victim, count: int) -> None:
    """Let the node look for so many words; raise ChaosError where it refuses."""
    from talk2dino_msgs.srv import SetVocabulary

    words = json.loads(WORDS.read_text())["ade20k"][:count]
    reply = node.call(SetVocabulary, "set_vocabulary", classes=[word.replace(",", " ") for word in words])
    if not reply.success:
        raise ChaosError(reply.message)


def subscribe(stage: Stage, topic: str) -> list[Mask]:
    """Return the list that fills with a topic's masks."""
    from rclpy.qos import QoSProfile
    from rclpy.time import Time
    from sensor_msgs.msg import Image

    masks: list[Mask] = []

    def on_mask(mask: Any, info: dict[str, int]) -> None:
        masks.append(Mask(Time.from_msg(mask.header.stamp).nanoseconds, info["source_timestamp"]))

    stage.node.create_subscription(Image, topic, on_mask, QoSProfile(depth=MANY))
    return masks


def camera_row(stage: Stage, node: Victim, name: str, masks: list[Mask], memory: list[Sample]) -> dict[str, Any]:
    """Return one camera's counts, and the ages of its masks since the memory was first read."""
    stamps = [int(line) for line in (stage.folder / f"{name}.txt").read_text().split("\n")[:-1]]
    counts = counts_of(node.status(f"camera {name}").values)
    return {"camera": name, "images_published": len(stamps), **counts} | ages_of(
        stamps, [mask for mask in masks if mask.published >= memory[0].when]
    )


def memory_figures(memory: list[Sample]) -> dict[str, float]:
    """Return the node's memory in MB, and its growth by a line through the samples of the last four fifths."""
    return {
        "minutes": round((memory[-1].when - memory[0].when) / SECOND_NS / 60, 2),
        "begin_mb": memory[0].resident_mb,
        "end_mb": memory[-1].resident_mb,
        "most_mb": max(each.resident_mb for each in memory),
        "growth_mb_per_hour": round(growth_mb_per_hour(memory[len(memory) // 5 :]), 1),
    }


def table_lines(facts: dict[str, Any], machine: str, json_name: str) -> list[str]:
    """Return the results as Markdown lines."""
    memory, own = facts["memory"], facts["own_memory"]
    lines = [
        f"# {counted(facts['cameras'], 'camera')} at {facts['rate']:g} Hz, {facts['size']}, "
        f"{counted(facts['classes'], 'class', 'classes')}, `mini`",
        "",
        f"Written by `python -m benchmarks.chaos.load` from [{json_name}]({json_name}). {facts['note']}".rstrip(),
        "",
        f"{machine}.",
        "",
        f"Memory of the node over {memory['minutes']:g} minutes: {memory['begin_mb']:g} MB after warm-up, "
        f"{memory['end_mb']:g} MB at the end, {memory['most_mb']:g} MB at most; by a line through the samples it "
        f"changes by {memory['growth_mb_per_hour']:g} MB an hour. Without files and shared memory {own['begin_mb']:g}, "
        f"{own['end_mb']:g} and {own['most_mb']:g} MB, and {own['growth_mb_per_hour']:g} MB an hour. "
        f"The node ended with exit code {facts['exit_code']}.",
        "",
        "| camera | published | received | masks | dropped | wrong | unaccounted | newer images passed over: times | "
        "out of order | stamp to mask, ms |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in facts["by_camera"]:
        passed = ", ".join(f"{k}: {n}" for k, n in row["newer_images_when_the_model_took_one"].items())
        counts = [
            row[f"images_{key}"] for key in ("published", "received", "processed", "dropped", "wrong", "unaccounted")
        ]
        cells = [row["camera"], *counts, passed, row["masks_out_of_order"], row["stamp_to_mask_ms"].get("p50", "")]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


if __name__ == "__main__":
    main()
