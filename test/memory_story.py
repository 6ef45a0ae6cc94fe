# SPDX-License-Identifier: Apache-2.0
"""Keyframes for tests of the memory, each different, from a seed."""

from pathlib import Path

import numpy as np

from talk2dino_ros.perception.memory.disk.keyframe_store import FeatureKind, KeyframeStore
from talk2dino_ros.perception.memory.feature_basis import to_codes, unit_vectors
from talk2dino_ros.perception.memory.keyframe import Keyframe, to_millimetres
from talk2dino_ros.perception.memory.sensor_pose import SensorPose
from talk2dino_ros.perception.memory.spatial_memory import SeenImage

KIND = FeatureKind("space-a", "mini", 8, "map")
DIRECTIONS = np.eye(8, dtype=np.float32)
FORWARD = (-0.5, 0.5, -0.5, 0.5)  # the optical frame of a camera that looks along the map's x: right is -y, down is -z


def pose_at(x: float = 0.0, y: float = 0.0, z: float = 1.0) -> SensorPose:
    """A camera at a place, that looks along x."""
    return SensorPose((x, y, z), FORWARD)


def keyframe(points, features, *, pose: SensorPose | None = None, stamp_s: float = 1.0, jpeg: bytes = b"") -> Keyframe:
    """A keyframe of points in the map, with features as they are in the basis."""
    pose = pose or pose_at()
    points, features = np.asarray(points, np.float64).reshape(-1, 3), np.asarray(features, np.float32)
    units, _ = unit_vectors(features)
    centres = np.column_stack([np.arange(len(points)) * 16 + 8, np.full(len(points), 8)]).astype(np.uint16)
    codes, scales = to_codes(units)
    near = to_millimetres(pose.to_sensor(points))
    return Keyframe(int(stamp_s * 1e9), "", pose, codes, scales, near, centres, (16.0, 16.0), jpeg)


def seeded_keyframe(seed: int, patches: int = 20) -> Keyframe:
    """A keyframe of random patches in front of the camera."""
    random = np.random.default_rng(seed)
    points = random.uniform((1, -2, 0), (5, 2, 2), (patches, 3))
    return keyframe(points, random.normal(size=(patches, 8)), stamp_s=seed, jpeg=random.bytes(200))


def seeded_image(seed: int, patches: int = 20) -> SeenImage:
    """An image as it comes, of random patches in front of the camera."""
    random = np.random.default_rng(seed)
    points = random.uniform((1, -2, 0), (5, 2, 2), (patches, 3))
    turn = random.normal(size=4)
    pose = SensorPose((0.1, 0.2, 0.3), tuple((turn / np.linalg.norm(turn)).tolist()))
    features = random.normal(size=(patches, 8)).astype(np.float32)
    return SeenImage(seed, "front", pose, features, points, random.uniform(0, 640, (patches, 2)), (8.0, 9.5), b"jpeg")


def filled(store: KeyframeStore, count: int = 3) -> KeyframeStore:
    for seed in range(1, count + 1):
        store.add(seeded_keyframe(seed), KIND, DIRECTIONS if seed == 1 else None)
    return store


def reopened(store: KeyframeStore) -> KeyframeStore:
    store.close()
    return KeyframeStore(store.folder.parent, store.map_id)


def at_file(store: KeyframeStore) -> Path:
    return store.folder / "memory.sqlite3"


def stamps(store: KeyframeStore) -> list[int]:
    return [keyframe.stamp_ns // 10**9 for _, keyframe in store]
