# SPDX-License-Identifier: Apache-2.0
"""`talk2dino nav2-layer`: print a vocabulary's parameters for the semantic layer of Nav2's costmap."""

import argparse
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.text.class_syntax import split_classes


def add_nav2_layer_command(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declare the sub-command."""
    parser = commands.add_parser("nav2-layer", help="print a vocabulary's parameters for Nav2's semantic layer")
    parser.add_argument(
        "vocabulary",
        help="a parameter file (.yaml), a file of `talk2dino encode` (.safetensors), or words: 'door; pet: cat, dog'",
    )
    parser.add_argument(
        "--background", metavar="NAME", help="the node's background_class (default: the parameter file's, else none)"
    )
    for option, what in (
        ("--keep-away", "the labels to stay away from"),
        ("--avoid", "the labels to avoid"),
        ("--free", "the labels that cost nothing"),
    ):
        parser.add_argument(
            option, default="", metavar="LABELS", help=f"{what}, such as 'person; cat', if the default does not suit"
        )
    parser.add_argument("--namespace", default="", metavar="NAME", help="namespace of the robot, such as robot1")
    parser.add_argument(
        "--node", default="talk2dino", metavar="NAME", help="name of the node; with a named camera talk2dino/<camera>"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print the parameter block."""
    from talk2dino_ros.cli.nav2_layer_block import layer_file, read_vocabulary, types_of

    labels, background = read_vocabulary(arguments.vocabulary)
    if arguments.background is not None:
        background = arguments.background
    labels += [background] if background and background not in labels else []
    moved = {name: split_classes(getattr(arguments, name)) for name in ("keep_away", "avoid", "free")}
    file = Path(arguments.vocabulary)
    source = file.name if file.suffix in (".yaml", ".yml", ".safetensors") else "a list of words"
    print(layer_file(types_of(labels, moved), source, arguments.namespace, arguments.node), end="")
