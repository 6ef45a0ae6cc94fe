# SPDX-License-Identifier: Apache-2.0
"""Watchdogs of one camera: from facts to alarms. Pure.

One cause is told once: of what follows from it (no image, so no mask and no depth) nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass

from talk2dino_ros.ros.watch.alarm import Alarm, AlarmLevel, raised

PATIENCE_S = 2.0  # a single image without depth or transform is no news
LEAST_HELD_BACK_S = 5.0
READER_PAUSES = 3  # of new_reader_pause_s: one new reader takes two at most


@dataclass(frozen=True)
class CameraFacts:
    """What is known of a camera now. Times are in seconds, on the steady clock.

    transport: what is wrong with its images' way, "" where nothing is or before it is known.
    failure: why its newest image brought no mask. held_back_s: for how long its masks have been held back for new
    readers. latency_s: the median from reception to publishing of the last seconds' masks, NaN where there are too few;
    age_s: the same from the images' stamps, None where these do not run with the node's clock. busy_s: for how long
    the batch in hand has been at the model. depth: why the last images had no depth, and transform why no transform,
    each with for how long. frame_doubt: why their frame does not seem to be an optical one.
    wants_depth_on: a topic that nobody publishes, though target_frame asks for positions.
    """

    topic: str
    is_streaming: bool = True
    is_enabled: bool = True
    is_stalled: bool = False
    silence_s: float = 0.0
    image_timeout_s: float = 5.0
    transport: str = ""
    failure: str = ""
    held_back_s: float = 0.0
    new_reader_pause_s: float = 1.5
    latency_s: float = float("nan")
    age_s: float | None = None
    busy_s: float = 0.0
    latency_warn_s: float = 2.0
    depth: str = ""
    no_depth_s: float = 0.0
    transform: str = ""
    no_transform_s: float = 0.0
    frame_doubt: str = ""
    wants_depth_on: str = ""


def camera_alarms(facts: CameraFacts) -> tuple[Alarm, ...]:
    """Return what is wrong with a camera, the worst first; nothing while the node takes no images."""
    if not facts.is_streaming:
        return ()
    silence = no_image(facts)
    if silence is not None:
        return (silence,)
    if facts.is_stalled:
        return (waiting_for_model(facts),)
    place = no_depth(facts) or no_transform(facts) or not_optical(facts)
    return raised(failing(facts), late(facts), mixed_or_lost(facts), held_back(facts), place)


def no_image(facts: CameraFacts) -> Alarm | None:
    """Raise an alarm where no image comes."""
    if facts.silence_s <= facts.image_timeout_s:
        return None
    why = facts.transport or "finding out why"
    return Alarm("image", AlarmLevel.WARN, f"no image on {facts.topic} for {facts.silence_s:.0f} s: {why}")


def waiting_for_model(facts: CameraFacts) -> Alarm:
    """Point to the model, which has not returned: that is told there."""
    return Alarm(
        "mask",
        AlarmLevel.ERROR,
        f"no mask of {facts.topic}, as the model has not returned; look at the status 'model'",
    )


def failing(facts: CameraFacts) -> Alarm | None:
    """Raise an alarm where the newest image brought no mask."""
    return Alarm("mask", AlarmLevel.ERROR, facts.failure) if facts.failure else None


def mixed_or_lost(facts: CameraFacts) -> Alarm | None:
    """Raise an alarm where images come, and not as they should."""
    return Alarm("transport", AlarmLevel.WARN, facts.transport) if facts.transport else None


def held_back(facts: CameraFacts) -> Alarm | None:
    """Raise an alarm where no mask goes out, as one new reader follows the other."""
    most_s = max(READER_PAUSES * facts.new_reader_pause_s, LEAST_HELD_BACK_S)
    if not facts.is_enabled or facts.held_back_s <= most_s:
        return None
    return Alarm(
        "masks dropped",
        AlarmLevel.WARN,
        f"the masks of {facts.topic} have been dropped for {facts.held_back_s:.0f} s, as new subscribers of mask, "
        f"confidence, cloud or label_info have to receive label_info first, expected a pause of at most {most_s:g} s; "
        "look which node subscribes again and again (ros2 topic info -v), or set new_reader_pause_s to 0",
    )


def late(facts: CameraFacts) -> Alarm | None:
    """Raise an alarm where masks come late, by this node or before it."""
    if not facts.is_enabled:
        return None
    most_s = facts.latency_warn_s
    own_s = max(facts.latency_s, facts.busy_s) if facts.latency_s == facts.latency_s else facts.busy_s
    if own_s > most_s:
        return _slow(facts, own_s)
    if facts.age_s is not None and facts.age_s > most_s:
        return _late_before(facts, facts.age_s)
    return None


def _slow(facts: CameraFacts, own_s: float) -> Alarm:
    return Alarm(
        "latency",
        AlarmLevel.WARN,
        f"a mask of {facts.topic} takes {own_s:.1f} s from its image's reception, expected at most "
        f"{facts.latency_warn_s:g} s (latency_warn_s); choose preset:=fast, a smaller input_size or refine none, fewer "
        "cameras, or end what else uses the device (docs/benchmark.md)",
    )


def _late_before(facts: CameraFacts, age_s: float) -> Alarm:
    return Alarm(
        "image age",
        AlarmLevel.WARN,
        f"the masks of {facts.topic} are {age_s:.1f} s behind their images' stamps, of which this node takes only "
        f"{facts.latency_s:.1f} s, expected at most {facts.latency_warn_s:g} s (latency_warn_s); compare the "
        "camera's clock with this machine's (chronyc tracking), else the images wait in the driver or on the network "
        "(docs/transport.md)",
    )


def no_depth(facts: CameraFacts) -> Alarm | None:
    """Raise an alarm where depth or camera_info is missing or does not match."""
    if facts.depth and facts.no_depth_s > PATIENCE_S:
        text = f"the images on {facts.topic} have had no depth for {facts.no_depth_s:.0f} s: {facts.depth}"
        return Alarm("depth", AlarmLevel.WARN, text)
    if facts.wants_depth_on:
        return Alarm(
            "depth",
            AlarmLevel.WARN,
            f"nobody publishes on {facts.wants_depth_on}, expected depth, as target_frame asks for positions; start "
            "the camera's depth, remap the topic (-r depth:=<its topic>), or leave target_frame empty",
        )
    return None


def no_transform(facts: CameraFacts) -> Alarm | None:
    """Raise an alarm where TF does not know where the camera was."""
    if not facts.transform or facts.no_transform_s <= PATIENCE_S:
        return None
    text = f"the images on {facts.topic} have had no transform for {facts.no_transform_s:.0f} s: {facts.transform}"
    return Alarm("transform", AlarmLevel.WARN, text)


def not_optical(facts: CameraFacts) -> Alarm | None:
    """Raise an alarm where the images' frame looks upwards by TF, as a camera's body frame does."""
    text = f"the images on {facts.topic} {facts.frame_doubt}"
    return Alarm("frame", AlarmLevel.WARN, text) if facts.frame_doubt else None
