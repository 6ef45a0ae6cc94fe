# SPDX-License-Identifier: Apache-2.0
"""Who sent a request: the reader that waits for its answer, and whether that reader is known yet, or still.

rclpy keeps a request's sender, which its own bindings do not show (service_info.cpp: "not used by rclpy"). It is read
from the process's memory, through a file, so that a layout that is another one gives no asker and ends nothing.
"""

from __future__ import annotations

import os
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rclpy.node import Node

GUID_BYTES = 16
PROCESS_BYTES = 12  # the part of a GUID that all readers of a process share
_NUMBER_BYTES = 8
_POINTER_BYTES = 8
_IS_READER = 0x04  # in the last byte of a GUID; others name the request's writer (section 9.3.1.2 of RTPS)
SHARE = 20  # a look at the graph may take this part of the time: it grows with the number of clients


class Askers:
    """Reader of who sent a request, of this process."""

    def __init__(self) -> None:
        self._memory: int | None = None
        with suppress(OSError):  # no Linux, or a process that may not look at itself
            self._memory = os.open("/proc/self/mem", os.O_RDONLY)
            weakref.finalize(self, os.close, self._memory)

    def asker_of(self, header: Any) -> bytes | None:
        """Return the GUID of the reader that waits for the answer, 16 bytes; None where it cannot be known.

        header: rclpy's rmw_service_info_t or rmw_request_id_t. Fast DDS alone sends this GUID with the request.
        """
        if self._memory is None:
            return None
        request_id = getattr(header, "request_id", header)
        where = _bytes_at(self._memory, id(request_id) + object.__basicsize__, _POINTER_BYTES)
        found = _bytes_at(self._memory, int.from_bytes(where, "little"), GUID_BYTES + _NUMBER_BYTES)
        number = int.from_bytes(found[GUID_BYTES:], "little", signed=True)
        is_one = number == request_id.sequence_number and found[GUID_BYTES - 1] & _IS_READER
        return found[:GUID_BYTES] if is_one else None


def _bytes_at(memory: int, address: int, count: int) -> bytes:
    try:
        return os.pread(memory, count, address)
    except (OSError, OverflowError):  # nothing is there
        return bytes(count)


class KnownReaders:
    """The readers of services' answers that this node has discovered."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._looks: dict[str, tuple[float, float, frozenset[bytes]]] = {}  # of a service: when, how long, what

    def has(self, service_name: str, asker: bytes) -> bool:
        """Return whether the reader is there: by a look of now, or of a moment ago where looks are expensive."""
        end_s, cost_s, known = self._looks.get(service_name, (0.0, 0.0, frozenset()))
        if time.monotonic() - end_s >= SHARE * cost_s:
            known = self._look(service_name)
        return asker in known

    def _look(self, service_name: str) -> frozenset[bytes]:
        begin_s = time.monotonic()
        readers = self._node.get_subscriptions_info_by_topic(f"rr{service_name}Reply", no_mangle=True)
        known = frozenset(bytes(each.endpoint_gid)[:GUID_BYTES] for each in readers)
        self._looks[service_name] = (time.monotonic(), time.monotonic() - begin_s, known)
        return known
