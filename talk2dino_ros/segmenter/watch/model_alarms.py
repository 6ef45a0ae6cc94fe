# SPDX-License-Identifier: Apache-2.0
"""Watchdogs of the model and its thread: from facts to alarms. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from talk2dino_ros.ros.watch.alarm import Alarm, AlarmLevel, raised


@dataclass(frozen=True)
class ModelFacts:
    """What is known of the model now.

    busy_s: for how many seconds the batch in hand has been at it. has_died: the thread that owns it has ended.
    throttled: the alarm of what holds its device down; see `Throttling`.
    """

    busy_s: float = 0.0
    stall_timeout_s: float = 60.0
    has_died: bool = False
    throttled: Alarm | None = None

    @property
    def is_stalled(self) -> bool:
        """Whether no mask can be expected of it."""
        return self.has_died or self.busy_s > self.stall_timeout_s


def model_alarms(facts: ModelFacts) -> tuple[Alarm, ...]:
    """Return what is wrong with the model, the worst first."""
    return raised(stalled(facts), died(facts), facts.throttled)


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
