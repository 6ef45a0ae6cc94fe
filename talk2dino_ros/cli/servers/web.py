# SPDX-License-Identifier: Apache-2.0
"""`talk2dino web`: a page that shows photographs, videos, bags and cameras with what the words find in them."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from talk2dino_ros.cli.class_words import classes_in
from talk2dino_ros.cli.files.segment_arguments import add_image_topic_argument, image_topics
from talk2dino_ros.cli.model_arguments import (
    INPUT_HELP,
    REFINE_HELP,
    add_model_arguments,
    add_threshold_argument,
    model_choices,
    option_choices,
    with_threshold,
)
from talk2dino_ros.engine.options import INPUTS, REFINEMENTS
from talk2dino_ros.viz.terminal import printable

if TYPE_CHECKING:
    from talk2dino_ros.web.desk.desk_source import DeskSource

DEFAULT_WORDS = "person, animal, cup, chair"
PORT = 8420


def add_web_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Declare the sub-command."""
    parser = commands.add_parser("web", help="show photos, videos, bags and cameras on a page, to try words on")
    parser.add_argument(
        "sources",
        nargs="+",
        help="photos, folders of them, patterns ('in/**/*.jpg'), videos, bags, a camera's number or URL",
    )
    add_image_topic_argument(parser)
    parser.add_argument("--classes", default=DEFAULT_WORDS, help="words to begin with (default: %(default)s)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; other machines need the token that is printed"
    )
    parser.add_argument(
        "--port", type=int, default=PORT, help="port to listen on; 0: any free one (default: %(default)s)"
    )
    parser.add_argument("--read-only", action="store_true", help="the page changes nothing")
    parser.add_argument("--input", default="square", choices=INPUTS, help=INPUT_HELP)
    parser.add_argument("--input-size", type=int, default=0, help="pixels of the network's input; 0: the model's own")
    parser.add_argument("--refine", default="none", choices=REFINEMENTS, help=REFINE_HELP)
    add_model_arguments(parser)
    add_threshold_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C. Raises WebError where it cannot be served."""
    from talk2dino_ros.web.access import Access
    from talk2dino_ros.web.web_app import make_app
    from talk2dino_ros.web.web_server import WebServer

    access = Access.of(arguments.host, read_only=arguments.read_only)
    source = _source(arguments)
    try:
        server = WebServer(make_app(source, access), access, arguments.port)
        print(f"the page is at {server.address} (Ctrl-C ends it)", flush=True)
        server.run()
    finally:
        source.close()


def _source(arguments: argparse.Namespace) -> DeskSource:
    from talk2dino_ros.cli.servers.desk_cameras import desk_cameras
    from talk2dino_ros.engine import load_segmenter
    from talk2dino_ros.engine.bench.machine import describe_machine
    from talk2dino_ros.engine.doctor.device_findings import devices
    from talk2dino_ros.engine.doctor.health_finding import HealthFinding, Level
    from talk2dino_ros.web.desk.desk_source import DeskSource

    cameras, left_out = desk_cameras(arguments.sources, image_topics(arguments))
    for sentence in left_out:
        print(f"warning: {printable(sentence)}", file=sys.stderr)
    choices = {**model_choices(arguments), **option_choices(arguments), "text_encoder": "keep"}
    segmenter = with_threshold(load_segmenter(arguments.model, **choices), arguments.background)
    vocabulary = segmenter.encode_vocabulary(classes_in(arguments.classes))
    segmenter.segment(np.zeros((480, 640, 3), np.uint8), vocabulary)  # compiles what would keep the first image waiting
    how = f"on {segmenter.device} by {segmenter.networks.backend} in {segmenter.precision}"
    health = (
        *(HealthFinding("left out", sentence, Level.NOTE) for sentence in left_out),
        HealthFinding(segmenter.model.name, how),
        *devices(describe_machine()).findings,
    )
    return DeskSource(segmenter, vocabulary, cameras, health)
