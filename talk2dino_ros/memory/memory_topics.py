# SPDX-License-Identifier: Apache-2.0
"""Publishers of the memory: the last find's places, the heat of its word, and what /diagnostics says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from geometry_msgs.msg import PoseArray
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from talk2dino_msgs.msg import RememberedPlace
from visualization_msgs.msg import MarkerArray

from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.memory.memory_alarms import MemoryFacts, memory_alarms
from talk2dino_ros.memory.memory_messages import heat_to_cloud, places_to_markers, places_to_poses
from talk2dino_ros.perception.memory.voxel_map import voxel_centres
from talk2dino_ros.perception.memory.word_query import WordQuery, scores_of
from talk2dino_ros.ros.conversions.status_messages import diagnostic_status
from talk2dino_ros.ros.node.qos import LATCHED, RELIABLE

if TYPE_CHECKING:
    from diagnostic_msgs.msg import DiagnosticStatus

    from talk2dino_ros.memory.image_input import ImageInput
    from talk2dino_ros.perception.memory.spatial_memory import SpatialMemory


class MemoryTopics:
    """The memory node's publishers."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._markers_pub = node.create_publisher(MarkerArray, "~/places", LATCHED)
        self._poses_pub = node.create_publisher(PoseArray, "~/place_poses", LATCHED)
        self._heat_pub = node.create_publisher(PointCloud2, "~/heat", RELIABLE)
        self._query: WordQuery | None = None
        self._had_listeners = False

    def publish_places(self, places: Sequence[RememberedPlace], header: Header, query: WordQuery) -> None:
        """Publish a find's places; the heat of its word follows where someone listens."""
        self._markers_pub.publish(places_to_markers(places, header))
        self._poses_pub.publish(places_to_poses(places, header))
        self._query, self._had_listeners = query, False

    def update_heat(self, memory: SpatialMemory) -> None:
        """Publish the heat of the last word, once for each find and for who has begun to listen since."""
        listens = self._heat_pub.get_subscription_count() > 0
        if listens and not self._had_listeners and self._query is not None and memory.store.kind is not None:
            columns = memory.voxels.columns
            there = columns["detections"] > 0
            scores = scores_of(memory.compare(self._query).best)[there]
            header = Header(stamp=self._node.get_clock().now().to_msg(), frame_id=memory.store.kind.frame)
            centres = voxel_centres(memory.voxels.keys[there], memory.cell_m)
            self._heat_pub.publish(heat_to_cloud(centres, scores, header))
        self._had_listeners = listens

    def forget_query(self) -> None:
        """Drop the last word, as the memory it was asked in is closed."""
        self._query = None


def memory_facts(node: Any, memory: SpatialMemory, images: ImageInput, *, is_active: bool) -> MemoryFacts:
    """Return what the memory's watchdogs look at."""
    now_s, notices = time.monotonic(), memory.store.notices
    return MemoryFacts(
        is_active=is_active,
        silence_s={topic: now_s - heard_s for topic, heard_s in images.last_heard_s.items()},
        published=frozenset(topic for topic in images.last_heard_s if node.count_publishers(topic)),
        reason=images.reason,
        failure=images.failure,
        notice=notices[-1] if notices else "",
        frame=memory.store.kind.frame if memory.store.kind else "",
    )


def memory_status(name: str, facts: MemoryFacts, memory: SpatialMemory, images: ImageInput) -> DiagnosticStatus:
    """Make the memory's status for /diagnostics."""
    store = memory.store
    text = f"{counted(memory.keyframes, 'keyframe')} of {memory.floor_m2:.0f} m2 of the map '{store.map_id}'"
    kind, last_s = store.kind, images.last_write_s
    values = {
        "map": store.map_id,
        "folder": store.folder,
        "feature space": kind.feature_space if kind else "",
        "model": kind.model if kind else "",
        "frame": kind.frame if kind else "",
        "keyframes": memory.keyframes,
        "keyframes removed for max_bytes": memory.thinned,
        "damaged keyframes": len(store.damaged),
        "voxels": len(memory.voxels),
        "voxels seen through and removed": memory.voxels.removed,
        "bytes in memory": memory.nbytes,
        "bytes on disk": store.bytes_on_disk(),
        "square metres": f"{memory.floor_m2:.1f}",
        "seconds since the last write": "" if last_s is None else f"{time.time() - last_s:.1f}",
        "rejected images": sum(images.gate.rejected.values()),
        **{f"rejected: {reason}": count for reason, count in sorted(images.gate.rejected.items())},
    }
    return diagnostic_status(f"{name}: memory", memory_alarms(facts), text, values)
