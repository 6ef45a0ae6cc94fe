# SPDX-License-Identifier: Apache-2.0
"""Uncaught exceptions of a node's callbacks, reported in the log and /diagnostics."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from typing import Any

from talk2dino_ros.ros.node.problems import ProblemLog

SHOWN_S = 10.0  # /diagnostics is read by people: long enough to be seen, short enough to say how it is now

# Gets what was lost ("a message on /tf was lost") and what was raised.
OnFault = Callable[[str, Exception], None]


class Faults:
    """Uncaught exceptions of one node."""

    def __init__(self, logger: Any) -> None:
        self._log = ProblemLog(logger)
        self._last_s = -SHOWN_S
        self.count = 0
        self.last = ""

    def note(self, what: str, error: Exception) -> None:
        """Log a fault, once per period where it repeats itself, and keep it for /diagnostics."""
        self.count += 1
        self.last = f"{what}: {error!r}"
        self._last_s = time.monotonic()
        self._log.report(what, error)

    @property
    def is_recent(self) -> bool:
        """Whether the last fault is recent enough to be reported."""
        return time.monotonic() - self._last_s < SHOWN_S


def answering(callback: Callable[[Any, Any], Any], on_fault: OnFault) -> Callable[[Any, Any], Any]:
    """Wrap a service's callback so that its client gets an answer where the callback raises, which `on_fault` gets.

    The answer is an empty one of the service's type; its `message`, where it has one, says what was raised.
    """

    @functools.wraps(callback)
    async def answer(request: Any, response: Any) -> Any:
        try:
            reply = callback(request, response)
            return await reply if inspect.isawaitable(reply) else reply
        except Exception as error:
            on_fault("a call of a service failed", error)
            return _apology(type(response), error)

    return answer


def _apology(response_type: type, error: Exception) -> Any:
    response = response_type()
    if hasattr(response, "message"):
        response.message = (
            f"the call failed because of a bug in this program ({error!r}); the node's log has the details"
        )
    return response
