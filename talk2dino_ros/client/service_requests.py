# SPDX-License-Identifier: Apache-2.0
"""Requests to services: what is not there, what ends in the middle and what stays silent is told in a sentence."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import ReentrantCallbackGroup

from talk2dino_ros.client.client_errors import AbsentNodeError, RefusedError, SilentNodeError
from talk2dino_ros.client.departure import Departure
from talk2dino_ros.ros.node.first_answer import ASK_AGAIN_S, discovery_s, first_answer

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.client.client_work import ClientWork

DISCOVERY_S = discovery_s(os.environ)  # what is not discovered in it does not run


class ServiceRequests:
    """Clients of services, each made when it is first needed. Its coroutines run as ClientWork."""

    def __init__(self, node: Node, work: ClientWork) -> None:
        self._node = node
        self._work = work
        self._clients: dict[str, Any] = {}

    def prepare(self, service_type: type, name: str) -> Any:
        """Return the client of a service, made if need be: who answers a later one has discovered it already."""
        if name not in self._clients:
            group = ReentrantCallbackGroup()  # an answer must not wait for the coroutine that waits for it
            self._clients[name] = self._node.create_client(service_type, name, callback_group=group)
        return self._clients[name]

    async def ask(self, service_type: type, name: str, request: Any, timeout_s: float, *, repeatable: bool) -> Any:
        """Return a service's answer.

        repeatable: whether the request may be sent again where an answer is lost, as it changes nothing.
        Raises AbsentNodeError, SilentNodeError.
        """
        client, waits = self.prepare(service_type, name), self._work.waits
        what = self._called(name)
        wait_s = min(DISCOVERY_S, timeout_s)
        if not await waits.until(client.service_is_ready, wait_s):
            raise absent(what, wait_s)
        again_s, departure = ASK_AGAIN_S if repeatable else math.inf, Departure(client.service_is_ready)
        answer = await first_answer(client, request, waits, timeout_s, departure.is_certain, again_s=again_s)
        if answer is not None:
            return answer
        if departure.is_certain():
            raise ended(what)
        raise SilentNodeError(
            f"{what} has not answered in {timeout_s:g} s; look at the log of its node, or give it more time"
        )

    async def ask_for_success(
        self, service_type: type, name: str, request: Any, timeout_s: float, *, repeatable: bool
    ) -> Any:
        """Return an answer that says `success`; raise RefusedError for another, and as `ask` does."""
        answer = await self.ask(service_type, name, request, timeout_s, repeatable=repeatable)
        if not answer.success:
            raise RefusedError(f"{self._called(name)} refuses: {answer.message}", answer)
        return answer

    def _called(self, name: str) -> str:
        return f"the service {self._node.resolve_service_name(name)}"

    def destroy(self) -> None:
        """Destroy the clients."""
        for client in self._clients.values():
            self._node.destroy_client(client)


def absent(what: str, waited_s: float) -> AbsentNodeError:
    """Return the error of what did not appear in so many seconds."""
    return AbsentNodeError(
        f"{what} is not there after {waited_s:g} s, expected its node running in this ROS_DOMAIN_ID and namespace; "
        "start it, or give the client its name"
    )


def ended(what: str) -> AbsentNodeError:
    """Return the error of what vanished before it answered."""
    return AbsentNodeError(f"{what} has gone before it answered, as its node has ended; start it again, then ask again")
