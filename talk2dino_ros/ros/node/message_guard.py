# SPDX-License-Identifier: Apache-2.0
"""Validate the messages of all subscriptions: drop, count and log those that cannot be used."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.ros.node.faults import SHOWN_S
from talk2dino_ros.ros.node.problems import ProblemLog


class MessageError(Talk2DinoError):
    """Invalid message."""


def check_stamp(message: Any) -> None:
    """Raise MessageError for a stamp that is none; rclpy and every C++ node that gets it on would raise on it."""
    stamp = message.header.stamp if hasattr(message, "header") else getattr(message, "clock", None)
    if stamp is not None and flaw_of_stamp(stamp):
        raise MessageError(flaw_of_stamp(stamp))


def flaw_of_stamp(stamp: Any) -> str:
    """Return what is wrong with a builtin_interfaces/Time, or ''."""
    if stamp.sec >= 0 and stamp.nanosec < 10**9:
        return ""
    return (
        f"its stamp is {stamp.sec} s and {stamp.nanosec} ns, expected 0 s or more and less than 1000000000 ns; "
        "let its publisher fill header.stamp from its clock"
    )


class MessageGuard:
    """Wrapper of callbacks that may refuse a message by a Talk2DinoError, with counts of the dropped ones.

    What else a callback raises is a fault of the program and goes on to the executor. logger: returns the node's, once
    there is one.
    """

    def __init__(self, logger: Callable[[], Any]) -> None:
        self.dropped = 0
        self._logger = logger
        self._log: ProblemLog | None = None
        self._last = ""
        self._last_s = -SHOWN_S

    @property
    def recent(self) -> str:
        """The newest dropped message in one sentence; empty where none was dropped lately."""
        return self._last if time.monotonic() - self._last_s < SHOWN_S else ""

    def around(
        self,
        callback: Callable[[Any], Any],
        topic: str,
        on_refused: Callable[[Talk2DinoError], None] | None = None,
        read: Callable[[Any], Any] | None = None,
    ) -> Callable[[Any], None]:
        """Return the callback that drops, counts and logs a message which the given one refuses, as `on_refused` hears.

        read: makes the message of what is taken. MessageError: the message has not come to the callback.
        """

        def on_message(message: Any) -> None:
            try:
                message = message if read is None else read(message)
                check_stamp(message)
                callback(message)
            except Talk2DinoError as error:
                self.drop(f"a message on {topic} was dropped", error)
                if on_refused is not None:
                    on_refused(error)

        return on_message

    def drop(self, what: str, error: Talk2DinoError) -> None:
        """Count and log what is dropped, such as "a message on /tf was dropped", and why."""
        self.dropped += 1
        self._last, self._last_s = f"{what}: {error}", time.monotonic()
        self._log = self._log or ProblemLog(self._logger())
        self._log.report(what, error)
