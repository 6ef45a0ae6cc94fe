# SPDX-License-Identifier: Apache-2.0
"""Lifecycle node `web`: serves the page while it is active; robot_source.py has what the page shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from talk2dino_ros.client.talk2dino_client import Talk2DinoClient
from talk2dino_ros.ros.node.managed_node import ManagedNode
from talk2dino_ros.ros.parameters import parameter_set
from talk2dino_ros.ros.parameters.parameter_field import Value
from talk2dino_ros.ros.parameters.parameter_set import NodeValues
from talk2dino_ros.web.access import Access
from talk2dino_ros.web.robot.robot_source import RobotSource
from talk2dino_ros.web.robot.web_parameters import WebParameters
from talk2dino_ros.web.web_app import make_app
from talk2dino_ros.web.web_server import WebServer


class WebNode(ManagedNode):
    """Lifecycle node that shows the others in a browser. It is a client of theirs, and none of them needs it.

    Parameters: see web_parameters.py.
    Subscribes /diagnostics, and of cameras that someone looks at <segmenter>/<camera>/overlay, points_of_interest and
    objects. Calls the segmenter's set_vocabulary and get_vocabulary, and the goal node's action go.
    Raises ParameterError where a parameter's start value is not allowed.
    """

    PARAMETERS: ClassVar[type[NodeValues]] = WebParameters

    def __init__(self, **node_options: Any) -> None:
        super().__init__("web", **node_options)
        parameter_set.declare(self, WebParameters)
        for warning in parameter_set.unknown_names(self, WebParameters):
            self.get_logger().warning(warning)
        self._settings: WebParameters = parameter_set.read(self, WebParameters)
        self._server: WebServer | None = None
        self._client: Talk2DinoClient | None = None
        self._source: RobotSource | None = None
        self._is_configured = False
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self.start_diagnostics(self._settings.diagnostics_period_s)

    def _configure(self) -> None:
        self._is_configured = True

    def _activate(self) -> None:
        try:
            self._begin(self._settings)
        except Exception:
            self._deactivate()
            raise

    def _begin(self, settings: WebParameters) -> None:
        segmenter, goal, memory = settings.segmenter, settings.goal, settings.memory
        self._client = Talk2DinoClient(self, segmenter=segmenter, goal=goal, memory=memory)
        self._source = RobotSource(self, self._client, settings, self.faults.note)
        access = Access.of(settings.host, read_only=settings.read_only)
        app = make_app(self._source, access, max_rate_hz=settings.max_rate_hz)
        self._server = WebServer(app, access, settings.port)
        self._server.start()
        self.get_logger().info(f"the page is at {self._server.address}")

    def _deactivate(self) -> None:
        server, self._server = self._server, None
        source, self._source = self._source, None
        client, self._client = self._client, None
        if source is not None:
            source.close()
        if client is not None:
            client.close()
        if server is not None:
            server.stop()  # last: its requests wait for what the others end

    def _tear_down(self) -> None:
        self._deactivate()
        self._is_configured = False

    def before_exit(self) -> None:
        """End the server, so that browsers know of it."""
        super().before_exit()
        self._deactivate()

    def _change_parameters(self, values: Mapping[str, Value]) -> None:
        self._settings = parameter_set.check_changes(values, self._settings, configured=self._is_configured)
