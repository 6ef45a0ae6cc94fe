# SPDX-License-Identifier: Apache-2.0
"""`talk2dino train`: learn a projection from captioned images, or make the one of `mini`."""

import argparse
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.files.regular_files import user_path

FORMS = """data, one of:
  COCO                  annotations/captions_train2014.json and captions_val2014.json (or 2017), the folders of images
  a folder of images    with captions.jsonl or captions.csv: image, caption, and split where there are splits
  WebDataset            a folder of *.tar, or one: an image (.jpg, .png, .webp) and .txt or .json of the same name

After an interruption the same command continues.
On several GPUs: torchrun --nproc-per-node 4 -m talk2dino_ros.cli.main train …
"""

_FOR_IMAGES = (  # what a recipe of words has no use for
    "data",
    "store",
    "set",
    "extract_only",
    "fresh",
    "fresh_store",
    "cluster",
    "tensorboard",
    "device",
    "weights_dir",
    "workers",
)


def add_train_command(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declare the sub-command."""
    parser = commands.add_parser(
        "train",
        help="learn the mapping from words to patches from captioned images",
        epilog=FORMS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", help="talk2dino_vitb or another shipped recipe, or a .yaml file")
    parser.add_argument("data", nargs="?", type=_path, help="images with captions, see below; not for mini")
    parser.add_argument("--output", "-o", type=_path, help="the projection file, .safetensors; for mini a folder")
    parser.add_argument("--store", type=_path, help="folder for the features (default: beside the output)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a value instead of the recipe's; may be repeated",
    )
    parser.add_argument("--extract-only", action="store_true", help="extract the features, but do not train")
    parser.add_argument(
        "--fresh", action="store_true", help="begin training anew instead of continuing from a checkpoint"
    )
    parser.add_argument("--fresh-store", action="store_true", help="extract the features again")
    parser.add_argument(
        "--cluster", default="", metavar="ADDRESS", help="extract on a Ray cluster: its address, auto or local"
    )
    parser.add_argument("--tensorboard", type=_path, metavar="FOLDER", help="write curves for TensorBoard")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--weights-dir", type=_path, help="folder with the published weights files")
    parser.add_argument(
        "--workers", type=int, default=0, help="threads that decode images; 0: one for each core (default)"
    )
    parser.set_defaults(run=run, default_of=parser.get_default)


def _path(text: str) -> Path:
    return user_path(text)


def run(arguments: argparse.Namespace) -> None:
    """Train; print the results and their paths."""
    # with torch, so not for `--help`
    from talk2dino_ros.engine.train.recipe import find_recipe, read_table

    recipe_file = find_recipe(arguments.recipe)
    if read_table(recipe_file).get("method") == "anchors":
        _make_anchors(recipe_file, arguments)
    else:
        _learn(recipe_file, arguments)


def _learn(recipe_file: Path, arguments: argparse.Namespace) -> None:
    from talk2dino_ros.engine.train.job import Job
    from talk2dino_ros.engine.train.recipe import read_recipe

    recipe = read_recipe(recipe_file, arguments.set)
    output, store = arguments.output, arguments.store
    if arguments.extract_only and store:
        output = output or store / "projection.safetensors"  # which is not made
    for name, value in (("DATA", arguments.data), ("--output", output)):
        if value is None:
            raise TrainingError(
                f"{name} is missing, expected `talk2dino train {arguments.recipe} DATA --output FILE.safetensors`; "
                "`talk2dino train --help` says which data"
            )
    if arguments.workers < 0:
        raise TrainingError(
            f"--workers is {arguments.workers}, expected a number from 0 (one for each core); give another"
        )
    Job(
        recipe,
        arguments.data,
        output,
        store or output.parent / f"{recipe.model}_features",
        device=arguments.device,
        weights_dir=arguments.weights_dir,
        threads=arguments.workers,
        cluster=arguments.cluster,
        tensorboard=arguments.tensorboard,
        fresh=arguments.fresh,
        fresh_store=arguments.fresh_store,
        extract_only=arguments.extract_only,
    ).run()


def _make_anchors(recipe_file: Path, arguments: argparse.Namespace) -> None:
    from talk2dino_ros.engine.train.anchors import train_anchors

    for name in _FOR_IMAGES:
        if getattr(arguments, name) != arguments.default_of(name):
            option = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
            raise TrainingError(
                f"the recipe {recipe_file.stem} is made of words alone, expected no {option}; leave it out, and change "
                "a copy of the recipe's file where values should differ"
            )
    if arguments.output is None:
        raise TrainingError(
            f"--output is missing, expected a folder for what the recipe {recipe_file.stem} makes; name one"
        )
    for path in train_anchors(recipe_file, arguments.output):
        print(f"written to {path}")
