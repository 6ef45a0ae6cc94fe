# SPDX-License-Identifier: Apache-2.0
"""Judge from what was found out about a camera's topic whether its images can arrive, and name the remedy if not."""

from __future__ import annotations

from dataclasses import dataclass

from talk2dino_ros.ros.parameters.launch_arguments import PROFILE_VARIABLE
from talk2dino_ros.segmenter.transport.image_transport import Transport

PAGE = "docs/transport.md"
ENOUGH = 0.8  # of a probe's images; without a fitting segment a few get through by other ways


@dataclass(frozen=True)
class Publisher:
    """One publisher of the image topic."""

    node: str
    message_type: str  # such as sensor_msgs/msg/Image
    mismatch: str = ""  # why its QoS does not fit the node's subscription
    pid: int | None = None  # None where its process cannot be looked at
    transport: Transport | None = None  # None likewise
    is_here: bool = True  # on the node's machine


@dataclass(frozen=True)
class Probe:
    """Result of sending test images to the node as the camera's process would: how many were sent and received."""

    sent: int
    received: int
    like: str  # whose transport the process had, as "with the profile"
    is_like_camera: bool = False  # that of the camera's process, which could be looked at

    @property
    def is_lost(self) -> bool:
        """Whether most test images were lost; False where the probe did not run."""
        return self.sent > 0 and self.received < ENOUGH * self.sent


@dataclass(frozen=True)
class Findings:
    """What is known of one camera's images. size: bytes of one of them, None where nothing tells it."""

    topic: str
    message_type: str
    publishers: tuple[Publisher, ...]
    is_streaming: bool
    silence_s: float
    received: int
    timeout_s: float
    size: int | None = None
    shape: str = ""  # "1280x720 by camera_info, taken as rgb8"; beside no size, why
    probe: Probe | None = None
    remedy_probe: Probe | None = None  # the same with the shipped profile
    other_topics: tuple[str, ...] = ()  # that carry images of the node's type
    profile_variable: str = PROFILE_VARIABLE  # what this ROS reads the name of a profile from

    @property
    def fitting(self) -> tuple[Publisher, ...]:
        """The publishers that the subscription can get images from."""
        return tuple(each for each in self.publishers if each.message_type == self.message_type and not each.mismatch)

    @property
    def can_be_tried(self) -> bool:
        """Whether test images can say more: all that publish do so on this machine, and an image's size is known."""
        return bool(self.size and self.fitting and all(each.is_here for each in self.fitting))

    @property
    def sender(self) -> Publisher | None:
        """The publisher whose transport counts: the one with the smallest known segment."""
        known = [each for each in self.fitting if each.transport and each.transport.segment is not None]
        return min(known, key=lambda each: each.transport.segment or 0, default=None)  # type: ignore[union-attr]

    @property
    def is_larger_than_segment(self) -> bool:
        """Whether an image is known to be larger than the segment that it is sent from."""
        sender = self.sender
        segment = sender.transport.segment if sender and sender.transport else None
        return bool(self.size and segment is not None and self.size > segment)


@dataclass(frozen=True)
class TransportVerdict:
    """can_arrive: whether the camera's images can reach the node as it is set up now."""

    can_arrive: bool
    text: str


def verdict_on(found: Findings) -> TransportVerdict:
    """Name the first thing that is wrong, from the graph to the wire, as that has to be mended first."""
    if not found.publishers:
        others = f"; images are on {', '.join(found.other_topics)}" if found.other_topics else ""
        return TransportVerdict(
            False,
            f"nobody publishes on {found.topic}{others}; start the camera or remap the topic (-r image:=<its topic>)",
        )
    if not found.fitting:
        return TransportVerdict(False, _mismatch(found))
    is_arriving = found.is_streaming and found.received > 0 and found.silence_s <= found.timeout_s
    if _is_lost(found, is_arriving):
        return TransportVerdict(False, f"{_who(found)}, {_arrivals(found)}; {_too_large(found)}; {_remedy(found)}")
    if is_arriving:
        return TransportVerdict(True, f"images arrive on {found.topic}{_fact(_size(found))}")
    if not found.is_streaming:
        return TransportVerdict(
            True, f"{_who(found)}{_fact(_evidence(found))}; the node takes images once it is active"
        )
    return TransportVerdict(
        False, f"{_who(found)}, {_arrivals(found)}{_fact(_evidence(found))}; {_silent_camera(found)}"
    )


def _is_lost(found: Findings, is_arriving: bool) -> bool:
    """Whether images get lost: the probe's result, where there is one, else what follows from sizes."""
    if found.probe is None or not found.probe.sent:
        return found.is_larger_than_segment
    return found.probe.is_lost and (found.probe.is_like_camera or not is_arriving)


def _mismatch(found: Findings) -> str:
    who, wrong = _who(found), found.publishers[0]
    if all(each.message_type != found.message_type for each in found.publishers):
        remedy = (
            "set the parameter compressed to true" if "Compressed" in wrong.message_type
            else "set the parameter compressed to false" if wrong.message_type.endswith("/Image")
            else "remap `image` to a topic of images"
        )  # fmt: skip
        return f"{who} of type {wrong.message_type}, expected {found.message_type}; {remedy}"
    wrong = next(each for each in found.publishers if each.message_type == found.message_type)
    return (
        f"{who}, but its QoS does not fit the node's subscription ({wrong.mismatch}); set the parameter "
        "image_reliability to best_effort, or let the camera publish reliably"
    )


def _who(found: Findings) -> str:
    shown = found.fitting or found.publishers
    names = ", ".join(f"{each.node} (process {each.pid})" if each.pid else each.node for each in shown)
    return f"{names} publishes on {found.topic}" if len(shown) == 1 else f"{names} publish on {found.topic}"


def _arrivals(found: Findings) -> str:
    if not found.is_streaming:
        return "and the node, which is not active, takes no image"
    if found.received == 0:
        return f"and none has been received in {found.silence_s:.0f} s"
    return f"and {found.received} have been received, the last {found.silence_s:.0f} s ago"


def _size(found: Findings) -> str:
    if found.size:
        return f"images of {found.shape} have {found.size / 1e6:.2f} MB"
    return "the size of the images is unknown" + (f" ({found.shape})" if found.shape else "")


def _too_large(found: Findings) -> str:
    sender = found.sender
    parts = [_size(found)]
    if found.is_larger_than_segment and sender and sender.transport:
        parts.append(
            f"more than the shared-memory segment of {_mega(sender.transport.segment)} that the camera's process "
            f"sends from, as {sender.transport.why}, so best-effort readers get few or none"
        )
    if found.probe:
        parts.append(_probed(found.probe))
    return ", ".join(parts)


def _remedy(found: Findings) -> str:
    file = "this package's config/fastdds.xml"
    remedy = f"set {found.profile_variable} to {file} where the camera's driver starts ({PAGE})"
    if found.remedy_probe is None or not found.remedy_probe.sent:
        return remedy
    if found.remedy_probe.is_lost:
        return f"{remedy}, and make room in /dev/shm first, as {_probed(found.remedy_probe)}"
    return f"{remedy}: {_probed(found.remedy_probe)}"


def _evidence(found: Findings) -> str:
    if found.probe is None or not found.probe.sent:
        return _size(found)
    return f"{_size(found)}, and {_probed(found.probe)}"


def _silent_camera(found: Findings) -> str:
    if not all(each.is_here for each in found.fitting):
        return f"the camera is on another machine, where large best-effort images get lost on the network ({PAGE})"
    compare = f"look at its driver's log, and compare both ends with `ros2 topic info -v {found.topic}` ({PAGE})"
    if found.probe and found.probe.sent:
        return f"so the transport is well, and the camera seems to publish nothing: {compare}"
    if found.probe is None and found.can_be_tried:
        return f"call ~/check_transport, which tries it with test images; {compare}"
    return compare


def _probed(probe: Probe) -> str:
    return f"{probe.received} of {probe.sent} test images of that size arrived from a process {probe.like}"


def _mega(size: int | None) -> str:
    return f"{(size or 0) / 1e6:.2f} MB"


def _fact(text: str) -> str:
    return f"; {text}" if text else ""
