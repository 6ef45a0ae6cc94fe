# SPDX-License-Identifier: Apache-2.0
"""`talk2dino train`: learn a projection from captioned images, or make the one of `mini`."""

import argparse
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.errors import TrainingError

FORMS = """data, one of:
  COCO                  annotations/captions_train2014.json and captions_val2014.json (or 2017), the folders of images
  a folder of images    with captions.jsonl or captions.csv: image, caption, and split where there are splits
  WebDataset            a folder of *.tar, or one: an image (.jpg, .png, .webp) and .txt or .json of the same name

Whatever is stopped goes on when the same command is run again.
On several GPUs: torchrun --nproc-per-node 4 -m talk2dino_ros.cli train …
"""


def add_train_command(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declare the sub-command."""
    parser = commands.add_parser(
        "train",
        help="learn the mapping from words to patches from captioned images",
        epilog=FORMS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", help="talk2dino_vitb or another shipped recipe, or a .yaml file")
    parser.add_argument("data", nargs="?", type=Path, help="images with captions, see below; not for mini")
    parser.add_argument("--output", type=Path, help="the projection file, .safetensors; for mini a folder")
    parser.add_argument("--store", type=Path, help="folder for the features (default: beside the output)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="instead of the recipe's")
    parser.add_argument("--extract-only", action="store_true", help="make the features, and do not train")
    parser.add_argument("--fresh", action="store_true", help="begin training anew, and do not go on from a checkpoint")
    parser.add_argument("--fresh-store", action="store_true", help="make the features anew")
    parser.add_argument("--cluster", default="", metavar="ADDRESS", help="extract by Ray: its address, or local")
    parser.add_argument("--tensorboard", type=Path, metavar="FOLDER", help="write curves for TensorBoard")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--weights-dir", type=Path, help="folder with the published weights files")
    parser.add_argument("--workers", type=int, default=0, help="threads that decode images; 0: one a core (default)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train; print what came out and where it is."""
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
    for name in ("data", "output"):
        if getattr(arguments, name) is None:
            raise TrainingError(
                f"{'DATA' if name == 'data' else '--output'} is missing, expected `talk2dino train "
                f"{arguments.recipe} DATA --output FILE.safetensors`; `talk2dino train --help` says which data"
            )
    if arguments.workers < 0:
        raise TrainingError(f"workers is {arguments.workers}, expected 0 or more; 0 takes one a core")
    output = arguments.output.expanduser()
    Job(
        recipe,
        arguments.data.expanduser(),
        output,
        (arguments.store or output.parent / f"{recipe.model}_features").expanduser(),
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

    if arguments.data or arguments.set:
        raise TrainingError(
            f"the recipe {recipe_file.stem} is made of words alone, expected no DATA and no --set; leave them out, and "
            "change a copy of the recipe's file"
        )
    output = (arguments.output or recipe_file.parents[1]).expanduser()
    for path in train_anchors(recipe_file, output):
        print(f"written to {path}")
