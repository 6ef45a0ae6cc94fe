# SPDX-License-Identifier: Apache-2.0
"""compressedDepth as compressed_depth_image_transport's codec writes it, written here by its formula."""

import struct
import zlib
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from talk2dino_ros.perception.space.camera_model import GeometryError
from talk2dino_ros.ros.conversions.depth_messages import compressed_depth_to_metres

METRES = np.array([[0.5, 1.0, 2.0], [4.0, np.nan, 8.0]], np.float32)


def message(values, text, head=b"", codec=".png"):
    return SimpleNamespace(format=text, data=head + cv2.imencode(codec, values)[1].tobytes())


@pytest.mark.parametrize("head", [struct.pack("<iff", 0, 0.0, 0.0), b""])
def test_millimetres_come_as_metres_with_and_without_the_head(head):
    values = np.nan_to_num(METRES * 1000).astype(np.uint16)
    found = compressed_depth_to_metres(message(values, "16UC1; compressedDepth png", head))
    np.testing.assert_allclose(found, METRES, rtol=1e-6)


def test_inverse_depth_of_floats_is_turned_back():
    # codec.cpp: depth_quantization 100 and depth_max 10 give A = 100 * 101 and B = 1 - A / 10
    scale = 100.0 * (100.0 + 1.0)
    offset = 1.0 - scale / 10.0
    values = np.nan_to_num(scale / METRES + offset).astype(np.uint16)
    head = struct.pack("<iff", 0, scale, offset)
    found = compressed_depth_to_metres(message(values, "32FC1; compressedDepth png", head))
    np.testing.assert_allclose(found, METRES, rtol=2e-2)
    assert np.isnan(found[1, 1])


@pytest.mark.parametrize(
    "broken",
    [
        message(np.zeros((2, 2), np.uint8), "16UC1; compressedDepth png"),
        message(np.zeros((2, 2, 3), np.uint8), "16UC1; compressedDepth jpeg", codec=".jpg"),
        SimpleNamespace(format="16UC1; compressedDepth rvl", data=bytes(40)),
        SimpleNamespace(format="16UC1; compressedDepth png", data=b""),
        message(np.zeros((2, 2), np.uint16), "32FC1; compressedDepth png"),
        message(np.zeros((2, 2), np.uint16), "rgb8; compressedDepth png"),
    ],
)
def test_other_pictures_than_depth_are_refused(broken):
    with pytest.raises(GeometryError):
        compressed_depth_to_metres(broken)


def test_a_few_bytes_that_declare_gigabytes_are_refused_before_memory_is_taken():
    """Found by `python -m benchmarks.fuzz`: OpenCV's own error, beyond its limit, ended the build of a memory."""
    png = cv2.imencode(".png", np.zeros((2, 2), np.uint16))[1].tobytes()
    head = b"IHDR" + struct.pack(">II", 2**31 - 1, 2**20) + png[24:29]
    data = png[:12] + head + struct.pack(">I", zlib.crc32(head)) + png[33:]
    with pytest.raises(GeometryError, match="2147483647x1048576 pixels, expected at most 64000000"):
        compressed_depth_to_metres(SimpleNamespace(format="16UC1; compressedDepth png", data=data))
