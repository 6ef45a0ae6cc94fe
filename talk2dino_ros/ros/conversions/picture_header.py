# SPDX-License-Identifier: Apache-2.0
"""Read the size that a compressed picture declares from its header, before a decoder allocates memory.

One reader for each format that OpenCV decodes; a few kilobytes can declare gigabytes of pixels.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from talk2dino_ros.engine.errors import ImageError

# Width and height in pixels; None where the header is cut short or damaged.
Size = tuple[int, int] | None

JPEG_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_SCAN = 0xDA
TIFF_WIDTH, TIFF_HEIGHT = 256, 257
TIFF_TYPES = {3: "H", 4: "I", 16: "Q"}  # SHORT, LONG, LONG8
PNM = re.compile(rb"P[1-6fF](?:\s|#[^\n]*\n)+?(\d{1,9})(?:\s|#[^\n]*\n)+?(\d{1,9})\s")
PAM_WIDTH, PAM_HEIGHT = (re.compile(rb"^" + side + rb"\s+(\d{1,9})\s", re.MULTILINE) for side in (b"WIDTH", b"HEIGHT"))
HDR = re.compile(rb"[-+]Y (\d{1,9}) [-+]X (\d{1,9})\n")
TEXT_HEADER = 4096  # bytes; a header in words is no longer than that


def check_pixels(width: int, height: int, most: int) -> None:
    """Raise ImageError where an image declares more pixels than the parameter max_image_pixels allows."""
    if width * height > most:
        raise ImageError(
            f"The image declares {width}x{height} pixels, which are {width * height}, expected at most {most} "
            "(max_image_pixels); correct its publisher, or raise the parameter for a camera that is so large."
        )


def size_in_header(data: bytes) -> Size:
    """Return the (width, height) that a picture's header declares; None where it is of no known format."""
    for magic, at, reader in _READERS:
        if data[at : at + len(magic)] == magic:
            try:
                return reader(data)
            except (struct.error, IndexError, KeyError, OverflowError):
                return None
    return None


def _png(data: bytes) -> Size:
    return struct.unpack_from(">II", data, 16)


def _gif(data: bytes) -> Size:
    return struct.unpack_from("<HH", data, 6)


def _sun_raster(data: bytes) -> Size:
    return struct.unpack_from(">II", data, 4)


def _bmp(data: bytes) -> Size:
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", data, 18)
    return abs(width), abs(height)  # rows from the top down are written with a height below 0


def _webp(data: bytes) -> Size:
    chunk = data[12:16]
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8X" and len(data) >= 30:
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return None


def _jpeg(data: bytes) -> Size:
    position = 2
    while (position := data.find(b"\xff", position)) >= 0:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker == 0 or marker in JPEG_STANDALONE:
            position += 2
        elif marker in JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width, height
        elif marker == JPEG_SCAN:
            return None
        else:
            position += 2 + struct.unpack_from(">H", data, position + 2)[0]
    return None


def _tiff(data: bytes) -> Size:
    order = "<" if data[:2] == b"II" else ">"
    is_big = struct.unpack_from(f"{order}H", data, 2)[0] == 43
    (start,) = struct.unpack_from(f"{order}Q", data, 8) if is_big else struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}Q" if is_big else f"{order}H", data, start)
    first, step, value_at = (start + 8, 20, 12) if is_big else (start + 2, 12, 8)
    sides = {}
    for entry in range(first, first + min(count, 4096) * step, step):
        tag, kind = struct.unpack_from(f"{order}HH", data, entry)
        if tag in (TIFF_WIDTH, TIFF_HEIGHT):
            (sides[tag],) = struct.unpack_from(order + TIFF_TYPES[kind], data, entry + value_at)
    return sides[TIFF_WIDTH], sides[TIFF_HEIGHT]


def _pnm(data: bytes) -> Size:
    found = PNM.match(data[:TEXT_HEADER])
    return (int(found[1]), int(found[2])) if found else None


def _pam(data: bytes) -> Size:
    width, height = PAM_WIDTH.search(data[:TEXT_HEADER]), PAM_HEIGHT.search(data[:TEXT_HEADER])
    return (int(width[1]), int(height[1])) if width and height else None


def _hdr(data: bytes) -> Size:
    found = HDR.search(data[:TEXT_HEADER])
    return (int(found[2]), int(found[1])) if found else None


def _jpeg_2000(data: bytes) -> Size:
    """Return the largest codestream: other boxes before it may hold what looks like one."""
    sizes = []
    for each in re.finditer(rb"\xff\x4f\xff\x51", data):
        right, bottom, left, top = struct.unpack_from(">IIII", data, each.start() + 8)
        sizes.append((max(right - left, 0), max(bottom - top, 0)))
    return _largest(sizes)


def _avif(data: bytes) -> Size:
    """Return the largest of the items: a picture made of tiles names its own size and theirs."""
    return _largest([struct.unpack_from(">II", data, each.end() + 4) for each in re.finditer(rb"ispe", data)])


def _largest(sizes: list[tuple[int, int]]) -> Size:
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


_READERS: list[tuple[bytes, int, Callable[[bytes], Size]]] = [
    (b"\xff\xd8", 0, _jpeg),
    (b"\x89PNG\r\n\x1a\n", 0, _png),
    (b"WEBP", 8, _webp),
    (b"II\x2a\x00", 0, _tiff),
    (b"MM\x00\x2a", 0, _tiff),
    (b"II\x2b\x00", 0, _tiff),
    (b"MM\x00\x2b", 0, _tiff),
    (b"BM", 0, _bmp),
    (b"GIF8", 0, _gif),
    (b"P7\n", 0, _pam),
    (b"#?RADIANCE", 0, _hdr),
    (b"#?RGBE", 0, _hdr),
    (b"\x59\xa6\x6a\x95", 0, _sun_raster),
    (b"\x00\x00\x00\x0cjP  ", 0, _jpeg_2000),
    (b"\xff\x4f\xff\x51", 0, _jpeg_2000),
    (b"ftypavif", 4, _avif),
    (b"ftypavis", 4, _avif),
    *((f"P{letter}".encode(), 0, _pnm) for letter in "123456fF"),
]
