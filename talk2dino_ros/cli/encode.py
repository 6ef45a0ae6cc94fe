# SPDX-License-Identifier: Apache-2.0
"""`talk2dino encode`: encode words into a vocabulary file, with which a robot needs no text encoder."""

import argparse
from pathlib import Path
from typing import Any

from talk2dino_ros.cli.class_words import classes_in
from talk2dino_ros.cli.model_arguments import add_word_arguments, word_choices
from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.files.atomic_write import file_to_replace
from talk2dino_ros.viz.terminal import printable


def add_encode_command(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declare the sub-command."""
    parser = commands.add_parser("encode", help="turn words into a file for robots without a text encoder")
    parser.add_argument("classes", help="words, such as 'door; extinguisher: red extinguisher, fire bottle; !wall'")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the file, such as vocabulary.safetensors"
    )
    add_word_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Encode, write the file, and say what a robot needs beside it."""
    _check_output(arguments.output)
    from talk2dino_ros.engine import encode_vocabulary  # imports torch, which `--help` need not wait for

    vocabulary = encode_vocabulary(
        classes_in(arguments.classes),
        arguments.model,
        **word_choices(arguments),
    )
    for warning in vocabulary.warnings:
        print(f"warning: {printable(warning)}")
    vocabulary.save(arguments.output)
    print(
        f"{arguments.output}: {'; '.join(entry.text for entry in vocabulary.classes)}, encoded by {vocabulary.model}, "
        f"{arguments.output.stat().st_size} bytes"
    )
    own = arguments.projection_file if vocabulary.projection else None
    print(_what_a_robot_needs(vocabulary.model, own))


def _check_output(path: Path) -> None:
    """Check the path of the output before anything is encoded."""
    try:
        file_to_replace(path)
        there = path.parent.is_dir()
    except OSError:
        there = False
    if not there:
        raise VocabularyError(
            f"{path} could not be written, expected a file's name in an existing folder; name another"
        )


def _what_a_robot_needs(name: str, projection_file: Path | None) -> str:
    from talk2dino_ros.engine.models.registry import find_model

    model = find_model(name)
    files = [" or ".join(file.names) or file.source.address for file in model.files if file.role in model.image_roles]
    own = [f"the parameter projection_file with {projection_file.name}"] if projection_file else []
    return f"a node with it as vocabulary_file needs of {name}'s weights only: {', and '.join([*files, *own])}"
