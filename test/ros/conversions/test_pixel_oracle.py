# SPDX-License-Identifier: Apache-2.0
"""Images of any size, step and byte order beside an oracle that reads them value by value."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st
from steady_examples import steady

from talk2dino_ros.ros.conversions.depth_messages import depth_image_to_metres
from talk2dino_ros.ros.conversions.image_pixels import image_to_rgb
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns

ORDERS = {  # which values of a pixel are red, green and blue
    **{"rgb8": (0, 1, 2), "bgr8": (2, 1, 0), "rgba8": (0, 1, 2), "bgra8": (2, 1, 0), "mono8": (0, 0, 0)},
    **{"rgb16": (0, 1, 2), "bgr16": (2, 1, 0), "rgba16": (0, 1, 2), "bgra16": (2, 1, 0), "mono16": (0, 0, 0)},
}
CHANNELS = {"rgb": 3, "bgr": 3, "rgba": 4, "bgra": 4, "mono": 1}
DEPTHS = {"16UC1": (2, 0.001), "32FC1": (4, 1.0), "64FC1": (8, 1.0)}


@st.composite
def messages(draw, encodings, value_bytes):
    encoding = draw(st.sampled_from(sorted(encodings)))
    width, height = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    step = width * value_bytes(encoding) + draw(st.sampled_from([0, 1, 3, 8]))
    data = draw(st.binary(min_size=step * height, max_size=step * height))
    return SimpleNamespace(
        width=width, height=height, encoding=encoding, step=step, is_bigendian=draw(st.integers(0, 1)), data=data
    )


def bytes_of_pixel(encoding):
    name = encoding.rstrip("0123456789")
    return CHANNELS[name] * (2 if encoding.endswith("16") else 1)


@given(messages(ORDERS, bytes_of_pixel))
@steady
def test_colours_are_those_that_are_read_value_by_value(msg):
    wide = msg.encoding.endswith("16")
    size = bytes_of_pixel(msg.encoding)
    expected = np.zeros((msg.height, msg.width, 3), np.uint8)
    for y in range(msg.height):
        for x in range(msg.width):
            pixel = msg.data[y * msg.step + x * size :][:size]
            for colour, channel in enumerate(ORDERS[msg.encoding]):
                # of 16 bits the upper eight: the first byte where the order is big-endian, else the second
                expected[y, x, colour] = pixel[2 * channel + (0 if msg.is_bigendian else 1)] if wide else pixel[channel]
    found = image_to_rgb(msg)
    assert np.abs(found.astype(int) - expected).max() <= (1 if wide else 0)  # 16 bits may be rounded


@given(messages(DEPTHS, lambda encoding: DEPTHS[encoding][0]))
@steady
def test_depth_is_what_is_read_value_by_value(msg):
    size, unit = DEPTHS[msg.encoding]
    kind = {2: "u2", 4: "f4", 8: "f8"}[size]
    found = depth_image_to_metres(msg)
    for y in range(msg.height):
        for x in range(msg.width):
            raw = msg.data[y * msg.step + x * size :][:size]
            value = float(np.frombuffer(raw if msg.is_bigendian else raw[::-1], f">{kind}")[0]) * unit
            is_depth = 0 < value < float(np.finfo(np.float32).max) and value > 1e-44
            if is_depth:
                assert found[y, x] == pytest.approx(value, rel=1e-5, abs=1e-44)
            else:
                assert np.isnan(found[y, x]) or value <= 1e-44


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 10**9 - 1))
@steady
def test_stamps_keep_their_order_and_their_parts(sec, nanosec):
    stamp_ns = stamp_to_ns(SimpleNamespace(sec=sec, nanosec=nanosec))
    assert divmod(stamp_ns, 10**9) == (sec, nanosec)
    assert stamp_to_ns(SimpleNamespace(sec=sec, nanosec=10**9 - 1)) >= stamp_ns
