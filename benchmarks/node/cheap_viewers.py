# SPDX-License-Identifier: Apache-2.0
"""Browsers of the page that cost as little as can be: they speak its protocol, and throw the pictures away."""

import asyncio
import json
import struct
import time
from collections.abc import Sequence

TEXT, BINARY, PING, PONG = 1, 2, 9, 10  # opcodes of RFC 6455
LARGEST = 2**24  # bytes of a message


async def look(count: int, seconds: float, port: int, cameras: Sequence[str]) -> list[float]:
    """Be so many viewers for so long; return how many pictures a second each got."""
    return list(await asyncio.gather(*(view(seconds, port, cameras) for _ in range(count))))


async def view(seconds: float, port: int, cameras: Sequence[str]) -> float:
    """Be one viewer of these cameras, which draws at once what it gets."""
    pictures, end_s = 0, time.monotonic() + seconds
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LARGEST)
    watch, drawn = (to_frame(TEXT, json.dumps(each).encode()) for each in ({"watch": list(cameras)}, {"drawn": True}))
    try:
        writer.write(handshake(port))
        await reader.readuntil(b"\r\n\r\n")
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                opcode, payload = await asyncio.wait_for(next_frame(reader), left_s)
            except asyncio.TimeoutError:
                break
            if opcode == BINARY:
                pictures += 1
            elif opcode == TEXT:
                writer.write(drawn if pictures else watch + drawn)
            elif opcode == PING:
                writer.write(to_frame(PONG, payload))
    finally:
        writer.close()
    return pictures / seconds


def handshake(port: int) -> bytes:
    """Return the request for a websocket of the page. Its key is of no use without a proxy between."""
    lines = (
        "GET /live HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Origin: http://127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    return "\r\n".join((*lines, "", "")).encode()


def to_frame(opcode: int, payload: bytes) -> bytes:
    """Return a short message as a client sends it, masked by zeros. payload: at most 125 bytes."""
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + bytes(4) + payload


async def next_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return opcode and payload of a server's next message, which is one frame."""
    first, size = await reader.readexactly(2)
    for mark, kind in ((126, ">H"), (127, ">Q")):
        if size == mark:
            (size,) = struct.unpack(kind, await reader.readexactly(struct.calcsize(kind)))
            break
    return first & 0x0F, await reader.readexactly(size)
