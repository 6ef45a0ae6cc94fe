# SPDX-License-Identifier: Apache-2.0
"""`talk2dino memory view`: the picture that shows a place of a word best, with the place outlined."""

import argparse
from pathlib import Path
from typing import Any

from talk2dino_ros.cli.memory.opened_memory import add_folder_arguments, one_memory
from talk2dino_ros.cli.memory.spoken_time import time_text
from talk2dino_ros.cli.memory.word_question import add_question_arguments, ask
from talk2dino_ros.cli.memory.written_file import write_file
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.perception.memory.finding_sentence import finding_sentence


def add_view_action(actions: "argparse._SubParsersAction[Any]") -> None:
    """Declare the action."""
    parser = actions.add_parser("view", help="write the image that shows a place of a word best")
    add_folder_arguments(parser)
    parser.add_argument("word", metavar="WORD", help="a class, as for find")
    add_question_arguments(parser)
    parser.add_argument("--place", type=int, default=1, help="number of the place in find's table (default: 1)")
    parser.add_argument("--output", "-o", type=Path, default=Path("view.jpg"), help="a JPEG (default: view.jpg)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Write the JPEG; print when it was seen and from where. Raises ImageError where there is no such place."""
    with one_memory(arguments) as memory:
        query, finding = ask(memory, arguments.word, arguments, max(1, arguments.place))
        if not 1 <= arguments.place <= len(finding.places):
            sentence = finding_sentence(query, finding, memory)
            raise ImageError(
                f"there is no place {arguments.place}, expected one that find lists ({sentence}); choose one"
            )
        picture, keyframe = memory.view(finding.places[arguments.place - 1][0])
    write_file(arguments.output, picture.jpeg)
    at = ", ".join(f"{value:.2f}" for value in keyframe.pose.position)
    seen = f"seen {time_text(keyframe.stamp_ns)} from ({at})"
    print(f"{arguments.output}: place {arguments.place} of '{query.name}', {seen}")
