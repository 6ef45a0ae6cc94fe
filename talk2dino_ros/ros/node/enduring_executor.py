# SPDX-License-Identifier: Apache-2.0
"""Single-threaded executor that goes on after exceptions in callbacks.

A callback is not all that may raise: a message that is no valid one does when it is taken, an answer to a client that
is gone when it is sent. So this stands around all of it, and callbacks say in words what they expect to go wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy.exceptions import InvalidHandle
from rclpy.executors import ShutdownException, SingleThreadedExecutor, TimeoutException

from talk2dino_ros.ros.node.faults import OnFault

if TYPE_CHECKING:
    from talk2dino_ros.ros.requests.request_desk import RequestDesk


class EnduringExecutor(SingleThreadedExecutor):
    """Single-threaded executor of rclpy that passes exceptions to on_fault and goes on with the next callback.

    desk: takes the requests of services, and answers them; None: rclpy's own way, for a node that offers none.
    """

    def __init__(self, on_fault: OnFault, desk: RequestDesk | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._on_fault = on_fault
        self._desk = desk

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Wait for a callback and run it; raise what goes wrong with waiting itself."""
        try:
            handler, entity, _node = self.wait_for_ready_callbacks(timeout_sec=timeout_sec)
        except (ShutdownException, TimeoutException):
            return
        handler()
        error = handler.exception() if handler.done() else None
        if error is not None:
            _let_go_on(entity)
            self._on_fault(_what_was_lost(entity), error)

    def _take_service(self, srv: Any) -> Any:
        if self._desk is None:
            return super()._take_service(srv)
        try:
            with srv.handle:
                return self._desk.take(srv, self.create_task)
        except InvalidHandle:  # the service was destroyed meanwhile
            return None

    def drop_round(self) -> None:
        """Release the entities of the last round, which otherwise outlive their node, and with it its shared memory."""
        self._cb_iter = None


def _let_go_on(entity: Any) -> None:
    """Let the entity, and its group, be called again: rclpy does not where taking the message raised."""
    if entity is None:
        return
    entity._executor_event = False
    group = entity.callback_group
    if group is not None and getattr(group, "_active_entity", None) is entity:
        group.ending_execution(entity)


def _what_was_lost(entity: Any) -> str:
    if hasattr(entity, "topic_name"):
        return f"a message on {entity.topic_name} was lost"
    if hasattr(entity, "srv_name"):
        return f"a message of the service {entity.srv_name} was lost"
    return f"the work of a {type(entity).__name__.lower()} was lost" if entity else "a task was lost"
