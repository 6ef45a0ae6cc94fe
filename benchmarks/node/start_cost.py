# SPDX-License-Identifier: Apache-2.0
"""Measure what a start of the segmenter costs: `python -m benchmarks.node.start_cost`.

The node is started with an empty cache folder, and then again with what that start has kept: seconds from the process's
begin to the state active, and where they went, the peak of its resident memory, the self-check by stage, and what
OpenVINO's conversion and the reading of a converted encoder took. Weights that cannot be had are seeded random ones:
what is measured does not depend on their values. Files of packages are in the system's page cache, as after a first
start since boot. Writes what it measured, with date, machine and versions, to benchmarks/results/. ROS 2 has to be
there: `source .venv/setup.bash`.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.machine import write_result

CLASSES = "[cup, dog, car, chair, '!wall']"
PATIENCE_S = 600.0
MODELS = ("mini", "talk2dino_vitb")
WITHOUT_WEIGHTS = ("talk2dino_vitb",)


def main() -> None:
    """Measure each model, print the figures, write the file; or be the node, as a child process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=MODELS, help="model names")
    parser.add_argument(
        "--warm", type=int, default=3, help="number of starts with what the first one has kept (default: %(default)s)"
    )
    parser.add_argument(
        "--seeded-weights", type=Path, help="folder that keeps the seeded weights for the next measurement"
    )
    parser.add_argument("--output", type=Path, help="write here, and not into benchmarks/results")
    parser.add_argument("--node", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--weights-dir", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.node:
        be_node(arguments.models[0], arguments.weights_dir, arguments.node)
    rows = [measure(model, arguments.warm, arguments.seeded_weights) for model in arguments.models]
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=2) + "\n")
    else:
        write_result("start_cost", {"models": rows})


def measure(model: str, warm: int, seeded_weights: Path | None = None) -> dict[str, Any]:
    """Start a model's node once with an empty cache, and then `warm` times with what is kept."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        weights = (seeded_weights or folder) / model if model in WITHOUT_WEIGHTS else None
        if weights is not None and not weights.exists():
            write_weights(model, weights)
        starts = [start(model, str(weights or ""), folder) for _ in range(1 + warm)]
    row = {"model": model, "seeded": weights is not None, "first": starts[0], "warm": medians(starts[1:])}
    print(json.dumps(row, indent=2))
    return row


def write_weights(model: str, folder: Path) -> None:
    """Write seeded weights, in a process of its own, as this one shall need little memory and time."""
    program = (
        "import sys; from pathlib import Path; from talk2dino_ros.engine.bench.seeded import write_seeded_weights; "
        "write_seeded_weights(sys.argv[1], Path(sys.argv[2]))"
    )
    subprocess.run([sys.executable, "-c", program, model, str(folder)], check=True)


def start(model: str, weights_dir: str, folder: Path) -> dict[str, float]:
    """Start a node, wait until it is active and has ended itself, and return what it wrote down."""
    log = folder / "start.json"
    log.unlink(missing_ok=True)
    options = ["--models", model, "--node", str(log), "--weights-dir", weights_dir]
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    begin_s = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.node.start_cost", *options],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    if not log.exists():
        raise RuntimeError(f"the node ended with {run.returncode} before it was active\n{run.stdout}")
    found: dict[str, float] = json.loads(log.read_text())
    print(f"{model}: active after {found['active_at_s'] - begin_s:.1f} s, peak {found['peak_mb']} MB", flush=True)
    return {"active_s": round(found.pop("active_at_s") - begin_s, 2), **found}


def medians(starts: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    names = dict.fromkeys(name for each in starts for name in each)
    return {name: round(statistics.median(each.get(name, 0.0) for each in starts), 3) for name in names}


def be_node(model: str, weights_dir: str, log: Path) -> NoReturn:
    """Run the node as `ros2 run` would until it is active, write down what that took, and end the process."""
    times: dict[str, float] = {}
    begin_s = time.perf_counter()
    from talk2dino_ros.segmenter import segmenter_main, segmenter_node

    times["import_node_s"] = round(time.perf_counter() - begin_s, 3)
    activate = segmenter_node.SegmenterNode._activate

    def activate_and_end(self: segmenter_node.SegmenterNode) -> None:
        activate(self)
        figures = {"active_at_s": time.monotonic(), "processor_s": round(time.process_time(), 2), "peak_mb": peak_mb()}
        log.write_text(json.dumps({**figures, **times}))
        os.kill(os.getpid(), signal.SIGINT)

    segmenter_node.SegmenterNode._activate = activate_and_end  # type: ignore[method-assign]
    _time_stages(segmenter_node, times)
    if weights_dir:
        allow_any_weights(model)
    options = ["-p", f"model:={model}", "-p", f"vocabulary:={CLASSES}", "-p", f"weights_dir:='{weights_dir}'"]
    segmenter_main.main(["--ros-args", *options])


def allow_any_weights(model: str) -> None:
    """Take files of a model whatever their sums are, in this process."""
    from talk2dino_ros.engine.bench.seeded import without_sums
    from talk2dino_ros.engine.models.registry import MODELS

    MODELS[model] = without_sums(MODELS[model])


def _time_stages(node: Any, times: dict[str, float]) -> None:
    """Note how long the parts of configure take; the last ones are parts of the others."""
    own_load = node.load

    def load(*arguments: Any) -> Any:
        _import_engine(times)
        return own_load(*arguments)

    node.load = _timed("load_s", load, times)
    node.self_checked = _timed("self_check_s", node.self_checked, times)
    node.warm_up = _timed("warm_up_s", node.warm_up, times)
    server = node.VocabularyServer
    server.first_vocabulary = _timed("vocabulary_s", server.first_vocabulary, times)


def _import_engine(times: dict[str, float]) -> None:
    begin_s = time.perf_counter()
    engine = "talk2dino_ros.engine"
    factory: Any = import_module(f"{engine}.factory")
    encoder: Any = import_module(f"{engine}.openvino.openvino_encoder")
    self_check: Any = import_module(f"{engine}.selfcheck.self_check")
    times["import_engine_s"] = round(time.perf_counter() - begin_s, 3)
    encoder.convert = _timed("convert_s", encoder.convert, times)
    encoder.read = _timed("read_converted_s", encoder.read, times)
    factory.load_networks = _timed("networks_s", factory.load_networks, times)
    own_check = self_check._check

    def check(*arguments: Any) -> Any:
        found = own_check(*arguments)
        for each in found.stages:
            times[f"check_{each.stage}_s"] = round(each.fast_s + each.plain_s, 3)
        times["check_s"] = round(found.seconds, 3)
        return found

    self_check._check = check


def _timed(name: str, function: Callable[..., Any], times: dict[str, float]) -> Callable[..., Any]:
    def timed(*arguments: Any, **options: Any) -> Any:
        begin_s = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            times[name] = round(times.get(name, 0.0) + time.perf_counter() - begin_s, 3)

    return timed


def peak_mb(status: Path = Path("/proc/self/status")) -> int:
    """Return the highest resident memory of a process so far, in 10^6 bytes."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
    return round(int(found[1]) * 1024 / 1e6) if found else 0


if __name__ == "__main__":
    main()
