# SPDX-License-Identifier: Apache-2.0
"""A compressed image gives the colours of the raw one that compressed_image_transport made it of.

`published` is that publisher's rule (compressed_publisher.cpp, the same from humble to rolling), by OpenCV.
"""

import struct
import zlib

import cv2
import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg")

from sensor_msgs.msg import CompressedImage, Image

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.ros.conversions.compressed_images import (
    check_compressed_pixels,
    compressed_size,
    compressed_to_rgb,
)
from talk2dino_ros.ros.conversions.encodings import BAYER_CODES
from talk2dino_ros.ros.conversions.image_pixels import image_to_rgb

SUFFIXES = {"jpeg": ".jpg", "png": ".png", "tiff": ".tiff"}
# What cv_bridge makes of an encoding for OpenCV: BGR.
TO_BGR = {"rgb": cv2.COLOR_RGB2BGR, "bgra": cv2.COLOR_BGRA2BGR, "rgba": cv2.COLOR_RGBA2BGR}
TO_GREY = {
    "bayer_rggb8": cv2.COLOR_BayerBG2GRAY,
    "bayer_bggr8": cv2.COLOR_BayerRG2GRAY,
    "bayer_gbrg8": cv2.COLOR_BayerGR2GRAY,
    "bayer_grbg8": cv2.COLOR_BayerGB2GRAY,
}


def scene(height=120, width=160):
    """Smooth coloured areas, uint8 [H, W, 3] RGB, with red, green and blue far apart."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = (200, 60, 20)
    picture[:, width // 2 :] = (20, 90, 210)
    picture[height // 2 :, width // 4 : width // 2] = (30, 180, 60)
    return cv2.GaussianBlur(picture, (9, 9), 3)


def raw_values(encoding):
    """The scene as a camera of this encoding sends it."""
    rgb = scene()
    name, deep = encoding.removesuffix("16").removesuffix("8"), encoding.endswith("16")
    if name == "mono":
        values = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    elif name.startswith("bayer"):
        first = name.removeprefix("bayer_")
        values = np.empty(rgb.shape[:2], np.uint8)
        for place, letter in enumerate(first):
            row, column = divmod(place, 2)
            values[row::2, column::2] = rgb[row::2, column::2, "rgb".index(letter)]
    else:
        order = ["rgb".index(letter) for letter in name.removesuffix("a")]
        values = rgb[..., order]
        if name.endswith("a"):
            values = np.dstack([values, np.full(rgb.shape[:2], 255, np.uint8)])
    return np.ascontiguousarray(values.astype(np.uint16) * 257 if deep else values)


def raw_message(values, encoding):
    message = Image(height=values.shape[0], width=values.shape[1], encoding=encoding, step=values.strides[0])
    message.data.frombytes(values.tobytes())
    return message


def published(values, encoding, codec):
    """The message that compressed_image_transport makes of an image."""
    name, depth = encoding.removesuffix("16").removesuffix("8"), 16 if encoding.endswith("16") else 8
    given, is_colour = "", name.startswith(("rgb", "bgr"))
    if codec == "jpeg":
        given = "bgr8" if is_colour else "mono8"
        values = (values // 257).astype(np.uint8) if depth == 16 else values
        values = cv2.cvtColor(values, TO_GREY[f"{name}8"]) if name.startswith("bayer") else values
    elif codec == "png" and is_colour:
        given = f"bgr{depth}"
    if given.startswith("bgr") and name in TO_BGR:
        values = cv2.cvtColor(values, TO_BGR[name])
    return message_of(encode(values, SUFFIXES[codec]), f"{encoding}; {codec} compressed {given}")


def encode(values, suffix):
    is_written, data = cv2.imencode(suffix, values)
    assert is_written
    return data.tobytes()


def message_of(data, image_format):
    message = CompressedImage(format=image_format)
    message.data.frombytes(data)
    return message


def grey(rgb):
    return np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


ENCODINGS = [f"{name}{depth}" for name in ("rgb", "bgr", "rgba", "bgra", "mono", *BAYER_CODES) for depth in (8, 16)]


@pytest.mark.parametrize("codec", SUFFIXES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_colours_are_those_of_the_raw_message(encoding, codec):
    values = raw_values(encoding)
    raw = image_to_rgb(raw_message(values, encoding))
    expected = grey(raw) if codec == "jpeg" and encoding.startswith("bayer") else raw
    found = compressed_to_rgb(published(values, encoding, codec))
    error = np.abs(found.astype(int) - expected).mean()
    assert error < 5, f"{encoding} by {codec}: {error}"
    if codec != "jpeg":
        assert np.abs(found.astype(int) - expected).max() <= 1  # rounding of 16 bits


def test_a_mosaic_in_an_older_jpeg_is_turned_into_colours():
    """Before ROS 2's, the publisher gave JPEG the mosaic itself."""
    values = raw_values("bayer_rggb8")
    found = compressed_to_rgb(message_of(encode(values, ".jpg"), "bayer_rggb8; jpeg compressed "))
    assert np.abs(found.astype(int) - scene()).mean() < 10


@pytest.mark.parametrize("image_format", ["bayer_rggb8; png compressed ", "mono8; png compressed "])
def test_a_colour_picture_is_read_as_colour_whatever_its_format_says(image_format):
    data = encode(scene()[..., ::-1], ".png")
    np.testing.assert_array_equal(compressed_to_rgb(message_of(data, image_format)), scene())


@pytest.mark.parametrize(
    "image_format",
    ["bayer_rggb8;png compressed", " bayer_rggb8 ; png compressed ", "bayer_rggb8; png compressed"],
)
def test_spaces_in_the_format_do_not_matter(image_format):
    values = raw_values("bayer_rggb8")
    found = compressed_to_rgb(message_of(encode(values, ".png"), image_format))
    np.testing.assert_array_equal(found, image_to_rgb(raw_message(values, "bayer_rggb8")))


def test_values_that_are_no_integers_are_refused():
    data = encode(scene().astype(np.float32), ".tiff")
    with pytest.raises(ImageError, match="not a whole image"):
        compressed_to_rgb(message_of(data, "tiff"))


@pytest.mark.parametrize("image_format", ["mono16; png compressed ", "png", "mono16; tiff compressed "])
def test_the_sensor_bits_of_a_compressed_image_count(image_format):
    values = np.full((4, 6), 1023, np.uint16)
    values[0] = 512
    peaks = []
    suffix = ".tiff" if "tiff" in image_format else ".png"
    found = compressed_to_rgb(message_of(encode(values, suffix), image_format), bits=10, on_peak=peaks.append)
    assert peaks == [1023]
    assert (found[1:] == 255).all()
    assert (found[0] == 128).all()  # 512 / 1023 * 255 = 127.6


def png_header(width, height):
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def test_a_header_that_declares_too_much_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    message = message_of(png_header(12000, 12000), "png")
    with pytest.raises(ImageError, match=r"12000x12000 pixels, which are 144000000, expected at most 50000000 \(max_"):
        check_compressed_pixels(message, 50_000_000)
    check_compressed_pixels(message, 144_000_000)


def test_more_bytes_than_such_an_image_has_are_refused_unread():
    with pytest.raises(ImageError, match="has 801 bytes, expected at most 800 for the 100 pixels"):
        check_compressed_pixels(message_of(encode(scene()[:10, :10], ".png")[:1] + bytes(800), "png"), 100)


def test_planar_formats_in_a_compressed_image_are_decoded_as_pictures():
    values = cv2.cvtColor(scene(), cv2.COLOR_RGB2GRAY)[:91, :81]  # odd sides, which planes of colour never have
    found = compressed_to_rgb(message_of(encode(values, ".png"), "nv12; png compressed "))
    np.testing.assert_array_equal(found, np.repeat(values[..., None], 3, axis=2))


def test_the_size_is_known_without_decoding(monkeypatch):
    message = message_of(encode(scene(), ".jpg"), "jpeg")
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    assert compressed_size(message) == (120, 160)


@pytest.mark.parametrize("data", [b"", b"no picture at all", b"\xff\xd8\xff\xd9", png_header(0, 5), png_header(5, 0)])
def test_data_that_is_no_picture_has_no_size(data):
    message = message_of(data, "png")
    for read in (compressed_size, compressed_to_rgb):
        with pytest.raises(ImageError, match="not a whole image"):
            read(message)
    check_compressed_pixels(message, 100)  # it is refused where it is decoded, in its own words


@pytest.mark.parametrize("image_format", ["x\n" * 500_000, "16UC1;" + "x\n" * 500_000])
def test_a_format_of_any_length_gives_a_short_sentence_in_one_line(image_format):
    with pytest.raises(ImageError) as caught:
        compressed_to_rgb(message_of(b"", image_format))
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)
