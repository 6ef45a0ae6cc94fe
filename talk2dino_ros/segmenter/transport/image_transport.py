# SPDX-License-Identifier: Apache-2.0
"""Find the transport a process sends images by, from its environment: the size of its shared-memory segment.

Fast DDS sends on one machine through a segment that belongs to the sender, and a message that is larger than it is
lost on its way to a best-effort reader. So the question is for the camera's process, and not for the node's.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from talk2dino_ros.ros.parameters.launch_arguments import BUILTIN_VARIABLE, TRANSPORT_VARIABLES, profile_names

DEFAULT_SEGMENT = 512 * 1024  # bytes; Fast DDS's SharedMemTransportDescriptor
LARGEST_PROFILE = 1 << 20  # bytes; a larger file is no profile
PROCESSES = Path("/proc")


@dataclass(frozen=True)
class Transport:
    """Image transport of a process. segment: bytes of its shared-memory segment; None where unknown, 0 for none."""

    segment: int | None
    why: str  # what the segment follows from


@dataclass(frozen=True)
class Sender:
    """Publishing process, as /proc shows it."""

    pid: int
    environment: Mapping[str, str]  # the variables that choose its transport, and its ROS, no others

    @property
    def transport(self) -> Transport:
        """Transport that its environment chooses."""
        return transport_of(self.environment, PROCESSES / str(self.pid) / "cwd")


def transport_of(environment: Mapping[str, str], folder: Path) -> Transport:
    """Read the transport from environment variables; `folder` is where relative paths start."""
    middleware = environment.get("RMW_IMPLEMENTATION") or "rmw_fastrtps_cpp"
    if "fastrtps" not in middleware:
        return Transport(None, f"its middleware is {middleware}")
    for variable in profile_names(environment):
        if environment.get(variable):
            return _of_profile(folder / environment[variable].removeprefix("file://"), variable)
    builtin = environment.get(BUILTIN_VARIABLE, "DEFAULT")
    if builtin not in ("", "DEFAULT", "SHM"):
        return Transport(None, f"{BUILTIN_VARIABLE} is {builtin}")
    return Transport(DEFAULT_SEGMENT, "it was started without a transport profile")


def _of_profile(path: Path, variable: str) -> Transport:
    try:
        segment = segment_of_profile(_read(path))
    except (OSError, ValueError, ET.ParseError) as error:
        return Transport(DEFAULT_SEGMENT, f"the profile {path} of its {variable} cannot be read ({error})")
    return Transport(segment, f"that is what the profile {path} of its {variable} gives")


def _read(path: Path) -> str:
    if not path.is_file() or path.stat().st_size > LARGEST_PROFILE:  # a pipe would never end
        raise ValueError("no file of a profile's size is there")
    return path.read_text(encoding="utf-8")


def segment_of_profile(xml: str) -> int:
    """Return the size in bytes of the largest segment that a default participant of a Fast DDS profile sends from.

    0 stands for no shared memory. Raises ParseError for what is no XML, ValueError for a size that is no number and
    for entities: no profile has any, and with them a small file of another user's could expand without end, which
    is the one danger of this parser that a local file can bring (it never opens other files).
    """
    if "<!ENTITY" in xml:
        raise ValueError("it declares entities")
    root = ET.fromstring(xml)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]  # with or without the namespace
    participant = next((each for each in root.iter("participant") if each.get("is_default_profile") == "true"), None)
    if participant is None:
        return DEFAULT_SEGMENT
    used = {_text(each) for each in participant.iterfind(".//userTransports/transport_id")}
    builtin = participant.find(".//useBuiltinTransports")
    keeps_builtin = builtin is None or _text(builtin) in ("true", "1")
    sizes = [_segment_size(each) for each in root.iter("transport_descriptor") if _is_shared_memory(each, used)]
    return max(sizes + [DEFAULT_SEGMENT] * keeps_builtin, default=0)


def _is_shared_memory(descriptor: ET.Element, used: set[str]) -> bool:
    return descriptor.findtext("transport_id", "").strip() in used and descriptor.findtext("type", "").strip() == "SHM"


def _segment_size(descriptor: ET.Element) -> int:
    return int(descriptor.findtext("segment_size", str(DEFAULT_SEGMENT)))


def _text(element: ET.Element) -> str:
    return (element.text or "").strip()


def find_sender(gid: bytes) -> Sender | None:
    """Find the process of a publisher by its id; None where it is not on this machine or not readable.

    Fast DDS builds the id of vendor (2 bytes), machine (2) and the low half of the process's number (2, little-endian).
    Processes of other users keep their environment to themselves.
    """
    found = [sender for sender in map(_sender, _processes(int.from_bytes(gid[4:6], "little"))) if sender]
    return found[0] if len(found) == 1 else None


def is_same_machine(gid: bytes, own_gid: bytes) -> bool:
    """Whether two publishers or subscriptions of Fast DDS are on one machine."""
    return gid[:4] == own_gid[:4]


def _processes(low_half: int) -> list[Path]:
    numbers = [each for each in PROCESSES.glob("[0-9]*") if each.name.isdigit()]
    return [each for each in numbers if int(each.name) & 0xFFFF == low_half]


def _sender(process: Path) -> Sender | None:
    """Read a process that uses DDS; None for another that happens to have such a number."""
    try:
        maps = (process / "maps").read_text()
        if "/dev/shm/fast" not in maps and "libfast" not in maps:
            return None
        entries = (process / "environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    variables = dict(entry.split("=", 1) for entry in entries if "=" in entry)
    names = (*TRANSPORT_VARIABLES, "RMW_IMPLEMENTATION", "ROS_DISTRO")
    return Sender(int(process.name), {name: variables[name] for name in names if name in variables})
