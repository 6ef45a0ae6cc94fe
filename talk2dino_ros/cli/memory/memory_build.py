# SPDX-License-Identifier: Apache-2.0
"""`talk2dino memory build`: a memory from bags."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from talk2dino_ros.cli.memory.opened_memory import add_voxel_argument, opened
from talk2dino_ros.cli.model_arguments import add_model_arguments, model_choices, option_choices
from talk2dino_ros.engine.options import BACKENDS, INPUTS
from talk2dino_ros.perception.memory.image_gate import MAX_SPEED_MPS
from talk2dino_ros.perception.memory.keyframe import ANGLE_DEG, DISTANCE_M
from talk2dino_ros.perception.memory.spatial_memory import MAX_RANGE_M
from talk2dino_ros.ros.bags.bag_index import BagIndex, indexed_topics
from talk2dino_ros.ros.bags.bag_reader import BagError, open_bag
from talk2dino_ros.ros.bags.bag_topics import choose_topics
from talk2dino_ros.viz.terminal import printable

if TYPE_CHECKING:
    from talk2dino_ros.cli.memory.bag_builder import BagBuilder
    from talk2dino_ros.engine import Segmenter

DEPTH_SLOP_S = 0.02
TOPICS = {
    "image": "colour image, raw or compressed",
    "depth": "depth registered to it",
    "camera-info": "its camera_info",
    "depth-camera-info": "the depth's, where it has its own",
}


def add_build_action(actions: argparse._SubParsersAction[Any]) -> None:
    """Declare the action."""
    parser = actions.add_parser("build", help="build a memory from bags; goes on where it was stopped")
    parser.add_argument(
        "bags", type=Path, nargs="+", metavar="BAG", help="folders of `ros2 bag record`, or their files"
    )
    parser.add_argument("--output", "-o", type=Path, required=True, metavar="FOLDER", help="the map's folder")
    parser.add_argument("--frame", default="map", help="frame of the map in the bag's TF (default: map)")
    for name, what in TOPICS.items():
        parser.add_argument(f"--{name}-topic", default="", metavar="TOPIC", help=f"{what} (default: the only one)")
    parser.add_argument("--rectified", action="store_true", help="the images are undistorted: camera_info's P holds")
    parser.add_argument("--keyframe-distance-m", type=float, default=DISTANCE_M, metavar="M")
    parser.add_argument("--keyframe-angle-deg", type=float, default=ANGLE_DEG, metavar="DEG")
    parser.add_argument(
        "--max-range-m", type=float, default=MAX_RANGE_M, metavar="M", help="farther patches are left out"
    )
    parser.add_argument("--max-speed-mps", type=float, default=MAX_SPEED_MPS, metavar="M", help="faster is a jump")
    parser.add_argument("--depth-slop-s", type=float, default=DEPTH_SLOP_S, metavar="S", help="of depth to its image")
    add_model_arguments(parser)
    parser.add_argument("--backend", default="auto", choices=BACKENDS[:3], help="what runs the image encoder")
    parser.add_argument("--input", default="square", choices=INPUTS)
    parser.add_argument("--input-size", type=int, default=0, help="pixels of the network's input; 0: the model's own")
    add_voxel_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Build; print to stdout how many keyframes there are, and which images were rejected and why."""
    for path in arguments.bags:
        if not path.exists():
            raise BagError(f"{path} is not there, expected a bag's folder or file; name another")
        with open_bag(path) as bag:  # before a model is loaded
            _topics(bag, arguments)
    from talk2dino_ros.cli.memory.bag_builder import BagBuilder, BuildSettings

    settings = BuildSettings(
        arguments.frame,
        arguments.keyframe_distance_m,
        arguments.keyframe_angle_deg,
        arguments.max_speed_mps,
        arguments.depth_slop_s,
    )
    with opened(arguments.output, arguments.voxel_m, max_range_m=arguments.max_range_m) as memory:
        builder = BagBuilder(memory, _load(arguments), settings)
        for path in arguments.bags:
            _build(builder, path, arguments)
        print(
            f"{arguments.output}: {memory.keyframes} keyframes, {builder.made} of them new; "
            f"{len(memory.voxels)} voxels, {memory.floor_m2:.1f} m2, {memory.store.bytes_on_disk()} bytes"
        )
    for reason, count in builder.rejected.most_common():
        print(f"rejected: {count} images, {reason}: {builder.sentences[reason]}")


def _load(arguments: argparse.Namespace) -> Segmenter:
    from talk2dino_ros.engine import load_segmenter

    choices = {**model_choices(arguments), **option_choices(arguments)}
    return load_segmenter(arguments.model, needs_text_encoder=False, backend=arguments.backend, **choices)


def _topics(bag: Any, arguments: argparse.Namespace) -> Any:
    return choose_topics(
        bag,
        arguments.image_topic,
        arguments.depth_topic,
        arguments.camera_info_topic,
        arguments.depth_camera_info_topic,
    )


def _build(builder: BagBuilder, path: Path, arguments: argparse.Namespace) -> None:
    name = printable(path.name)
    with open_bag(path) as bag:
        topics = _topics(bag, arguments)
        total = bag.count(indexed_topics(bag, topics))
        with tqdm(total=total, unit="message", desc=f"{name}: stamps", leave=False) as bar:
            index = BagIndex(bag, topics, rectified=arguments.rectified, on_message=bar.update)
        for flaw in index.flaws:
            print(f"warning: {flaw}", file=sys.stderr)
        with tqdm(total=len(index.images), unit="image", desc=name) as bar:
            builder.build(bag, index, bar.update)
