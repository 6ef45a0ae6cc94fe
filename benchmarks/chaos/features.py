# SPDX-License-Identifier: Apache-2.0
"""Patch features of a camera that drives along a wall, as messages."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from benchmarks.chaos.camera import SECOND_NS, time_of

PATCHES, DIMENSIONS, STEP_M = 100, 64, 0.5
PATCH, SIDE = 16.0, 10


def features_message(number: int) -> Any:
    """Return the image of a second of the drive: a wall of seeded features, two metres before the camera."""
    from geometry_msgs.msg import Point, Pose, Quaternion
    from std_msgs.msg import Header
    from talk2dino_msgs.msg import PatchFeatures

    random, x = np.random.default_rng(number), STEP_M * number
    header = Header(stamp=time_of((1 + number) * SECOND_NS), frame_id="camera_optical")
    message = PatchFeatures(header=header, model="mini", feature_space="seeded", encoding="fp16", target_frame="map")
    message.height, message.width, message.dimensions = SIDE, SIDE, DIMENSIONS
    message.data = array("B", random.normal(size=(PATCHES, DIMENSIONS)).astype("<f2").tobytes())
    message.image_height = message.image_width = round(SIDE * PATCH)
    message.patch_height = message.patch_width = PATCH
    rows, columns = np.divmod(np.arange(PATCHES), SIDE)
    message.centres = array("f", (np.column_stack([columns, rows]) * PATCH + PATCH / 2).astype(np.float32).tobytes())
    points = np.column_stack([x + 0.2 * (columns - SIDE / 2), 0.2 * (rows - SIDE / 2), np.full(PATCHES, 2.0)])
    message.points = array("f", points.astype(np.float32).tobytes())
    message.sensor_pose = Pose(position=Point(x=x), orientation=Quaternion(w=1.0))
    message.jpeg = array("B", random.bytes(20_000))
    return message
