# SPDX-License-Identifier: Apache-2.0
"""Client of the memory's service find: where a class was seen before."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import ReentrantCallbackGroup
from talk2dino_msgs.srv import Find

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.ros.node.first_answer import discovery_s, first_answer

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.ros.node.waits import Waits

DISCOVERY_S = discovery_s(os.environ)  # a memory that is not discovered in it does not run


class NoMemoryError(Talk2DinoError):
    """The memory is not there, silent, or refuses."""


class AbsentMemoryError(NoMemoryError):
    """There is no memory."""


class MemoryClient:
    """Client of a memory's service find.

    memory: the name of its node, relative or absolute.
    """

    def __init__(self, node: Node, memory: str, waits: Waits) -> None:
        self._node = node
        self._waits = waits
        # an answer must not wait for the coroutine that waits for it
        self._client = node.create_client(Find, f"{memory}/find", callback_group=ReentrantCallbackGroup())

    async def find(self, words: str, timeout_s: float, is_over: Callable[[], bool]) -> Any:
        """Return the answer of find for a class; raise NoMemoryError, also where `is_over` ends the waiting early."""
        client, name = self._client, self._client.srv_name
        wait_s = min(DISCOVERY_S, timeout_s)
        if not await self._waits.until(lambda: client.service_is_ready() or is_over(), wait_s) or is_over():
            raise AbsentMemoryError(
                f"no memory is asked, as the service {name} is not there; start the node memory (the launch argument "
                "memory:=true), or set the parameter memory to its name"
            )
        answer = await first_answer(client, Find.Request(class_name=words), self._waits, timeout_s, is_over)
        if answer is None:
            raise NoMemoryError(
                f"the service {name} has not answered in {timeout_s:g} s; look at the memory's log, or raise "
                "memory_timeout_s"
            )
        if not answer.success:
            raise NoMemoryError(f"the memory refuses: {answer.message}")
        return answer

    def destroy(self) -> None:
        """Destroy the client."""
        self._node.destroy_client(self._client)
