# SPDX-License-Identifier: Apache-2.0
"""Which tools a language model is offered, without a robot."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from talk2dino_ros.agents.permissions import Permissions

robot_server = pytest.importorskip("talk2dino_ros.agents.robot_server", reason="there is no ROS, or no mcp")
SEEING = {"look", "find", "list", "set_words"}


@pytest.mark.parametrize(
    ("permissions", "names"),
    [
        (Permissions(), SEEING),
        (Permissions(set_words=True), SEEING),
        (Permissions(go_to_words=("cup",)), SEEING | {"go_to", "cancel"}),
        (Permissions(confirm_go_to=True), SEEING | {"go_to", "cancel"}),
    ],
)
def test_go_to_is_offered_only_where_it_is_allowed(permissions, names):
    @asynccontextmanager
    async def nowhere(_server):
        yield None

    server = robot_server.make_server(nowhere, permissions)
    assert {tool.name for tool in asyncio.run(server.list_tools())} == names
