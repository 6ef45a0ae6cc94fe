# SPDX-License-Identifier: Apache-2.0
"""What browsers are sent of a source: each state and each picture is encoded once for all of them."""

from __future__ import annotations

import json
import struct

from talk2dino_ros.web.web_source import PageSource


class PageMessages:
    """The newest messages of a source."""

    def __init__(self, source: PageSource, read_only: bool) -> None:
        self._source = source
        self._read_only = read_only
        self._state = ""
        self._pictures: dict[str, tuple[int, bytes]] = {}

    def forget_state(self) -> None:
        """Ask for the state anew the next time."""
        self._state = ""

    def state(self) -> str:
        """Return the state as JSON."""
        if not self._state:
            state = self._source.state().to_json() | {"read_only": self._read_only}
            self._state = json.dumps(state, allow_nan=False)
        return self._state

    def picture(self, camera: str) -> tuple[int, bytes] | None:
        """Return number and message of a camera's newest overlay: a header's size, the header, a JPEG."""
        newest = self._source.overlay(camera)
        if newest is None:
            return None
        number, jpeg = newest
        if self._pictures.get(camera, (None,))[0] != number:
            header = json.dumps({"camera": camera}).encode()
            self._pictures[camera] = (number, struct.pack("<H", len(header)) + header + jpeg)
        return self._pictures[camera]

    def keep(self, cameras: frozenset[str]) -> None:
        """Let go of the pictures of all other cameras."""
        self._pictures = {name: picture for name, picture in self._pictures.items() if name in cameras}
