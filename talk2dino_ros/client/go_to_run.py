# SPDX-License-Identifier: Apache-2.0
"""One go_to by the goal node's action: its feedback, its end, and how it is cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from talk2dino_msgs.msg import GoToState

from talk2dino_ros.client.client_errors import RefusedError, SilentNodeError
from talk2dino_ros.client.departure import Departure
from talk2dino_ros.client.service_requests import DISCOVERY_S, absent, ended

if TYPE_CHECKING:
    from concurrent.futures import Future

    from rclpy.action import ActionClient

    from talk2dino_ros.client.client_work import ClientWork

NAME = "the goal node's action go"
TAKEN_WITHIN_S, SENT_AT_MOST = 5.0, 3
QUIET_S = 10.0  # without feedback: the answer that the go_to has ended may be lost, and is asked for again
STATES: dict[int, str] = {
    value: name for name, value in vars(GoToState).items() if name.isupper() and isinstance(value, int)
}


class GoToRun:
    """A go_to that is under way. Any thread may use it.

    result: the future of the action's result, whose `state` and `message` say how it ended, reached or not; it raises
    AbsentNodeError where there is no goal node, or where it ends in the middle. feedback: the newest; None before it.
    is_cancelled: whether `cancel` was called, also before the result tells of it.
    """

    def __init__(
        self, action: ActionClient, work: ClientWork, goal: Any, on_feedback: Callable[[Any], None] | None = None
    ) -> None:
        self.feedback: Any = None
        self._action = action
        self._work = work
        self._goal = goal
        self._on_feedback = on_feedback
        self.is_cancelled = False
        self._departure = Departure(action.server_is_ready)
        self._heard_s = time.monotonic()
        self.result: Future[Any] = work.start(self._run)

    @property
    def state(self) -> str:
        """The state's name, such as "SEARCHING" or "REACHED"; "" before the first feedback, or after an error."""
        if self.result.done():
            return "" if self.result.exception() else state_of(self.result.result())
        return state_of(self.feedback) if self.feedback else ""

    def cancel(self) -> Future[Any]:
        """End it, as soon as the goal node has it; return the future of its result, as `result`."""
        self.is_cancelled = True
        return self.result

    async def _run(self) -> Any:
        if not await self._work.waits.until(self._action.server_is_ready, DISCOVERY_S):
            raise absent(NAME, DISCOVERY_S)
        handle = await self._taken()
        if not handle.accepted:
            raise RefusedError(
                f"{NAME} does not take the go_to, expected it active; activate it, or look at the log of its node",
                handle,
            )
        return (await self._end_of(handle)).result

    async def _taken(self) -> Any:
        """Return the goal's handle; the goal is sent again where the answer is lost, which replaces the one before.

        So the last one's answer counts: one to a goal before may be late and not lost, and that goal is replaced.
        """
        sent: list[Any] = []
        for _ in range(SENT_AT_MOST):
            sent.append(self._action.send_goal_async(self._goal, self._on_message))
            await self._work.waits.until(lambda: sent[-1].done() or self._departure.is_certain(), TAKEN_WITHIN_S)
            if sent[-1].done():
                return sent[-1].result()
            if self._departure.is_certain():
                raise ended(NAME)
        if done := _done(sent):
            return done[-1].result()
        raise SilentNodeError(
            f"{NAME} has not answered in {SENT_AT_MOST * TAKEN_WITHIN_S:g} s, expected an answer at once; look at "
            "the log of its node"
        )

    async def _end_of(self, handle: Any) -> Any:
        asked, is_told = [handle.get_result_async()], False
        while not (done := _done(asked)):
            if self._departure.is_certain():
                raise ended(NAME)
            if self.is_cancelled and not is_told:
                handle.cancel_goal_async()
                is_told = True
            elif time.monotonic() - self._heard_s > QUIET_S:  # it may have ended, and the answer been lost
                asked.append(handle.get_result_async())
                self._heard_s = time.monotonic()
            await self._work.waits.until(partial(self._has_news, asked, is_told), QUIET_S)
        return done[0].result()

    def _has_news(self, asked: list[Any], is_told: bool) -> bool:
        return bool(_done(asked)) or self._departure.is_certain() or (self.is_cancelled and not is_told)

    def _on_message(self, message: Any) -> None:
        self.feedback, self._heard_s = message.feedback, time.monotonic()
        if self._on_feedback is not None:
            self._on_feedback(message.feedback)


def state_of(told: Any) -> str:
    """Return the name of the state in a feedback or a result; "" for one that this version does not know."""
    return STATES.get(told.state.value, "")


def _done(futures: list[Any]) -> list[Any]:
    return [future for future in futures if future.done()]
