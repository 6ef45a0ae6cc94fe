# SPDX-License-Identifier: Apache-2.0
"""Watchdogs of the model and its thread: from facts to alarms. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from talk2dino_ros.ros.watch.alarm import Alarm, AlarmLevel, raised

PATIENCE_S = 3.0  # memory that another program took for a moment comes back


@dataclass(frozen=True)
class ModelFacts:
    """What is known of the model now.

    busy_s: for how many seconds the batch in hand has been at it. has_died: the thread that owns it has ended.
    throttled: the alarm of what holds its device down; see `Throttling`. failure: why the model, and not an image, was
    what the newest images failed by, "" where it was not, with for how long.
    """

    busy_s: float = 0.0
    stall_timeout_s: float = 60.0
    has_died: bool = False
    throttled: Alarm | None = None
    failure: str = ""
    failing_s: float = 0.0

    @property
    def is_stalled(self) -> bool:
        """Whether no mask can be expected of it."""
        return self.has_died or self.busy_s > self.stall_timeout_s


def model_alarms(facts: ModelFacts) -> tuple[Alarm, ...]:
    """Return what is wrong with the model, the worst first."""
    return raised(stalled(facts), died(facts), failed(facts), facts.throttled)


def stalled(facts: ModelFacts) -> Alarm | None:
    """Raise an alarm where the model has not returned from a batch."""
    if facts.busy_s <= facts.stall_timeout_s:
        return None
    return Alarm(
        "stall",
        AlarmLevel.ERROR,
        f"the model has not returned from an image for {facts.busy_s:.0f} s, expected it within "
        f"{facts.stall_timeout_s:g} s (stall_timeout_s); look at the device (dmesg, nvidia-smi), end the process and "
        "start it again",
    )


def died(facts: ModelFacts) -> Alarm | None:
    """Raise an alarm where nobody segments any more."""
    if not facts.has_died:
        return None
    return Alarm(
        "worker",
        AlarmLevel.ERROR,
        "the thread that segments has ended, expected it to run while the node is active; deactivate and activate the "
        "node, and report what its log says",
    )


def failed(facts: ModelFacts) -> Alarm | None:
    """Raise an alarm where the device fails: a manager can load the model again, and where that fails start anew."""
    if not facts.failure or facts.failing_s <= PATIENCE_S:
        return None
    return Alarm(
        "device", AlarmLevel.ERROR, f"no image has been segmented for {facts.failing_s:.0f} s: {facts.failure}"
    )
