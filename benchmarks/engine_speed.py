# SPDX-License-Identifier: Apache-2.0
"""How long one image takes the engine, from RGB array to class ids: `python benchmarks/engine_speed.py mini`.

Writes what it measured, with date, machine and versions, to benchmarks/results/. Weights as `weights_dir` or from the
cache; speed does not depend on their values.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import time
from pathlib import Path

import cv2
import torch

from talk2dino_ros.demo.photo_camera import PHOTOS
from talk2dino_ros.engine import Segmenter, Vocabulary, load_segmenter
from talk2dino_ros.engine.options import REFINEMENTS
from talk2dino_ros.pictures import read_picture

RESULTS = Path(__file__).parent / "results"
CLASSES = ["person", "cat", "cup", "rocket", "flag", "helmet", "chair", "table", "door", "plant"]
HEIGHT, WIDTH = 480, 640


def main() -> None:
    """Measure one model with and without refinement, print the medians, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--images", type=int, default=20, help="how many are timed, after three that are not")
    arguments = parser.parse_args()
    segmenter = load_segmenter(
        arguments.model, device=arguments.device, precision=arguments.precision, weights_dir=arguments.weights_dir
    )
    vocabulary = segmenter.encode_vocabulary(CLASSES)
    rows = {}
    for refine in REFINEMENTS:
        rows[refine] = row = _measure(segmenter.with_options(refine=refine), vocabulary, arguments.images)
        rate = 1 / row["median_s"]
        print(f"{arguments.model}, refine {refine}: median {row['median_s'] * 1e3:.0f} ms, {rate:.1f} images/s")
    _write(segmenter, rows)


def _measure(segmenter: Segmenter, vocabulary: Vocabulary, count: int) -> dict[str, float]:
    rgb = cv2.resize(read_picture(PHOTOS / "coffee.jpg"), (WIDTH, HEIGHT))
    seconds = []
    for index in range(count + 3):
        start = time.perf_counter()
        segmenter.segment(rgb, vocabulary)
        if index >= 3:
            seconds.append(time.perf_counter() - start)
    return {"median_s": statistics.median(seconds), "min_s": min(seconds), "max_s": max(seconds), "images": count}


def _write(segmenter: Segmenter, rows: dict[str, dict[str, float]]) -> None:
    today = datetime.date.today().isoformat()
    path = RESULTS / f"engine_speed_{segmenter.model.name}_{segmenter.device.replace(':', '')}_{today}.json"
    machine = {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version(), "torch": torch.__version__}
    setting = {"image": f"{WIDTH}x{HEIGHT}", "classes": len(CLASSES), "input": segmenter.options.input}
    facts = {"date": today, "model": segmenter.model.name, "device": segmenter.device, "precision": segmenter.precision}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**facts, **setting, "machine": machine, "refine": rows}, indent=2) + "\n")
    print(f"written to {path}")


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


if __name__ == "__main__":
    main()
