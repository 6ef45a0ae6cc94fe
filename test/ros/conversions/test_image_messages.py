# SPDX-License-Identifier: Apache-2.0
"""Images in and out; the encodings' pixels themselves are held by test_encodings.py."""

import sys
import zlib

import cv2
import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="no ROS is sourced: messages are not converted")

from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.ros.conversions.bridge import bridge_status
from talk2dino_ros.ros.conversions.compressed_images import compressed_to_rgb
from talk2dino_ros.ros.conversions.encodings import LAYOUTS, decode, pixels
from talk2dino_ros.ros.conversions.image_messages import mask_to_image, rgb_to_image
from talk2dino_ros.ros.conversions.image_pixels import check_image_pixels, image_size, image_to_rgb

RNG = np.random.default_rng(3)
RGB = RNG.integers(0, 256, (7, 9, 3), dtype=np.uint8)
HEADER = Header(stamp=Time(sec=12, nanosec=345), frame_id="camera_optical")


def image(values, encoding, *, padding=0, big_endian=False):
    """An Image with `padding` bytes of rubbish behind each row."""
    values = np.ascontiguousarray(values)
    rows = values.view(np.uint8).reshape(len(values), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=0xAB)
    msg = Image(header=HEADER, height=values.shape[0], width=values.shape[1], encoding=encoding)
    msg.step = rows.shape[1]
    msg.is_bigendian = int(big_endian)
    msg.data.frombytes(rows.tobytes())
    return msg


def compressed(bgr, extension, image_format, options=()):
    ok, data = cv2.imencode(extension, bgr, list(options))
    assert ok
    msg = CompressedImage(header=HEADER, format=image_format)
    msg.data.frombytes(data.tobytes())
    return msg


def squares(size=32):
    """Red on the left, blue on the right, RGB."""
    rgb = np.zeros((size, 2 * size, 3), np.uint8)
    rgb[:, :size, 0] = rgb[:, size:, 2] = 255
    return rgb


def assert_red_and_blue(rgb, tolerance):
    height, width = rgb.shape[:2]
    np.testing.assert_allclose(rgb[height // 2, width // 4].astype(int), (255, 0, 0), atol=tolerance)
    np.testing.assert_allclose(rgb[height // 2, 3 * width // 4].astype(int), (0, 0, 255), atol=tolerance)


@pytest.mark.parametrize("padding", [0, 1, 13])
def test_an_image_message_becomes_its_pixels(padding):
    np.testing.assert_array_equal(image_to_rgb(image(RGB, "rgb8", padding=padding)), RGB)
    np.testing.assert_array_equal(image_to_rgb(image(RGB[..., ::-1], "bgr8", padding=padding)), RGB)


def test_big_endian_is_read_from_the_message():
    values = np.maximum(257 * RGB.astype(int) - 100, 0)  # rounds to RGB; its two bytes differ
    np.testing.assert_array_equal(image_to_rgb(image(values.astype(">u2"), "rgb16", big_endian=True)), RGB)
    np.testing.assert_array_equal(image_to_rgb(image(values.astype("<u2"), "rgb16")), RGB)


def test_rgb8_is_read_without_a_copy_and_torch_takes_it():
    torch = pytest.importorskip("torch", reason="torch is not installed: no tensor is made")
    msg = image(RGB, "rgb8", padding=3)
    rgb = image_to_rgb(msg)
    assert np.shares_memory(rgb, np.frombuffer(msg.data, np.uint8))
    assert torch.equal(torch.from_numpy(rgb), torch.from_numpy(RGB.copy()))


def test_a_wrong_image_is_refused():
    msg = image(RGB, "rgb8")
    msg.data.pop()
    with pytest.raises(ImageError, match=r"data has 188 bytes, .* takes 189"):
        image_to_rgb(msg)
    with pytest.raises(ImageError, match="remap `image` to the colour topic"):
        image_to_rgb(image(RGB[:, :, 0].astype("<u2"), "16UC1"))
    with pytest.raises(ImageError, match="0x0 pixels"):
        image_to_rgb(Image(encoding="rgb8"))


def test_an_8k_image_is_read():
    msg = image(np.zeros((4320, 7680, 3), np.uint8), "bgr8")
    assert image_to_rgb(msg).shape == (4320, 7680, 3)


def test_cv_bridge_and_opencv_give_the_same_pixels():
    if not bridge_status().startswith("cv_bridge converts"):
        pytest.skip("cv_bridge is not installed, or not for this NumPy: its pixels are not compared")
    for encoding, layout in LAYOUTS.items():
        if layout.by_bridge:
            value = np.dtype(layout.dtype)
            raw = RNG.integers(0, 2 ** (8 * value.itemsize), (8, 10, layout.channels)).astype(value.newbyteorder("<"))
            msg = image(raw, encoding, padding=6)
            data = np.frombuffer(msg.data, np.uint8)
            plain = pixels(data, encoding, width=10, height=8, step=msg.step, big_endian=False)
            np.testing.assert_array_equal(image_to_rgb(msg), decode(plain, encoding), err_msg=encoding)


@pytest.mark.parametrize(
    ("extension", "image_format", "tolerance"),
    [
        (".png", "png", 0),
        (".png", "bgr8; png compressed bgr8", 0),
        (".png", "rgb8; png compressed bgr8", 0),
        (".png", "mono8; png compressed", 0),
        (".png", "", 0),
        (".jpg", "jpeg", 3),
        (".jpg", "jpg", 3),
        (".jpg", "bgr8; jpeg compressed bgr8", 3),
        (".jpg", "rgba8; jpeg compressed bgr8", 3),
        (".jpg", "bayer_rggb8; jpeg compressed bgr8", 3),
        (".webp", "webp", 6),
    ],
)
def test_a_compressed_red_and_blue_square_stay_red_and_blue(extension, image_format, tolerance):
    msg = compressed(squares()[..., ::-1], extension, image_format)
    assert_red_and_blue(compressed_to_rgb(msg), tolerance)


@pytest.mark.parametrize(
    "image_format", ["rgb8; jpeg compressed rgb8", "bgr8; jpeg compressed ", "rgb8; png compressed"]
)
def test_a_picture_that_compressed_image_transport_stores_as_rgb_is_swapped(image_format):
    msg = compressed(squares(), ".png", image_format)  # imencode takes BGR, so red and blue are stored swapped
    assert_red_and_blue(compressed_to_rgb(msg), 0)


def test_png_comes_back_exactly_grey_alpha_and_16_bits_included():
    bgr = np.ascontiguousarray(RGB[..., ::-1])
    np.testing.assert_array_equal(compressed_to_rgb(compressed(bgr, ".png", "png")), RGB)
    grey = np.repeat(RGB[..., :1], 3, axis=2)
    np.testing.assert_array_equal(compressed_to_rgb(compressed(RGB[..., 0], ".png", "png")), grey)
    bgra = np.dstack([bgr, RGB[..., 0]])
    np.testing.assert_array_equal(compressed_to_rgb(compressed(bgra, ".png", "png")), RGB)
    deep = bgr.astype(np.uint16) * 257
    np.testing.assert_array_equal(compressed_to_rgb(compressed(deep, ".png", "png")), RGB)


def test_the_orientation_for_viewers_does_not_turn_the_image():
    plain = compressed(squares()[..., ::-1], ".jpg", "jpeg")
    # An APP1 segment with one big-endian TIFF entry: 0x0112, orientation, is 6, "turn right to look at it".
    exif = bytes.fromhex("ffe10022 457869660000 4d4d002a00000008 0001 0112 0003 00000001 00060000 00000000")
    turned = CompressedImage(format="jpeg")
    turned.data.frombytes(bytes(plain.data)[:2] + exif + bytes(plain.data)[2:])
    assert cv2.imdecode(np.frombuffer(turned.data, np.uint8), cv2.IMREAD_COLOR).shape == (64, 32, 3)
    np.testing.assert_array_equal(compressed_to_rgb(turned), compressed_to_rgb(plain))


def damaged():
    jpeg = bytes(compressed(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8), ".jpg", "").data)
    png = bytes(compressed(RGB, ".png", "").data)
    return {
        "empty": b"",
        "text": b"this is no image",
        "cut jpeg": jpeg[: len(jpeg) // 3],
        "jpeg without its last bytes": jpeg[:-2],
        "jpeg's first bytes": jpeg[:4],
        "cut png": png[:30],
    }


@pytest.mark.parametrize("name", damaged())
def test_damaged_data_is_refused(name, capfd):
    msg = CompressedImage(format="jpeg")
    msg.data.frombytes(damaged()[name])
    with pytest.raises(ImageError, match=rf"{len(msg.data)} bytes of .* 'jpeg' are not a whole image; publish JPEG"):
        compressed_to_rgb(msg)


def test_a_cut_jpeg_is_refused_where_opencv_would_fill_the_missing_part_with_grey(monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: np.full((64, 64, 3), 128, np.uint8))  # as OpenCV 4 does
    msg = CompressedImage(format="jpeg")
    msg.data.frombytes(damaged()["cut jpeg"])
    with pytest.raises(ImageError, match="not a whole image"):
        compressed_to_rgb(msg)


def test_an_image_of_more_pixels_than_opencv_allows_is_refused():
    png = bytearray(compressed(RGB, ".png", "").data)
    ihdr = b"IHDR" + (2**20).to_bytes(4, "big") * 2 + bytes(png[24:29])
    png[12:33] = ihdr + zlib.crc32(ihdr).to_bytes(4, "big")
    msg = CompressedImage(format="png")
    msg.data.frombytes(bytes(png))
    with pytest.raises(ImageError, match="not a whole image"):
        compressed_to_rgb(msg)


@pytest.mark.parametrize("image_format", ["16UC1; compressedDepth", "16UC1; png compressed ", "32FC1; compressedDepth"])
def test_a_compressed_depth_image_is_refused_as_one(image_format):
    msg = compressed(RGB[..., 0].astype(np.uint16), ".png", image_format)
    with pytest.raises(ImageError, match=r"depth image's.*remap `image`"):
        compressed_to_rgb(msg)


@pytest.mark.parametrize("values", [RGB[:, :, 0].copy(), RGB[::2, ::2, 0], np.asfortranarray(RGB[:, :, 0])])
def test_a_mask_goes_out_as_mono8_with_step_equal_to_width(values):
    msg = mask_to_image(values, HEADER)
    assert (msg.encoding, msg.height, msg.width, msg.step) == ("mono8", *values.shape, values.shape[1])
    np.testing.assert_array_equal(np.frombuffer(msg.data, np.uint8).reshape(values.shape), values)


@pytest.mark.parametrize("values", [RGB, RGB[::2, ::2], np.asfortranarray(RGB), RGB[:, ::-1]])
def test_rgb_goes_out_and_comes_back_exactly(values):
    msg = rgb_to_image(values, HEADER)
    assert (msg.encoding, msg.height, msg.width, msg.step) == ("rgb8", *values.shape[:2], 3 * values.shape[1])
    np.testing.assert_array_equal(image_to_rgb(msg), values)


def test_published_images_keep_the_header():
    for msg in (mask_to_image(RGB[:, :, 0], HEADER), rgb_to_image(RGB, HEADER)):
        assert msg.header is HEADER
        assert msg.header == Header(stamp=Time(sec=12, nanosec=345), frame_id="camera_optical")


def test_published_data_is_the_messages_own_array_and_the_byte_order_little():
    msg = mask_to_image(RGB[:, :, 0], HEADER)
    assert type(msg.data).__name__ == "array"
    assert msg.data.typecode == "B"
    assert not msg.is_bigendian
    assert sys.getsizeof(msg.data) >= 63


@pytest.mark.parametrize(("width", "height"), [(32000, 32000), (2**32 - 1, 2**32 - 1), (50_000_001, 1)])
def test_an_image_that_declares_too_many_pixels_is_refused_by_its_header(width, height):
    with pytest.raises(
        ImageError, match=f"declares {width}x{height} pixels, which are {width * height}, expected at m"
    ):
        check_image_pixels(Image(width=width, height=height, encoding="mono8", step=width), 50_000_000)


def test_data_beyond_the_widest_pixels_is_refused_too():
    msg = Image(width=2, height=1, encoding="mono8", step=2)
    msg.data.frombytes(bytes(33))
    with pytest.raises(ImageError, match="has 33 bytes, expected at most 32 for the 4 pixels"):
        check_image_pixels(msg, 4)
    check_image_pixels(msg, 5)


def test_the_size_of_an_image_without_its_data_is_refused():
    with pytest.raises(ImageError, match="data has 0 bytes, but its height of 4000 rgb8 rows at step 12000"):
        image_size(Image(width=4000, height=4000, encoding="rgb8", step=12000))
    assert image_size(image(RGB, "rgb8", padding=3)) == (7, 9)


def test_the_sensors_bits_of_a_raw_image_count():
    values, peaks = np.array([[0, 1023], [512, 5]], np.uint16), []
    found = image_to_rgb(image(values, "mono16"), bits=10, on_peak=peaks.append)
    assert peaks == [1023]
    assert found[..., 0].tolist() == [[0, 255], [128, 1]]  # 512 / 1023 * 255 = 127.6, 5 / 1023 * 255 = 1.2
