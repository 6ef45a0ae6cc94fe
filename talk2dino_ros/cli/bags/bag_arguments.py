# SPDX-License-Identifier: Apache-2.0
"""Command-line arguments that name a bag's topics, shared by the commands that read bags."""

import argparse

from talk2dino_ros.ros.bags.bag_topics import TopicNames

TOPICS = {
    "image": "colour image, raw or compressed (default: {images})",
    "depth": "depth registered to it (default: that of its namespace)",
    "camera-info": "its camera_info",
    "depth-camera-info": "the depth's, where it has its own",
}


def add_topic_arguments(parser: argparse.ArgumentParser, images: str) -> None:
    """Declare them; images: which images are taken where none is named."""
    for name, what in TOPICS.items():
        parser.add_argument(
            f"--{name}-topic",
            action="append",
            default=[],
            metavar="TOPIC",
            help=f"{what.format(images=images)}; once for each camera",
        )


def topic_names(arguments: argparse.Namespace) -> TopicNames:
    """Return what `add_topic_arguments` declared."""
    return TopicNames(*(getattr(arguments, f"{name.replace('-', '_')}_topic") for name in TOPICS))
