# SPDX-License-Identifier: Apache-2.0
"""`talk2dino memory build`: a memory from bags."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talk2dino_ros.cli.bags.bag_arguments import add_topic_arguments, topic_names
from talk2dino_ros.cli.memory.opened_memory import add_voxel_argument, opened
from talk2dino_ros.cli.model_arguments import INPUT_HELP, add_model_arguments, model_choices, option_choices
from talk2dino_ros.engine.options import BACKENDS, INPUTS
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.perception.memory.image_gate import MAX_SPEED_MPS
from talk2dino_ros.perception.memory.keyframe import ANGLE_DEG, DISTANCE_M
from talk2dino_ros.perception.memory.spatial_memory import MAX_RANGE_M
from talk2dino_ros.ros.bags.bag_reader import BagError, open_bag
from talk2dino_ros.ros.bags.bag_topics import choose_cameras
from talk2dino_ros.viz.terminal import printable

if TYPE_CHECKING:
    from talk2dino_ros.cli.memory.bag_builder import BuildReport, BuildSettings
    from talk2dino_ros.engine import Segmenter
    from talk2dino_ros.perception.memory.spatial_memory import SpatialMemory
    from talk2dino_ros.ros.bags.bag_topics import TopicNames

DEPTH_SLOP_S = 0.02


def add_build_action(actions: argparse._SubParsersAction[Any]) -> None:
    """Declare the action."""
    parser = actions.add_parser("build", help="build a memory from bags; continues where it was stopped")
    parser.add_argument(
        "bags", type=Path, nargs="+", metavar="BAG", help="folders of `ros2 bag record`, or files in them"
    )
    parser.add_argument("--output", "-o", type=Path, required=True, metavar="FOLDER", help="the map's folder")
    parser.add_argument("--frame", default="map", help="frame of the map in the bag's TF (default: map)")
    add_topic_arguments(parser, "all that have depth")
    parser.add_argument("--rectified", action="store_true", help="the images are rectified: use P of camera_info")
    parser.add_argument(
        "--keyframe-distance-m",
        type=float,
        default=DISTANCE_M,
        metavar="M",
        help="metres to the next image that is remembered (%(default)g)",
    )
    parser.add_argument(
        "--keyframe-angle-deg",
        type=float,
        default=ANGLE_DEG,
        metavar="DEG",
        help="or degrees that the camera has turned (%(default)g)",
    )
    parser.add_argument(
        "--max-range-m", type=float, default=MAX_RANGE_M, metavar="M", help="leave out patches farther than this"
    )
    parser.add_argument(
        "--max-speed-mps",
        type=float,
        default=MAX_SPEED_MPS,
        metavar="M",
        help="a faster camera is taken for a jump of the localisation",
    )
    parser.add_argument(
        "--depth-slop-s",
        type=float,
        default=DEPTH_SLOP_S,
        metavar="S",
        help="largest stamp difference between depth and image",
    )
    add_model_arguments(parser)
    parser.add_argument("--backend", default="auto", choices=BACKENDS[:3], help="what runs the image encoder")
    parser.add_argument("--input", default="square", choices=INPUTS, help=INPUT_HELP)
    parser.add_argument("--input-size", type=int, default=0, help="pixels of the network's input; 0: the model's own")
    add_voxel_argument(parser)
    parser.add_argument(
        "--cluster", default="", metavar="ADDRESS", help="process the bags on a Ray cluster: its address, auto or local"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Build; print to stdout how many keyframes there are, and which images were rejected and why."""
    topics = topic_names(arguments)
    for path in arguments.bags:
        _check(path, topics)  # before a model is loaded
    from talk2dino_ros.cli.memory.bag_builder import BuildSettings

    settings = BuildSettings(
        arguments.frame,
        topics,
        arguments.rectified,
        arguments.keyframe_distance_m,
        arguments.keyframe_angle_deg,
        arguments.max_speed_mps,
        arguments.depth_slop_s,
    )
    with opened(arguments.output, arguments.voxel_m, max_range_m=arguments.max_range_m) as memory:
        report = _built(memory, settings, arguments)
        print(
            f"{arguments.output}: {counted(memory.keyframes, 'keyframe')}, {report.made} new; "
            f"{counted(len(memory.voxels), 'voxel')}, {memory.floor_m2:.1f} m2, {memory.store.bytes_on_disk()} bytes"
        )
    for reason, count in report.rejected.most_common():
        print(f"rejected: {counted(count, 'image')}, {reason}: {printable(report.sentences[reason])}")


def _built(memory: SpatialMemory, settings: BuildSettings, arguments: argparse.Namespace) -> BuildReport:
    from talk2dino_ros.cli.memory.bag_builder import BagBuilder, build_bag, kind_of, known_images
    from talk2dino_ros.cli.memory.bag_cluster import build_on_cluster

    open_model = _opener(arguments)
    if arguments.cluster:
        return build_on_cluster(
            memory,
            arguments.bags,
            open_model,
            settings,
            folder=arguments.output,
            choices=repr((arguments.backend, sorted(_choices(arguments).items()))),
            address=arguments.cluster,
        )
    segmenter = open_model()
    kind = kind_of(segmenter, settings.frame)
    memory.store.check_kind(kind)
    builder = BagBuilder(segmenter, settings, known_images(memory.store), partial(memory.remember, kind=kind))
    for path in arguments.bags:
        build_bag(builder, path, settings, progress=True)
    return builder.report


def _opener(arguments: argparse.Namespace) -> Callable[[], Segmenter]:
    from talk2dino_ros.engine import load_segmenter

    return partial(
        load_segmenter, arguments.model, needs_text_encoder=False, backend=arguments.backend, **_choices(arguments)
    )


def _choices(arguments: argparse.Namespace) -> dict[str, Any]:
    return {**model_choices(arguments), **option_choices(arguments)}


def _check(path: Path, topics: TopicNames) -> None:
    """Raise BagError for a bag that cannot be built; print to stderr which of its images are left out."""
    if not os.path.exists(path):
        raise BagError(f"{path} does not exist, expected a bag's folder or file; name another")
    with open_bag(path) as bag:
        for sentence in choose_cameras(bag, topics)[1]:
            print(f"warning: {printable(path.name)}: {printable(sentence)}", file=sys.stderr)
