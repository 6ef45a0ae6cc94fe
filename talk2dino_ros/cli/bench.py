# SPDX-License-Identifier: Apache-2.0
"""`talk2dino bench`: measure the engine on this machine, beside a plain implementation of the paper."""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from talk2dino_ros.cli.model_arguments import PRECISION_HELP
from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.options import PRECISIONS
from talk2dino_ros.viz.pictures import find_pictures, read_picture

FIRST_PHOTO = "coffee.jpg"  # the one that is timed on


def add_bench_command(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declare the sub-command."""
    parser = commands.add_parser("bench", help="compare the engine's speed and memory with the paper's pipeline")
    parser.add_argument("--model", default="talk2dino_vitb", help="model name; `talk2dino weights list` shows all")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS, help=PRECISION_HELP)
    parser.add_argument(
        "--cuda-graphs", action="store_true", help="on a GPU: with the image encoder's kernels recorded"
    )
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument("--weights-dir", type=Path, help="folder with the published weights files")
    weights.add_argument(
        "--seeded", action="store_true", help="use random weights, which are as fast as real ones and see nothing"
    )
    parser.add_argument("--rows", default="", help='only these rows, such as "image, fast" (default: all)')
    parser.add_argument("--soak", type=int, metavar="FRAMES", help="measure only memory, over this many small images")
    parser.add_argument("--output", "-o", type=Path, default=Path("bench"), help="folder for the JSON and the table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Measure and say where the figures are."""
    from talk2dino_ros.engine.bench.bench_runner import chosen_rows, run_rows  # with torch, so not for `--help`
    from talk2dino_ros.engine.bench.subject import load_subject

    if arguments.soak is not None and arguments.soak < 1:
        raise ModelError(f"--soak is {arguments.soak}, expected a number of frames from 1; give one")
    names = [name.strip() for name in arguments.rows.split(",") if name.strip()]
    chosen_rows(names)  # a wrong name is said before the model is loaded
    with ExitStack() as stack:
        folder = _seeded_folder(stack, arguments.model) if arguments.seeded else arguments.weights_dir
        subject = load_subject(
            arguments.model,
            device=arguments.device,
            precision=arguments.precision,
            weights_dir=folder,
            seeded=arguments.seeded,
            photos=_photos(),
            cuda_graphs=arguments.cuda_graphs,
        )
        path = run_rows(subject, names, arguments.output, soak_frames=arguments.soak)
    print(f"written to {path} and {path.with_suffix('.md')}")


def _seeded_folder(stack: ExitStack, model: str) -> Path:
    from talk2dino_ros.engine.bench.seeded import write_seeded_weights

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="talk2dino_bench_")))
    print(f"writing seeded weights for {model} to {folder} ...", flush=True)
    write_seeded_weights(model, folder)
    return folder


def _photos() -> list[Any]:
    paths = sorted(find_pictures(PHOTOS), key=lambda path: path.name != FIRST_PHOTO)
    return [read_picture(path) for path in paths]
