# SPDX-License-Identifier: Apache-2.0
"""Watchdogs of the memory: from facts to alarms. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from talk2dino_ros.ros.watch.alarm import Alarm, AlarmLevel, raised

SILENT_S = 30.0  # features come twice a second by default, and once in some seconds of a slow model
LOCALISATION = ("no localisation", "localisation uncertain", "localisation jumped", "no pose")
REFUSED = ("cannot be written", "other features")
ODOMETRY = "odom"  # as REP 105 names its frame


@dataclass(frozen=True)
class MemoryFacts:
    """What is known of the memory's images now.

    silence_s: for how long no features have come, by topic; published: the topics that somebody publishes.
    failure, reason: why the newest image was not remembered, in a sentence and in the few words it is counted by; ""
    where it was. notice: what the store had to say when it was opened, or since. frame: of the places; "" before any.
    """

    is_active: bool = True
    silence_s: Mapping[str, float] = field(default_factory=dict)
    published: frozenset[str] = frozenset()
    reason: str = ""
    failure: str = ""
    notice: str = ""
    frame: str = ""


def memory_alarms(facts: MemoryFacts) -> tuple[Alarm, ...]:
    """Return what is wrong with the memory, the worst first."""
    silence = no_features(facts)
    is_news = facts.reason in REFUSED or silence is None  # without images it is not known where the robot is now
    return raised(rejected(facts) if is_news else None, silence, damaged(facts), of_odometry(facts.frame))


def no_features(facts: MemoryFacts) -> Alarm | None:
    """Raise an alarm where features do not come, of all cameras or of one."""
    silent = {topic: silence_s for topic, silence_s in facts.silence_s.items() if silence_s > SILENT_S}
    if not facts.is_active or not silent:
        return None
    topics = ", ".join(silent)
    unknown = ", ".join(topic for topic in silent if topic not in facts.published)
    why = (
        f"nobody publishes on {unknown}; start the segmenter, or set the parameters segmenter and cameras as its own"
        if unknown
        else "the segmenter is there; look whether it is active and segmenting, and at its features_rate_hz"
    )
    text = f"no patch features on {topics} for {min(silent.values()):.0f} s, expected them each second or so: {why}"
    return Alarm("features", AlarmLevel.WARN, text)


def rejected(facts: MemoryFacts) -> Alarm | None:
    """Raise an alarm where the newest image was not remembered."""
    if not facts.failure:
        return None
    if facts.reason in REFUSED:
        return Alarm("store", AlarmLevel.ERROR, facts.failure)
    if facts.reason in LOCALISATION:
        return Alarm("localisation", AlarmLevel.WARN, facts.failure)
    return Alarm("images", AlarmLevel.WARN, facts.failure)


def damaged(facts: MemoryFacts) -> Alarm | None:
    """Raise an alarm where the store has lost something, or had to be mended."""
    return Alarm("damage", AlarmLevel.WARN, facts.notice) if facts.notice else None


def of_odometry(frame: str) -> Alarm | None:
    """Raise an alarm where the places are in a frame of odometry, and so elsewhere after the robot's next start."""
    if frame.rpartition("/")[2] != ODOMETRY:
        return None
    text = (
        f"the places are in '{frame}', which begins anew with each start of the robot, expected the map's frame; "
        "set the segmenter's target_frame to it, and choose another map_id"
    )
    return Alarm("frame", AlarmLevel.WARN, text)
