# SPDX-License-Identifier: Apache-2.0
"""Write what the node has kept to a bag."""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rclpy.serialization import serialize_message

from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.ros.bags.bag_writer import written_bag
from talk2dino_ros.segmenter.problem.problem_description import write_description
from talk2dino_ros.segmenter.problem.problem_folder import ProblemError, new_problem

if TYPE_CHECKING:
    from talk2dino_ros.ros.bags.bag_topics import CameraTopics
    from talk2dino_ros.segmenter.pipeline import ActiveConfiguration
    from talk2dino_ros.segmenter.problem.problem_ring import KeptMessage

PACKAGES = ("talk2dino_ros", "torch", "openvino", "onnxruntime", "numpy", "opencv-python-headless", "numba")


def write_problem(
    folder: Path,
    kept: Sequence[KeptMessage],
    node: str,
    cameras: Mapping[str, CameraTopics],
    about: Mapping[str, Any],
) -> str:
    """Write messages and what they were segmented with to a new bag; return where it lies and what it holds.

    Raises ProblemError where there is nothing to write, or no place for it.
    """
    origin_ns = round((time.time() - time.monotonic()) * 1e9)
    actives = _actives(kept, origin_ns)
    if not actives:
        raise ProblemError(
            "no image has been segmented in the last problem_seconds, expected one to keep; activate the node, let "
            "images come, and ask again"
        )
    size = sum(each.size for each in kept)
    with new_problem(folder, size) as (part, path):
        with written_bag(part) as bag:
            for topic, kind in {each.topic: each.message_type for each in kept}.items():
                bag.add_topic(topic, kind, is_latched=topic.endswith("tf_static"))
            for each in kept:
                data = each.message if isinstance(each.message, bytes) else serialize_message(each.message)
                bag.write_bytes(each.topic, recorded_ns(each, origin_ns), data)
            counts = bag.counts
        write_description(part, node, cameras, actives, {**about, **_versions(actives[-1][1])})
    return f"{path}: {_bytes_of(path) / 1e6:.1f} MB, {_told(counts, kept)}; repeat it by `talk2dino replay {path}`"


def recorded_ns(kept: KeptMessage, origin_ns: int) -> int:
    """Return when a message came, by the clock that bags are recorded by; origin_ns: its time where at_s is 0."""
    return origin_ns + round(kept.at_s * 1e9)


def _actives(kept: Sequence[KeptMessage], origin_ns: int) -> list[tuple[int, ActiveConfiguration]]:
    """Return each configuration with the time of the first image that was segmented with it."""
    found: list[tuple[int, ActiveConfiguration]] = []
    for each in kept:
        if each.active is not None and (not found or found[-1][1] is not each.active):
            found.append((recorded_ns(each, origin_ns), each.active))
    return found


def _told(counts: Mapping[str, int], kept: Sequence[KeptMessage]) -> str:
    images = Counter(each.topic for each in kept if each.active is not None)
    seconds = max(each.at_s for each in kept if each.active) - min(each.at_s for each in kept if each.active)
    others = sum(counts.values()) - images.total()
    listed = ", ".join(f"{counted(count, 'image')} of {topic}" for topic, count in sorted(images.items()))
    return f"{listed} in {seconds:.1f} s, {counted(others, 'message')} of depth, camera_info and transforms"


def _versions(active: ActiveConfiguration) -> dict[str, Any]:
    segmenter = active.segmenter
    versions = {name: found for name in PACKAGES if (found := _version(name))}
    return {
        "written": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "versions": {"python": platform.python_version(), "system": platform.platform(), **versions},
        "model": segmenter.model.name,
        "feature_space": segmenter.feature_space,
        "device": f"{segmenter.device}, {segmenter.precision}: {segmenter.precision_reason}",
        "self_check": active.self_check,
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
