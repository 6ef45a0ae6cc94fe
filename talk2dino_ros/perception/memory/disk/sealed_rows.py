# SPDX-License-Identifier: Apache-2.0
"""Keyframes as bytes and back, each part with a sum, so that a damaged one is known for damaged.

Arrays stand column after column, as the values of a column are like each other; points and centres as differences from
the patch before.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.perception.memory.keyframe import Keyframe
from talk2dino_ros.perception.memory.sensor_pose import PoseError, SensorPose

_SUM = struct.Struct("<I")
_HEAD = struct.Struct("<q7d")  # stamp in ns, position, orientation
_BODY = struct.Struct("<IIff")  # patches, coefficients of each, a patch's height and width in pixels
_MOST_STAMP_NS = 2**31 * 10**9  # what a stamp of ROS holds
_MOST_SCALE = 0.01  # of coefficients up to 1 in steps up to 127
_MOST_PIXELS = 1e6  # of a patch's side
_MOST_BYTES = 1 << 28  # of one body: a damaged length shall not take all memory
# Of deflate. Sparse features repeat themselves: higher levels take three times the time for a twentieth. Dense ones do
# not, and to look for repetitions costs bytes: their values alone are coded by how frequent they are.
_SPARSE, _DENSE = (4, zlib.Z_DEFAULT_STRATEGY), (1, zlib.Z_HUFFMAN_ONLY)
_MEMORY = 9  # of 9, of deflate's buffers


class DamagedRowError(Exception):
    """Bytes that are not those that were written; the store skips the row."""


class KeyframeRow(NamedTuple):
    """A keyframe's three parts; the head alone changes when its pose is corrected."""

    head: bytes
    body: bytes
    jpeg: bytes


def sealed(data: bytes) -> bytes:
    """Return the bytes with their CRC-32 before them."""
    return _SUM.pack(zlib.crc32(data)) + data


def opened(data: object) -> bytes:
    """Return the bytes that were sealed; raise DamagedRowError for others."""
    if not isinstance(data, bytes) or len(data) < _SUM.size:
        raise DamagedRowError("it is cut off")
    content = data[_SUM.size :]
    if zlib.crc32(content) != _SUM.unpack_from(data)[0]:
        raise DamagedRowError("its checksum differs")
    return content


def pack(keyframe: Keyframe) -> KeyframeRow:
    """Return a keyframe as bytes; its camera's name is kept beside them."""
    count, width = keyframe.codes.shape
    arrays = (
        keyframe.codes.T,
        keyframe.scales.astype("<f4"),
        _differences(keyframe.millimetres.astype("<i2")).T,
        _differences(keyframe.centres.astype("<u2")).T,
    )
    body = _BODY.pack(count, width, *keyframe.patch_size) + b"".join(array.tobytes() for array in arrays)
    return KeyframeRow(pack_head(keyframe.stamp_ns, keyframe.pose), sealed(_deflated(body)), sealed(keyframe.jpeg))


def _differences(rows: NDArray[Any]) -> NDArray[Any]:
    """Return rows as the first one and what each differs from the one before; beyond the type's range they wrap."""
    differences: NDArray[Any] = np.diff(rows, axis=0, prepend=np.zeros((1, rows.shape[1]), rows.dtype))
    return differences


def _deflated(body: bytes) -> bytes:
    """Deflate a body in the way that makes less of a part from its middle."""
    part = body[len(body) * 3 // 8 : len(body) // 2]
    sparse, dense = (len(_deflate(part, *way)) for way in (_SPARSE, _DENSE))
    return _deflate(body, *(_SPARSE if sparse < dense else _DENSE))


def _deflate(data: bytes, level: int, strategy: int) -> bytes:
    deflate = zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS, _MEMORY, strategy)
    return deflate.compress(data) + deflate.flush()


def pack_head(stamp_ns: int, pose: SensorPose) -> bytes:
    """Return the part that a correction changes."""
    return sealed(_HEAD.pack(stamp_ns, *pose.position, *pose.orientation))


def unpack(row: KeyframeRow, camera: str) -> Keyframe:
    """Return the keyframe; raise DamagedRowError where a part is damaged."""
    try:
        stamp_ns, x, y, z, a, b, c, w = _HEAD.unpack(opened(row.head))
        body = zlib.decompressobj().decompress(opened(row.body), _MOST_BYTES)
        count, width, patch_height, patch_width = _BODY.unpack_from(body)
        arrays = _Arrays(body, count)
        return Keyframe(
            stamp_ns,
            camera,
            SensorPose((x, y, z), (a, b, c, w)),
            np.ascontiguousarray(arrays.take("i1", width)),
            arrays.take("<f4", 1)[:, 0],
            _added_up(arrays.take("<i2", 3)),
            _added_up(arrays.take("<u2", 2)),
            (patch_height, patch_width),
            opened(row.jpeg),
        )
    except (struct.error, zlib.error, ValueError, PoseError) as error:
        raise DamagedRowError(str(error)) from error


def fitting(keyframe: Keyframe, most_coefficients: int) -> Keyframe:
    """Return the keyframe; raise DamagedRowError for what cannot have been written, whatever its sum.

    Compiled loops take the numbers as they are. most_coefficients: the directions of the store's basis.
    """
    if flaw := _flaw_of(keyframe, most_coefficients):
        raise DamagedRowError(flaw)
    return keyframe


def _flaw_of(keyframe: Keyframe, most_coefficients: int) -> str:
    count, width = keyframe.codes.shape
    if not count:
        return "it has no patch"
    if width > most_coefficients:
        return f"it has {width} coefficients, of a basis of {most_coefficients}"
    if abs(keyframe.stamp_ns) >= _MOST_STAMP_NS:
        return f"its stamp is {keyframe.stamp_ns} ns"
    if not ((keyframe.scales >= 0) & (keyframe.scales <= _MOST_SCALE)).all():  # NaN is neither
        return "its scales are none"
    if not all(0 <= side <= _MOST_PIXELS for side in keyframe.patch_size):
        return f"its patches are of {keyframe.patch_size} pixels"
    return ""


def _added_up(differences: NDArray[Any]) -> NDArray[Any]:
    summed: NDArray[Any] = np.cumsum(differences, axis=0, dtype=differences.dtype)
    return summed


class _Arrays:
    """Arrays of so many rows each, one after the other, each column after column."""

    def __init__(self, body: bytes, rows: int) -> None:
        self._body, self._rows, self._at = body, rows, _BODY.size

    def take(self, dtype: str, columns: int) -> NDArray[Any]:
        array = np.frombuffer(self._body, dtype, self._rows * columns, self._at)
        self._at += array.nbytes
        rows: NDArray[Any] = array.reshape(columns, self._rows).T
        return rows
