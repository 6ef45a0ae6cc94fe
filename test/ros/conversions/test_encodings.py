# SPDX-License-Identifier: Apache-2.0
"""Every encoding, against pixels that are written into the bytes here one by one."""

import numpy as np
import pytest

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.ros.conversions.encodings import LAYOUTS, bits_hint, decode, pixels, stretched

RNG = np.random.default_rng(7)
RGB = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)
RED, BLUE = (255, 0, 0), (0, 0, 255)
CHANNELS = {"rgb": (0, 1, 2), "bgr": (2, 1, 0), "rgba": (0, 1, 2, 3), "bgra": (2, 1, 0, 3), "mono": (0,)}


def read(raw, encoding, width, height, step, *, big_endian=False):
    values = pixels(
        np.frombuffer(bytes(raw), np.uint8),
        encoding,
        width=width,
        height=height,
        step=step,
        big_endian=big_endian,
    )
    return decode(values, encoding)


def lossless(encoding, rgb, big_endian=False, padding=0):
    """Write interleaved bytes: the channels in their order, then `padding` bytes of rubbish per row."""
    order = CHANNELS[encoding.rstrip("0123456789")]
    size = 2 if encoding.endswith("16") else 1
    rows = bytearray()
    for row in rgb.tolist():
        for pixel in row:
            for channel in order:
                value = (*pixel, 77)[channel]
                if size == 2:  # near the middle of what rounds to it, with two bytes that differ
                    value = max(0, 257 * value - 100)
                rows += value.to_bytes(size, "big" if big_endian else "little")
        rows += bytes([0xAB] * padding)
    return rows, len(rows) // len(rgb)


@pytest.mark.parametrize("padding", [0, 1, 5])
@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8", "rgb16", "bgr16", "rgba16", "bgra16"])
def test_colours_come_back_exactly_whatever_the_padding(encoding, padding):
    raw, step = lossless(encoding, RGB, padding=padding)
    np.testing.assert_array_equal(read(raw, encoding, 8, 6, step), RGB)


@pytest.mark.parametrize("encoding", ["rgb16", "bgr16", "rgba16", "bgra16", "mono16"])
def test_big_endian_values_are_byte_swapped(encoding):
    grey = np.repeat(RGB[:, :, :1], 3, axis=2)
    raw, step = lossless(encoding, grey, big_endian=True, padding=3)
    np.testing.assert_array_equal(read(raw, encoding, 8, 6, step, big_endian=True), grey)


@pytest.mark.parametrize("encoding", ["mono8", "8UC1", "mono16"])
def test_grey_becomes_three_equal_channels(encoding):
    raw, step = lossless("mono16" if encoding == "mono16" else "mono8", RGB, padding=2)
    np.testing.assert_array_equal(read(raw, encoding, 8, 6, step), np.repeat(RGB[:, :, :1], 3, axis=2))


@pytest.mark.parametrize(("plain", "meant"), [("8UC3", "bgr8"), ("8UC4", "bgra8")])
def test_unnamed_channels_are_read_in_opencvs_order(plain, meant):
    raw, step = lossless(meant, RGB)
    np.testing.assert_array_equal(read(raw, plain, 8, 6, step), RGB)


def test_16_bits_are_scaled_and_rounded_to_8():
    values = np.array([0, 128, 129, 385, 386, 32768, 65406, 65407, 65535], "<u2")
    grey = read(values.tobytes(), "mono16", len(values), 1, 2 * len(values))[0, :, 0]
    assert grey.tolist() == [0, 0, 1, 1, 2, 128, 254, 255, 255]


def bt601(rgb):
    """Y 16..235, U and V 16..240, from the definition: luma weights 0.299, 0.587, 0.114."""
    red, green, blue = (np.asarray(rgb, float) / 255)[..., 0], *np.moveaxis(np.asarray(rgb, float) / 255, -1, 0)[1:]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    u, v = (blue - luma) / 1.772, (red - luma) / 1.402
    return [np.rint(part).astype(int) for part in (16 + 219 * luma, 128 + 224 * u, 128 + 224 * v)]


def in_pairs(rgb):
    """Neighbours of the same colour, 2x2, so that shared chroma loses nothing."""
    return np.kron(rgb[::2, ::2], np.ones((2, 2, 1), np.uint8))


def yuv_rows(encoding, rgb, padding=0):
    """Write the bytes of a YUV encoding; returns them and the step."""
    y, u, v = bt601(rgb)
    height, width = y.shape
    rubbish = [0xAB] * padding
    rows = []
    if encoding in ("yuv422", "uyvy", "yuv422_yuy2", "yuyv"):
        for r in range(height):
            row = []
            for c in range(0, width, 2):
                if encoding in ("yuv422", "uyvy"):
                    row += [u[r, c], y[r, c], v[r, c], y[r, c + 1]]
                else:
                    row += [y[r, c], u[r, c], y[r, c + 1], v[r, c]]
            rows.append(row + rubbish)
        return bytes(value for row in rows for value in row), 2 * width + padding
    rows = [list(y[r]) + rubbish for r in range(height)]
    every = 1 if encoding == "nv24" else 2
    for r in range(0, height, every):
        pairs = [(v, u) if encoding == "nv21" else (u, v)] * (width // every)
        row = [part[r, every * c] for c, pair in enumerate(pairs) for part in pair]
        rows.append(row + rubbish * (2 if encoding == "nv24" else 1))
    return bytes(int(value) for row in rows for value in row), width + padding


YUV = ["yuv422", "uyvy", "yuv422_yuy2", "yuyv", "nv12", "nv21", "nv24"]


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("encoding", YUV)
def test_yuv_comes_back_within_its_own_rounding(encoding, padding):
    rgb = in_pairs(RGB)
    raw, step = yuv_rows(encoding, rgb, padding)
    # Half a step of Y is 0.5 * 255/219 = 0.6; of U, at most 0.5 * 2.02 = 1.0; OpenCV's integers add less than 1.
    np.testing.assert_allclose(read(raw, encoding, 8, 6, step), rgb.astype(int), atol=3)


def squares(height=8, width=16):
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, : width // 2], rgb[:, width // 2 :] = RED, BLUE
    return rgb


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8", "rgb16", "bgr16", "rgba16", "bgra16"])
def test_a_red_and_a_blue_square_stay_red_and_blue(encoding):
    raw, step = lossless(encoding, squares())
    rgb = read(raw, encoding, 16, 8, step)
    assert rgb[4, 3].tolist() == list(RED)
    assert rgb[4, 12].tolist() == list(BLUE)


@pytest.mark.parametrize("encoding", YUV)
def test_a_red_and_a_blue_square_stay_red_and_blue_in_yuv(encoding):
    raw, step = yuv_rows(encoding, squares())
    rgb = read(raw, encoding, 16, 8, step).astype(int)
    np.testing.assert_allclose(rgb[4, 3], RED, atol=3)
    np.testing.assert_allclose(rgb[4, 12], BLUE, atol=3)


def mosaic(pattern, rgb):
    """What a sensor sees whose first two rows are `pattern`, as ROS names it: "rggb" is R G over G B."""
    height, width = rgb.shape[:2]
    channel = {"r": 0, "g": 1, "b": 2}
    rows = [[rgb[y, x, channel[pattern[2 * (y % 2) + x % 2]]] for x in range(width)] for y in range(height)]
    return np.array(rows, np.uint8)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_mosaic_of_red_and_blue_squares_becomes_red_and_blue(pattern, bits):
    raw = mosaic(pattern, squares())
    raw = raw if bits == 8 else raw.astype("<u2") * 257
    rgb = read(raw.tobytes(), f"bayer_{pattern}{bits}", 16, 8, raw[0].nbytes)
    assert rgb[2:6, 2:6].reshape(-1, 3).tolist() == [list(RED)] * 16
    assert rgb[2:6, 10:14].reshape(-1, 3).tolist() == [list(BLUE)] * 16


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_mosaic_of_a_smooth_picture_comes_back_in_its_inside(pattern):
    ys, xs = np.mgrid[:12, :16]
    rgb = np.stack([10 * xs, 200 - 10 * ys, 5 * xs + 5 * ys], axis=-1).astype(np.uint8)
    raw = mosaic(pattern, rgb)
    out = read(raw.tobytes(), f"bayer_{pattern}8", 16, 12, 16).astype(int)
    # Linear ramps: the mean of the neighbours is the pixel itself, up to rounding.
    np.testing.assert_allclose(out[2:-2, 2:-2], rgb[2:-2, 2:-2].astype(int), atol=1)


@pytest.mark.parametrize("encoding", LAYOUTS)
def test_every_encoding_gives_bytes_that_torch_takes(encoding):
    torch = pytest.importorskip("torch", reason="torch is not installed: no tensor is made")
    raw = bytearray(6 * 72 * 3)
    values = pixels(np.frombuffer(raw, np.uint8), encoding, width=8, height=6, step=72, big_endian=False)
    rgb = decode(values, encoding)
    assert rgb.shape == (6, 8, 3)
    assert rgb.dtype == np.uint8
    assert torch.from_numpy(rgb).shape == (6, 8, 3)


@pytest.mark.parametrize("encoding", ["rgb8", "rgba8"])
def test_rgb_is_a_view_and_no_copy(encoding):
    raw = np.zeros(6 * 40, np.uint8)
    rgb = decode(pixels(raw, encoding, width=8, height=6, step=40, big_endian=False), encoding)
    assert np.shares_memory(rgb, raw)


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1", "64FC1"])
def test_a_depth_image_is_refused_as_one(encoding):
    with pytest.raises(ImageError, match=rf"'{encoding}' is a depth image's.*remap `image` to the colour topic"):
        read(bytes(64), encoding, 2, 2, 16)


@pytest.mark.parametrize("encoding", ["", "RGB8", "rgb", "16SC1", "32FC3", "64FC2", "yuv444", "bayer_rgbg8", "jpeg"])
def test_an_encoding_nobody_knows_is_refused_with_the_list_of_the_known(encoding):
    with pytest.raises(ImageError, match=rf"'{encoding}' is not a colour image's; .*rgb8, bgr8.*nv24"):
        read(bytes(64), encoding, 2, 2, 16)


@pytest.mark.parametrize("encoding", LAYOUTS)
@pytest.mark.parametrize(("width", "height"), [(0, 4), (4, 0), (0, 0)])
def test_an_image_without_pixels_is_refused(encoding, width, height):
    with pytest.raises(ImageError, match=rf"{width}x{height} pixels; it needs at least 1x1"):
        read(bytes(64), encoding, width, height, 16)


@pytest.mark.parametrize(
    ("encoding", "row_bytes"),
    [("rgb8", 12), ("bgra8", 16), ("mono8", 4), ("mono16", 8), ("rgba16", 32), ("yuv422", 8), ("nv12", 4)],
)
def test_a_step_shorter_than_a_row_is_refused(encoding, row_bytes):
    read(bytes(1000), encoding, 4, 2, row_bytes)
    with pytest.raises(ImageError, match=rf"step is {row_bytes - 1}, but a row of 4 {encoding} .*{row_bytes} bytes"):
        read(bytes(1000), encoding, 4, 2, row_bytes - 1)


@pytest.mark.parametrize(
    ("encoding", "needed"), [("rgb8", 80), ("mono16", 80), ("bayer_rggb8", 80), ("nv12", 120), ("nv24", 240)]
)
def test_data_shorter_than_height_times_step_is_refused_and_longer_is_not(encoding, needed):
    read(bytes(needed + 7), encoding, 4, 4, 20)
    read(bytes(needed), encoding, 4, 4, 20)
    with pytest.raises(ImageError, match=rf"data has {needed - 1} bytes, .*takes {needed};"):
        read(bytes(needed - 1), encoding, 4, 4, 20)


@pytest.mark.parametrize(("encoding", "width", "height"), [("yuv422", 3, 4), ("nv12", 3, 4), ("nv21", 4, 3)])
def test_shared_chroma_needs_even_sizes(encoding, width, height):
    with pytest.raises(ImageError, match=rf"{encoding} image is {width}x{height} pixels.*even"):
        read(bytes(1000), encoding, width, height, 20)


@pytest.mark.parametrize(
    ("bits", "value", "expected"), [(10, 1023, 65535), (10, 1024, 65535), (12, 0, 0), (8, 51, 13107)]
)
def test_values_of_a_sensor_of_fewer_bits_are_stretched_over_all_16(bits, value, expected):
    """51 of 255 is a fifth: 13107 of 65535; what is above the brightest value is the brightest."""
    assert stretched(np.full((2, 3), value, np.uint16), bits).tolist() == [[expected] * 3] * 2


def test_values_of_8_bits_and_of_all_16_stay_as_they_are():
    for values in (np.array([[7]], np.uint8), np.array([[777]], np.uint16)):
        assert stretched(values, 16 if values.dtype == np.uint16 else 10) is values


@pytest.mark.parametrize(
    ("peak", "bits", "words"),
    [
        (1019, 16, "is 1019, expected up to 65535, so that it is dark; for a sensor of 10 bits set image_bits to 10"),
        (1024, 16, "set image_bits to 12"),
        (16383, 16, "set image_bits to 14"),
        (
            1024,
            10,
            "is 1024, expected up to 1023 by image_bits 10, so that brighter ones are cut; set image_bits to 11",
        ),
        (65535, 14, "set image_bits to 16 or more"),
    ],
)
def test_a_peak_that_does_not_fit_to_the_sensors_bits_gets_a_hint(peak, bits, words):
    assert words in bits_hint(peak, bits)


@pytest.mark.parametrize(("peak", "bits"), [(16384, 16), (65535, 16), (1023, 10), (3, 10), (0, 16)])
def test_a_peak_that_fits_gets_none(peak, bits):
    assert bits_hint(peak, bits) == ""


def test_an_encoding_of_any_length_gives_a_short_sentence_in_one_line():
    with pytest.raises(ImageError, match="encoding 'x") as caught:
        read(b"", "x\n" * 500_000, 4, 4, 4)
    assert len(str(caught.value)) < 600
    assert "\n" not in str(caught.value)
