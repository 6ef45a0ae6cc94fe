# SPDX-License-Identifier: Apache-2.0
"""Lifecycle node `memory`: configure, activate, deactivate and clean up; memory_server.py has the services."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from diagnostic_msgs.msg import DiagnosticStatus

from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.memory.image_input import ImageInput
from talk2dino_ros.memory.memory_parameters import MemoryParameters
from talk2dino_ros.memory.memory_server import MemoryServer
from talk2dino_ros.memory.memory_topics import MemoryTopics, memory_facts, memory_status
from talk2dino_ros.memory.text_client import TextClient
from talk2dino_ros.perception.memory.disk.keyframe_store import KeyframeStore
from talk2dino_ros.perception.memory.spatial_memory import SpatialMemory, compile_loops
from talk2dino_ros.ros.node.managed_node import ManagedNode
from talk2dino_ros.ros.node.waits import Waits
from talk2dino_ros.ros.parameters import parameter_set
from talk2dino_ros.ros.parameters.parameter_field import Value
from talk2dino_ros.ros.parameters.parameter_set import NodeValues

TICK_S = 0.05


class MemoryNode(ManagedNode):
    """Lifecycle node that remembers images of a map, and finds places in it by words.

    Parameters: see memory_parameters.py.
    Subscribes <segmenter>/<camera>/patch_features (PatchFeatures), pose_topic (PoseWithCovarianceStamped, optional).
    Publishers: ~/places (MarkerArray), ~/place_poses (PoseArray), ~/heat (PointCloud2), /diagnostics.
    Services: ~/find, ~/view, ~/forget, ~/correct. They answer that it is too early while the node is not active.
    Calls <segmenter>/encode_text. Raises ParameterError where a parameter's start value is not allowed.
    """

    PARAMETERS: ClassVar[type[NodeValues]] = MemoryParameters

    def __init__(self, **node_options: Any) -> None:
        super().__init__("memory", **node_options)
        parameter_set.declare(self, MemoryParameters)
        for warning in parameter_set.unknown_names(self, MemoryParameters):
            self.get_logger().warning(warning)
        self._settings = parameter_set.read(self, MemoryParameters)
        self._waits = Waits(self)
        self._topics = MemoryTopics(self)
        self._images: ImageInput | None = None
        self._timer: Any = None
        self._server = MemoryServer(self, self._topics, lambda: self._settings)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self.start_diagnostics(self._settings.diagnostics_period_s)

    def _configure(self) -> None:
        settings = self._settings
        self.start_diagnostics(settings.diagnostics_period_s)
        compile_loops()
        store = KeyframeStore(Path(settings.folder), settings.map_id)
        try:
            self._server.memory = memory = SpatialMemory(
                store, cell_m=settings.voxel_m, max_range_m=settings.max_range_m, max_bytes=settings.max_bytes
            )
        except BaseException:
            store.close()
            raise
        for notice in store.notices:
            self.get_logger().warning(notice)
        self._images = ImageInput(self, memory, lambda: self._settings)
        self._server.on_forgotten = self._images.choice.forget
        self._server.text = TextClient(self, settings.segmenter, self._waits)
        self._timer = self.create_timer(TICK_S, self._tick, clock=self.steady_clock)
        images = counted(memory.keyframes, "image")
        self.get_logger().info(f"{images} of map '{settings.map_id}' in {store.folder}")

    def _activate(self) -> None:
        assert self._images is not None
        self._images.start()
        self._server.is_active = True
        self.get_logger().info("call ~/find")

    def _deactivate(self) -> None:
        self._server.is_active = False
        self._waits.poll()  # who waits for the segmenter is told so
        if self._images is not None:
            self._images.stop()

    def destroy_node(self) -> None:
        """Remove the node from the ROS graph, and close the store, which takes its log into the one file."""
        super().destroy_node()
        if self._server.memory is not None:
            self._server.memory.store.close()

    def _tear_down(self) -> None:
        self._deactivate()
        timer, self._timer = self._timer, None
        if timer is not None:
            self.destroy_timer(timer)
        text, self._server.text = self._server.text, None
        if text is not None:
            text.destroy()
        memory, self._server.memory = self._server.memory, None
        if memory is not None:
            memory.store.close()
        self._images = None
        self._topics.forget_query()

    def _tick(self) -> None:
        self._waits.poll()
        if self._server.memory is not None and self._server.is_active:
            self._topics.update_heat(self._server.memory)

    def _statuses(self) -> list[DiagnosticStatus]:
        memory, images = self._server.memory, self._images
        if memory is None or images is None:
            return []
        facts = memory_facts(self, memory, images, is_active=self._server.is_active)
        return [memory_status(self.get_fully_qualified_name().lstrip("/"), facts, memory, images)]

    def _kept_bytes(self) -> int:
        return self._server.memory.nbytes if self._server.memory is not None else 0

    def _change_parameters(self, values: Mapping[str, Value]) -> None:
        self._settings = parameter_set.check_changes(values, self._settings, configured=self._server.memory is not None)
        if self._images is not None:
            self._images.adopt(self._settings)
