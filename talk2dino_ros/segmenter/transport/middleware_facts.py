# SPDX-License-Identifier: Apache-2.0
"""What of the middleware, on this machine, decides whether large images get through, and the remedy. Pure.

Fast DDS sends through a segment of the sender's; Cyclone DDS into a socket's buffer at the receiver; Zenoh through a
router, which introduces the nodes to each other, and then in pieces that it drops where the reader is slow.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from talk2dino_ros.ros.parameters.launch_arguments import CYCLONE_VARIABLE, profile_names

DEFAULT_SEGMENT = 512 * 1024  # bytes; Fast DDS's SharedMemTransportDescriptor
CYCLONE_REQUEST, OUR_REQUEST = 1 << 20, 16 << 20  # bytes of a socket's buffer: Cyclone's own, and our profile's
SYSCTL = f"sudo sysctl -w net.core.rmem_max={OUR_REQUEST}"
ZENOH_VARIABLE, ZENOH_SESSION_VARIABLE = "ZENOH_CONFIG_OVERRIDE", "ZENOH_SESSION_CONFIG_URI"
ZENOH_PORT = 7447
START_ROUTER = "ros2 run rmw_zenoh_cpp rmw_zenohd"
UNITS = {
    "B": 1,
    "k": 1 << 10,
    "K": 1 << 10,
    "M": 1 << 20,
    "G": 1 << 30,
}  # by their first letter; kB and KiB are one for Cyclone
SIZE = re.compile(r"[\"']([\d.]+) ?([BkKMG])")  # an attribute's value, such as "16 MiB"
ESTABLISHED = "01"  # in /proc/net/tcp


@dataclass(frozen=True)
class Middleware:
    """name: as rclpy has it, such as rmw_fastrtps_cpp. Each field that is not this one's is None."""

    name: str = ""
    profile_variable: str | None = None  # what this ROS's Fast DDS reads the name of a profile from
    receive_limit: int | None = None  # bytes that the kernel lets a socket's buffer have, for Cyclone DDS
    requested: int = CYCLONE_REQUEST  # bytes that Cyclone's profile asks for
    shares_memory: bool = False  # Zenoh's profile has shared memory, or is a file of the user's own
    has_router: bool | None = None  # a Zenoh router is connected; None: not to be known, or none is needed

    @property
    def receive_buffer(self) -> int | None:
        """Bytes that wait at most at one of Cyclone's sockets; Linux gives twice of what is asked for."""
        if self.receive_limit is None:
            return None
        return 2 * min(self.receive_limit, self.requested)

    def remedy(self, size: int | None) -> str:
        """Name what lets images of `size` bytes (None: unknown) through here; "" where nothing of it can be missing."""
        if self.profile_variable is not None:
            return self._segment_remedy(size)
        if self.receive_buffer is not None:
            return self._buffer_remedy(self.receive_buffer, size)
        return _ZENOH_REMEDY if "zenoh" in self.name and not self.shares_memory else ""

    def _segment_remedy(self, size: int | None) -> str:
        if size is not None and size <= DEFAULT_SEGMENT:
            return ""
        return (
            f"set {self.profile_variable} to this package's config/fastdds.xml where its driver starts, as Fast DDS's "
            f"shared memory takes {DEFAULT_SEGMENT / 1e6:.2f} MB without it"
        )

    def _buffer_remedy(self, buffer: int, size: int | None) -> str:
        if size is not None and size <= buffer:
            return ""
        profile = f"set {CYCLONE_VARIABLE} to this package's config/cyclonedds.xml where this node starts"
        is_small = self.receive_limit is not None and self.receive_limit < OUR_REQUEST
        steps = ([profile] if self.requested < OUR_REQUEST else []) + ([SYSCTL] if is_small else [])
        if not steps:
            return ""
        return f"{' and '.join(steps)}, as {buffer / 1e6:.2f} MB of packets can wait at Cyclone's socket without it"


_ZENOH_REMEDY = (
    f"set {ZENOH_VARIABLE} to the line of this package's config/zenoh_override.txt where its driver and this node "
    "start, as Zenoh drops what waits for a slow reader"
)


def middleware_facts(name: str, environment: Mapping[str, str] = os.environ, proc: Path = Path("/proc")) -> Middleware:
    """Read what is known of the middleware that rclpy calls `name`; waits for nothing."""
    if "fastrtps" in name:
        return Middleware(name, profile_names(environment)[0])
    if "cyclonedds" in name:
        limit = _number(proc / "sys/net/core/rmem_max")
        return Middleware(name, receive_limit=limit, requested=_requested(environment))
    if "zenoh" in name:
        override = environment.get(ZENOH_VARIABLE, "").replace(" ", "")
        own_file = bool(environment.get(ZENOH_SESSION_VARIABLE))
        shares_memory = own_file or "shared_memory/enabled=true" in override
        return Middleware(name, shares_memory=shares_memory, has_router=_has_router(override, own_file, proc))
    return Middleware(name)


def profile_files(environment: Mapping[str, str]) -> list[Path]:
    """Return the files that Cyclone's variable names; parts of it that are XML themselves are none."""
    parts = (
        part.strip() for part in re.sub(r"<.*>", "", environment.get(CYCLONE_VARIABLE, ""), flags=re.DOTALL).split(",")
    )
    return [Path(part.removeprefix("file://")) for part in parts if part]


def _requested(environment: Mapping[str, str]) -> int:
    """Return the bytes that Cyclone's profile asks for at a socket; later parts of it win."""
    texts = [_text(path) or "" for path in profile_files(environment)] + [environment.get(CYCLONE_VARIABLE, "")]
    sizes = [
        max(float(number) * UNITS[unit] for number, unit in SIZE.findall(element))
        for text in texts
        for element in re.findall(r"<SocketReceiveBufferSize[^>]*>", text)
        if SIZE.search(element)
    ]
    return int(sizes[-1]) if sizes else CYCLONE_REQUEST


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # another network namespace than the host's may hide it
        return None


def _has_router(override: str, own_file: bool, proc: Path) -> bool | None:
    """Whether a connection to a router's port stands; None where nodes may find each other in another way."""
    if "scouting/multicast/enabled=true" in override:
        return None
    ports = router_ports(override)
    tables = [table for table in (_text(proc / "net/tcp"), _text(proc / "net/tcp6")) if table is not None]
    if not tables:
        return None
    is_connected = any(_connects(line, ports) for table in tables for line in table.splitlines()[1:])
    return is_connected or (None if own_file else False)


def router_ports(override: str) -> frozenset[int]:
    """Return the ports of the routers that a session connects to by its override: the usual one where it names none."""
    setting = next((part for part in override.split(";") if part.startswith("connect/endpoints=")), "")
    named = re.findall(r":(\d+)[\"#]", setting)
    return frozenset(map(int, named)) or frozenset({ZENOH_PORT})


def _connects(line: str, ports: frozenset[int]) -> bool:
    """Whether a line of /proc/net/tcp is an established connection to one of the ports."""
    fields = line.split()
    return len(fields) > 3 and fields[3] == ESTABLISHED and int(fields[2].rpartition(":")[2], 16) in ports


def dropped_packets(middleware: Middleware, proc: Path = Path("/proc")) -> int:
    """Return how many packets the kernel has dropped at this process's sockets, as their buffers were full.

    For Cyclone DDS alone, which tells nobody of best-effort images of which a part is missing; 0 for others.
    """
    if middleware.receive_limit is None:
        return 0
    own = {_inode(each) for each in (proc / "self/fd").iterdir()}
    tables = (_text(proc / name) or "" for name in ("net/udp", "net/udp6"))
    rows = (line.split() for table in tables for line in table.splitlines()[1:])
    return sum(int(row[-1]) for row in rows if row[9] in own)


def _inode(descriptor: Path) -> str:
    """Return the number of an open socket, "" of any other file."""
    try:
        kind, _, rest = str(descriptor.readlink()).partition(":[")
    except OSError:  # closed meanwhile
        return ""
    return rest.rstrip("]") if kind == "socket" else ""


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
