# SPDX-License-Identifier: Apache-2.0
"""Whatever a camera or an editor wrote becomes 8-bit RGB, upright, and nothing is said on the terminal."""

import subprocess
import sys
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from training_photos import encoded_photo

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.files.picture_reader import orientation_in, read_rgb
from talk2dino_ros.engine.train.features.pixels import square
from talk2dino_ros.viz.pictures import read_picture

GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)  # every value of 8 bits


def encoded(pixels, kind="TIFF", **options):
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


WIDE = {
    "16-bit PNG": encoded(GREY * np.uint16(257), "PNG"),
    "16-bit TIFF": encoded(GREY * np.uint16(257)),
    "big-endian 16-bit TIFF": encoded((GREY * np.uint16(257)).astype(">u2")),
    "32-bit integers up to 255": encoded(GREY.astype(np.int32)),
    "32-bit integers up to 65535": encoded(GREY * np.int32(257)),
    "32-bit integers up to their last": encoded((GREY * np.uint32(0x01010101)).view(np.int32)),
    "floats up to 1": encoded(GREY / np.float32(255)),
    "floats up to 255": encoded(GREY.astype(np.float32)),
    "floats up to 65535": encoded(GREY * np.float32(257)),
}


@pytest.mark.parametrize("data", WIDE.values(), ids=WIDE)
def test_sixteen_bit_grey_is_scaled_to_8_bits_for_every_command(data, tmp_path):
    (tmp_path / "wide.tif").write_bytes(data)
    read = read_picture(tmp_path / "wide.tif")  # segment, evaluate, explain and the demo
    np.testing.assert_array_equal(read, np.repeat(GREY[..., None], 3, axis=2))
    np.testing.assert_array_equal(square(data, 16), read)  # train


@pytest.mark.parametrize(
    ("values", "range_"),
    [([-1.0, 1.0], "-1 to 1"), ([0.0, np.nan], "nan to nan"), ([0.0, 1e6], "0 to 1e+06"), ([0.0, np.inf], "0 to inf")],
)
def test_grey_of_unknown_range_is_refused_with_its_values(values, range_):
    with pytest.raises(ImageError, match=rf"its grey values go from {range_.replace('+', '.')}, expected 0 to 1, 255"):
        read_rgb(BytesIO(encoded(np.float32([values] * 2))))


def with_orientation(orientation, kind="JPEG", **tags):
    """Red above blue when upright, stored as a camera held that way would; other tags as given."""
    picture = Image.new("RGB", (16, 32), (0, 0, 255))
    picture.paste((255, 0, 0), (0, 0, 16, 16))
    stored = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[274] = orientation
    exif[282] = 72.0  # a fraction, with its own eight bytes behind the table
    exif[305] = "made by a test"
    if stored[orientation] is not None:
        picture = picture.transpose(stored[orientation])
    buffer = BytesIO()
    picture.save(buffer, kind, exif=exif)
    return buffer.getvalue()


def is_upright(picture):
    red, blue = picture.getpixel((8, 3)), picture.getpixel((8, 28))
    return picture.size == (16, 32) and red[0] > 200 > red[2] and blue[2] > 200 > blue[0]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_picture_is_rotated_by_its_orientation_tag(orientation, kind):
    assert is_upright(read_rgb(BytesIO(with_orientation(orientation, kind))))


def changed(data, old, new):
    assert data.count(old) == 1
    data = data.replace(old, new)
    if data.startswith(b"\x89PNG"):  # its chunks have sums
        at = data.index(b"eXIf")
        size = int.from_bytes(data[at - 4 : at], "big")
        data = data[: at + 4 + size] + zlib.crc32(data[at : at + 4 + size]).to_bytes(4, "big") + data[at + 8 + size :]
    return data


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\x01\x1a\x00\x05", b"\x01\x1a\x00\x07"),  # a resolution of undefined bytes
        (b"\x01\x1a\x00\x05", b"\x01\x1a\x00\xff"),  # of a type that does not exist
        (b"\x00\x00\x00\x48\x00\x00\x00\x01", b"\x00\x00\x00\x48\x00\x00\x00\x00"),  # a fraction with 0 below
        (b"\x01\x31\x00\x02\x00\x00\x00\x0f", b"\x01\x31\x00\x02\x7f\xff\xff\xff"),  # a text longer than the file
        (b"\x01\x31\x00\x02", b"\x01\x31\x00\x0b"),  # a text that is said to be floats
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, see the last test
def test_a_broken_tag_beside_the_orientation_does_not_matter(old, new, kind):
    assert is_upright(read_rgb(BytesIO(changed(with_orientation(6, kind), old, new))))


@pytest.mark.parametrize("value", [b"\x00\x00", b"\x00\x09", b"\xff\xff"])
def test_an_invalid_orientation_tag_is_ignored(value):
    data = changed(
        with_orientation(6), b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06", b"\x01\x12\x00\x03\x00\x00\x00\x01" + value
    )
    assert read_rgb(BytesIO(data)).size == (32, 16)
    with Image.open(BytesIO(data)) as picture:
        assert orientation_in(picture) == 1


@pytest.mark.parametrize("size", [(8100, 8000), (12_000, 8000), (13_500, 13_500)])  # 65, 96 and 182 megapixels
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_picture_with_too_many_pixels_is_refused_before_decoding(size, kind):
    buffer = BytesIO()
    Image.new("1", size).save(buffer, kind, **({"compression": "group4"} if kind == "TIFF" else {}))
    buffer.seek(0)
    limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ImageError, match=rf"^it is {size[0]}x{size[1]} pixels, expected at most 64000000$"):
        read_rgb(buffer)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_pillow_prints_nothing(tmp_path):
    """Of a broken tag, and of a palette with its transparency in bytes."""
    data = changed(with_orientation(6), b"\x01\x31\x00\x02\x00\x00\x00\x0f", b"\x01\x31\x00\x02\x7f\xff\xff\xff")
    (tmp_path / "tag.jpg").write_bytes(data)
    Image.new("P", (8, 8)).save(tmp_path / "palette.png", transparency=bytes(range(8)))
    code = (
        "import sys\nfrom pathlib import Path\nfrom talk2dino_ros.engine.files.picture_reader import read_rgb\n"
        "print([read_rgb(Path(name)).size for name in sys.argv[1:]])"
    )
    names = [str(tmp_path / "tag.jpg"), str(tmp_path / "palette.png")]
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[(16, 32), (8, 8)]", "")


def test_a_picture_of_several_kinds_of_damage_is_one_error():
    for data in (b"", b"no picture", encoded_photo(1)[:700], encoded_photo(1, kind="WEBP")[:100]):
        with pytest.raises(ImageError):
            read_rgb(BytesIO(data))
