# SPDX-License-Identifier: Apache-2.0
"""The size in a header is the one that the decoder finds, and a header that lies costs no memory."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from talk2dino_ros.ros.conversions.picture_header import size_in_header

WIDTH, HEIGHT = 301, 77
RNG = np.random.default_rng(0)
BGR = RNG.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def encoded(extension, image=BGR, options=()):
    is_written, data = cv2.imencode(extension, image, list(options))
    assert is_written
    return data.tobytes()


@pytest.mark.parametrize(
    ("extension", "image", "options"),
    [
        (".jpg", BGR, ()),
        (".jpg", BGR, (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
        (".jpg", BGR[..., 0], (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)),
        (".png", BGR, ()),
        (".png", BGR.astype(np.uint16) * 257, ()),
        (".webp", BGR, (cv2.IMWRITE_WEBP_QUALITY, 80)),
        (".webp", BGR, (cv2.IMWRITE_WEBP_QUALITY, 101)),  # lossless
        (".webp", np.dstack([BGR, BGR[..., :1]]), (cv2.IMWRITE_WEBP_QUALITY, 80)),  # with alpha: the extended header
        (".tiff", BGR, ()),
        (".bmp", BGR, ()),
        (".ppm", BGR, ()),
        (".ppm", BGR, (cv2.IMWRITE_PXM_BINARY, 0)),
        (".pgm", BGR[..., 0], ()),
        (".pbm", BGR[..., 0], ()),
        (".pam", BGR, ()),
        (".pfm", BGR.astype(np.float32), ()),
        (".ras", BGR, ()),
        (".hdr", BGR.astype(np.float32) / 255, ()),
        (".jp2", BGR, ()),
    ],
)
def test_the_size_is_the_one_that_opencv_decodes(extension, image, options):
    data = encoded(extension, image, options)
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).shape[:2] == (HEIGHT, WIDTH)
    assert size_in_header(data) == (WIDTH, HEIGHT)
    for length in (0, 1, 4, 9, 17, 24, 28):
        assert size_in_header(data[:length]) in (None, (WIDTH, HEIGHT))


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "AVIF"])
def test_sizes_of_formats_that_opencv_cannot_write(kind, tmp_path):
    picture = pytest.importorskip("PIL.Image").fromarray(BGR)
    path = tmp_path / "picture"
    picture.save(path, kind, **({"big_tiff": True} if kind == "TIFF" else {}))
    assert size_in_header(path.read_bytes()) == (WIDTH, HEIGHT)


def test_a_thumbnail_in_a_jpeg_is_not_its_size():
    jpeg, thumbnail = encoded(".jpg"), encoded(".jpg", BGR[:8, :8])
    exif = b"Exif\0\0" + thumbnail
    data = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(exif)) + exif + jpeg[2:]
    assert size_in_header(data) == (WIDTH, HEIGHT)


def test_a_comment_in_a_pnm_header_is_no_size():
    assert size_in_header(b"P6\n# 9 9\n301 # wide\n77\n255\n") == (301, 77)


def test_the_sides_in_a_pam_header_come_in_any_order():
    assert size_in_header(b"P7\nDEPTH 3\nHEIGHT 77\nWIDTH 301\nMAXVAL 255\nENDHDR\n") == (301, 77)


def test_rows_from_the_top_down_in_a_bmp():
    data = bytearray(encoded(".bmp"))
    struct.pack_into("<i", data, 22, -HEIGHT)
    assert size_in_header(bytes(data)) == (WIDTH, HEIGHT)


def test_an_old_bmp_header():
    assert size_in_header(b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 301, 77, 1, 24)) == (301, 77)


@pytest.mark.parametrize("order", "<>")
def test_tiff_in_both_byte_orders_and_with_long_sides(order):
    entries = [struct.pack(f"{order}HHII", tag, 4, 1, side) for tag, side in ((256, 70000), (257, 80000))]
    data = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, 2) + b"".join(entries)
    assert size_in_header(data) == (70000, 80000)


def test_a_png_header_is_read_without_decoding():
    body = b"IHDR" + struct.pack(">IIBBBBB", 12000, 12000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    assert size_in_header(data) == (12000, 12000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        b"\xff\xd8" + b"\xff" * 1000,
        b"\xff\xd8\xff\xda",
        b"\xff\xd8\xff\xe0\x00\x00" * 100,
        b"BM",
        b"II\x2a\x00\xff\xff\xff\xff",
        b"II\x2a\x00\x08\x00\x00\x00\x01\x00\x00\x01\x63\x00" + bytes(8),  # a type that no side has
        b"P6 a b",
        b"P6" + b" " * 4000 + b"x",
        b"P6" + b"#\n" * 2000 + b"x",
        b"P7\nWIDTH x\n",
        b"#?RADIANCE\n",
        b"RIFF0000WEBPVP9 ",
        b"\x00\x00\x00\x20ftypavif",
        b"\x00\x00\x00\x0cjP  \r\n",
    ],
)
def test_a_broken_header_has_no_size(data):
    assert size_in_header(data) is None


def test_any_bytes_behind_any_magic_have_a_size_or_none():
    for magic in (b"\xff\xd8", b"II\x2a\x00", b"MM\x00\x2b", b"BM", b"P5", b"\x00\x00\x00\x0cjP  ", b"0000ftypavif"):
        for _ in range(200):
            size = size_in_header(magic + RNG.bytes(int(RNG.integers(0, 80))))
            assert size is None or min(size) >= 0
