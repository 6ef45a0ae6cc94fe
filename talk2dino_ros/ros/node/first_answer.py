# SPDX-License-Identifier: Apache-2.0
"""Ask a service again until an answer comes: for requests that change nothing, or nothing more the second time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talk2dino_ros.engine.errors import Talk2DinoError
    from talk2dino_ros.ros.node.waits import Waits

# A service's answer is lost where the server has not discovered the client's reader yet, which no client can see:
# rmw_fastrtps waits 0.1 s for it (https://github.com/ros2/rmw_fastrtps/pull/390), on a busy machine too short.
ASK_AGAIN_S = 2.0


def discovery_s(environment: Mapping[str, str]) -> float:
    """Return the seconds in which a service of a node that runs is discovered, also if one announcement is lost.

    Fast DDS: a process announces itself five times in 0.5 s and then each 3 s (its settings initial_announcements and
    leaseDuration_announcementperiod), and what it offers reaches the other reliably, with a heartbeat each second: 4.5
    s where the first five and one message more are lost. Cyclone DDS: each 8 s, which is 2 s before the 10 s of its
    Discovery/LeaseDuration end, and what is sent to one that is new is repeated after 1 s: 9 s. Zenoh announces through
    TCP, on which nothing is lost.
    """
    return 10.0 if "cyclonedds" in environment.get("RMW_IMPLEMENTATION", "") else 5.0


async def first_answer(
    client: Any,
    request: Any,
    waits: Waits,
    timeout_s: float,
    is_over: Callable[[], bool],
    *,
    again_s: float = ASK_AGAIN_S,
) -> Any:
    """Return a service's first answer, or None after so many seconds, or where `is_over` ends the waiting early.

    again_s: the request is sent again where no answer comes for so long; math.inf for one that changes something.
    """
    sent: list[Any] = []
    end_s = time.monotonic() + timeout_s
    while not (answers := _answers(sent)) and not is_over() and (left_s := end_s - time.monotonic()) > 0:
        sent.append(client.call_async(request))
        await waits.until(lambda: bool(_answers(sent)) or is_over(), min(again_s, left_s))
    for future in sent:
        client.remove_pending_request(future)
    return answers[0] if answers and not is_over() else None


async def segmenters_answer(
    client: Any,
    request: Any,
    waits: Waits,
    timeout_s: float,
    is_over: Callable[[], bool],
    *,
    error: type[Talk2DinoError],
    again_s: float = ASK_AGAIN_S,
    since_s: float | None = None,
) -> Any:
    """Return the first answer of one of the segmenter's services; raise `error` where it is not there, or silent.

    since_s: when the waiting began by time.monotonic(), for who had to wait for a turn; else the service may take
    timeout_s to come, and as long to answer.
    """

    def left_s() -> float:
        return timeout_s if since_s is None else max(since_s + timeout_s - time.monotonic(), 0.0)

    if not await waits.until(lambda: client.service_is_ready() or is_over(), left_s()) or is_over():
        raise error(
            f"the service {client.srv_name} is not there after {timeout_s:g} s; start the segmenter, or set the "
            "parameter segmenter to the name of its node"
        )
    answer = await first_answer(client, request, waits, left_s(), is_over, again_s=again_s)
    if answer is None:
        raise error(
            f"the service {client.srv_name} has not answered in {timeout_s:g} s; look at the segmenter's log, or raise "
            "segmenter_timeout_s"
        )
    return answer


def _answers(futures: list[Any]) -> list[Any]:
    return [future.result() for future in futures if future.done()]
