# SPDX-License-Identifier: Apache-2.0
"""Samples of TF: one frame in its parent at one stamp, and their validation. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from talk2dino_ros.engine.text.class_entries import shorten
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns

LONGEST_NAME = 256  # characters of a frame's name
FARTHEST_M = 1e9  # beyond it sums of transforms mean nothing
QUATERNION_TOLERANCE = 0.01  # of the squared length, as in tf2's buffer_core.cpp


@dataclass(frozen=True, slots=True)
class TransformSample:
    """Pose of `child` in `parent`: metres, and a quaternion as x, y, z, w."""

    child: str
    parent: str
    stamp_ns: int
    translation: tuple[float, float, float]
    rotation: tuple[float, float, float, float]


def sample_of(message: Any) -> TransformSample:
    """Convert a geometry_msgs/TransformStamped; names lose a leading slash, as in tf2."""
    header, shift, turn = message.header, message.transform.translation, message.transform.rotation
    return TransformSample(
        child=message.child_frame_id.removeprefix("/"),
        parent=header.frame_id.removeprefix("/"),
        stamp_ns=stamp_to_ns(header.stamp),
        translation=(shift.x, shift.y, shift.z),
        rotation=(turn.x, turn.y, turn.z, turn.w),
    )


def flaw_of(sample: TransformSample) -> str:
    """Return the sentence that says why a sample is dropped, or ''."""
    flaw = flaw_of_names(sample) or flaw_of_numbers(sample) or flaw_of_moment(sample)
    if not flaw:
        return ""
    return f"A transform from frame {shorten(sample.child)} to its parent {shorten(sample.parent)} was dropped: {flaw}."


def flaw_of_names(sample: TransformSample) -> str:
    """Return what is wrong with the names, or ''."""
    if not sample.child or not sample.parent:
        return "a frame's name is empty; its publisher has to set frame_id and child_frame_id"
    longest = max(map(len, (sample.child, sample.parent)))
    if longest > LONGEST_NAME:
        return f"a frame's name has {longest} characters instead of {LONGEST_NAME}; its publisher has to shorten it"
    if sample.child == sample.parent:
        return "a frame cannot be its own parent; its publisher has to set another frame_id or child_frame_id"
    return ""


def flaw_of_numbers(sample: TransformSample) -> str:
    """Return what is wrong with the numbers, or ''."""
    if not all(map(math.isfinite, (*sample.translation, *sample.rotation))):
        return f"{sample.translation} and {sample.rotation} hold a NaN or an infinity; look at its publisher"
    if max(map(abs, sample.translation)) > FARTHEST_M:
        return (
            f"{sample.translation} is farther than {FARTHEST_M:g} m, which no place on earth is; look at its publisher"
        )
    length = math.hypot(*sample.rotation)
    if abs(length * length - 1.0) >= QUATERNION_TOLERANCE:
        return f"its quaternion has the length {length:.3g} instead of 1; its publisher has to normalise it"
    return ""


def flaw_of_moment(sample: TransformSample) -> str:
    """Return what is wrong with the stamp, or ''."""
    if sample.stamp_ns >= 0:
        return ""
    return f"its stamp is {sample.stamp_ns / 1e9:g} s, before all time; look at its publisher's clock"
