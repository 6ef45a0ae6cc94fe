# SPDX-License-Identifier: Apache-2.0
"""Decide from what was observed of a camera's topic whether its images can arrive, and name the remedy if not."""

from __future__ import annotations

from dataclasses import dataclass, field

from talk2dino_ros.segmenter.transport.middleware_facts import START_ROUTER, Middleware

PAGE = "docs/transport.md"
FEW_LOST = 3  # images; less is no pattern
MUCH_LOST = 0.2  # of a camera's images
MANY_DROPPED = 60  # packets; less may be one image's
_MIXED = (
    "expected one publisher: the masks of their images come mixed on the same topics, and objects jump between the "
    "views; end all but one, or give each a camera of its own (the parameter cameras)"
)


@dataclass(frozen=True)
class Publisher:
    """One publisher of the image topic."""

    node: str
    message_type: str  # such as sensor_msgs/msg/Image
    mismatch: str = ""  # why its QoS does not fit the node's subscription


@dataclass(frozen=True)
class Findings:
    """What is known of one camera's images."""

    topic: str
    message_type: str
    publishers: tuple[Publisher, ...]
    is_streaming: bool  # the node takes images
    is_silent: bool = False  # and none came for image_timeout_s
    silence_s: float = 0.0
    received: int = 0  # from these publishers, in the last minute of images
    lost: int = 0  # in the same time, as the middleware counts gaps in their numbers
    dropped_packets: int = 0  # in the same time, at this process's sockets
    dropped_share: float = 0.0  # of the looks in that time before which some had been dropped
    hears_camera_info: bool | None = None  # of the same node, while images stay away; None: it publishes none
    size: int | None = None  # bytes of an image; None: unknown
    shape: str = ""  # "1280x720 by camera_info, taken as rgb8"
    other_topics: tuple[str, ...] = ()  # that carry images of the node's type
    stays: bool = False  # these publishers have been the same for longer than a dead one is still listed
    middleware: Middleware = field(default_factory=Middleware)

    @property
    def fitting(self) -> tuple[Publisher, ...]:
        """The publishers that the subscription can get images from."""
        return tuple(each for each in self.publishers if each.message_type == self.message_type and not each.mismatch)

    @property
    def is_dropping(self) -> bool:
        """Whether packets are dropped again and again: a full buffer drops many of one image, and each image counts."""
        return self.dropped_packets >= MANY_DROPPED and self.dropped_share > MUCH_LOST

    @property
    def is_losing(self) -> bool:
        """Whether more images are lost on their way than a robot can do without."""
        return self.lost >= FEW_LOST and self.lost > MUCH_LOST * (self.received + self.lost)


@dataclass(frozen=True)
class TransportVerdict:
    """Whether a camera's images can reach the node as it is set up now. cause: one word, for the log's throttle."""

    can_arrive: bool
    cause: str
    text: str

    @property
    def is_well(self) -> bool:
        """Whether images come as they should: they arrive, and are of one camera."""
        return self.can_arrive and self.cause != "mixed"


def verdict_on(found: Findings) -> TransportVerdict:
    """Name the first fault, from the graph to the wire, as that has to be mended first."""
    if not found.publishers:
        return TransportVerdict(False, "nobody", _nobody(found))
    if not found.fitting:
        return TransportVerdict(False, "mismatch", _mismatch(found))
    if not found.is_streaming:
        return TransportVerdict(True, "inactive", f"{_who(found)}; the node takes images once it is active")
    if loss := _loss(found):
        return TransportVerdict(False, "lost", f"{_who(found)}; {loss}{_size(found)}; {_remedy(found)}")
    if found.is_silent:
        return TransportVerdict(False, "silent", f"{_who(found)}; {_silence(found)}")
    return _arriving(found)


def _arriving(found: Findings) -> TransportVerdict:
    if found.stays and len(found.fitting) > 1:
        return TransportVerdict(True, "mixed", f"{_who(found)}, {_MIXED}")
    return TransportVerdict(True, "well", f"images arrive on {found.topic}{_size(found)}")


def _loss(found: Findings) -> str:
    """Say what shows that images are lost on their way; "" where nothing does."""
    if found.is_silent and found.hears_camera_info:
        return "the camera_info beside it arrives and no image does, so images are lost on their way"
    if found.is_losing and not (found.is_silent and found.hears_camera_info is False):
        return f"{found.lost} of its last {found.received + found.lost} images were lost on their way"
    if found.is_dropping:
        return (
            f"{found.received} of its images came, and {found.dropped_packets} packets have been dropped meanwhile, as "
            "this process's sockets were full, so images are lost on their way"
        )
    return ""


def _nobody(found: Findings) -> str:
    if found.middleware.has_router is False:
        return (
            f"nobody is seen to publish on {found.topic}, and no Zenoh router is connected, without which nodes do not "
            f"find each other; start one ({START_ROUTER})"
        )
    others = f"; images are on {', '.join(found.other_topics)}" if found.other_topics else ""
    return (
        f"nobody publishes on {found.topic}{others}; start the camera, or name its topic (for a launch file "
        "image:=<its topic>, else -r image:=<its topic>)"
    )


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
    names = ", ".join(each.node for each in shown)
    return f"{names} publishes on {found.topic}" if len(shown) == 1 else f"{names} publish on {found.topic}"


def _silence(found: Findings) -> str:
    """Say why no image comes where nothing shows that one was lost."""
    driver = f"look whether its driver runs, and at its log ({PAGE})"
    if found.received:
        came = f"{found.received} of its images have been received, the last {found.silence_s:.0f} s ago"
        return f"{came}, so it has ended or hangs; {driver}"
    if found.hears_camera_info is False:
        return f"neither an image nor its camera_info has been received in {found.silence_s:.0f} s; {driver}"
    return (
        f"none has been received in {found.silence_s:.0f} s: it publishes nothing, or its images are lost on their way"
        f"{_size(found)}; {driver}, or {_remedy(found)}"
    )


def _size(found: Findings) -> str:
    return f"; images of {found.shape} have {found.size / 1e6:.2f} MB" if found.size else ""


def _remedy(found: Findings) -> str:
    """Name what lets large images through: the profile, where it can be what is missing, else another way to send."""
    elsewhere = f"let it publish reliably or compressed ({PAGE})"
    # where packets are dropped, the buffer is too small, whatever its size (several cameras share a process)
    here = found.middleware.remedy(None if found.is_dropping else found.size)
    return f"{here}; across machines {elsewhere}" if here else elsewhere
