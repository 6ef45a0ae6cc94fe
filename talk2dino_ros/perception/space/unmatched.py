# SPDX-License-Identifier: Apache-2.0
"""Explain why no message of a topic matches an image, with the remedy. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Heard:
    """Known facts of a topic; types: of what is published there; newest_ns: the newest message's stamp."""

    topic: str
    types: tuple[str, ...]
    expected_type: str
    count: int
    newest_ns: int | None
    may_be_latest: bool  # camera_info holds for any image; depth for its own alone


def why_unmatched(heard: Heard, otherwise: str) -> str:
    """Return the explanation in one sentence; `otherwise` where no special cause is known."""
    if heard.types and heard.expected_type not in heard.types:
        return _other_type(heard)
    if heard.types and not heard.count:
        return _silent(heard)
    if heard.newest_ns == 0:
        remedy = "set camera_info_latest to true, or " if heard.may_be_latest else ""
        return (
            f"the messages on {heard.topic} have the stamp 0, expected the image's; {remedy}let their publisher fill "
            "header.stamp"
        )
    if heard.count == 1 and heard.may_be_latest:
        return (
            f"only one message has come on {heard.topic}, expected one with each image; set camera_info_latest to "
            "true, or let its publisher send one with each image"
        )
    return otherwise


def _other_type(heard: Heard) -> str:
    return (
        f"{heard.topic} carries {' and '.join(sorted(heard.types))}, expected {heard.expected_type}; "
        f"{_remedy_for(heard.types[0])}"
    )


def _remedy_for(found_type: str) -> str:
    if "Compressed" in found_type:
        return (
            "remap to the topic without compression, or turn it back with `ros2 run image_transport republish "
            "compressedDepth raw`"
        )
    if "PointCloud2" in found_type:
        return "remap to the depth image that the cloud was made of, as a cloud has no pixels of the image"
    return "remap to a topic of that type"


def _silent(heard: Heard) -> str:
    if heard.may_be_latest:
        return (
            f"somebody publishes on {heard.topic}, and no message has come, expected one with each image; a publisher "
            "that sends it once has to keep it for late joiners (transient local), and the node to start with "
            "camera_info_latest true"
        )
    return (
        f"somebody publishes on {heard.topic}, and no message has come, expected one with each image; look at its "
        "publisher, and whether images of that size arrive (docs/transport.md)"
    )
