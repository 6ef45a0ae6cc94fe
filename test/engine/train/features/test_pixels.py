# SPDX-License-Identifier: Apache-2.0
"""What the network sees of an encoded image, against torchvision."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from torchvision import transforms
from training_photos import encoded_photo

from talk2dino_ros.engine.errors import ImageError, TrainingError
from talk2dino_ros.engine.train.captions import Example
from talk2dino_ros.engine.train.features.pixels import BATCHES_AHEAD, read_batches, read_square, square


@pytest.mark.parametrize(
    "size", [(640, 480), (333, 500), (101, 100), (30, 41), (56, 56), (57, 400), (59, 56), (56, 59)]
)
def test_the_square_is_the_one_of_torchvisions_resize_and_centre_crop(size):
    data = encoded_photo(1, size)
    authors = transforms.Compose(
        [transforms.Resize(56, interpolation=transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(56)]
    )
    with Image.open(BytesIO(data)) as picture:
        np.testing.assert_array_equal(square(data, 56), np.array(authors(picture.convert("RGB"))))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_every_kind_of_picture_becomes_rgb(mode):
    buffer = BytesIO()
    Image.new("RGB", (20, 10), (255, 255, 255)).convert(mode).save(buffer, "TIFF")
    pixels = square(buffer.getvalue(), 10)
    assert pixels.shape == (10, 10, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == 255).all()


def test_colours_are_not_swapped_in_the_extraction():
    buffer = BytesIO()
    Image.new("RGB", (20, 10), (250, 10, 30)).save(buffer, "PNG")
    assert (square(buffer.getvalue(), 10) == (250, 10, 30)).all()


def test_a_picture_is_turned_upright():
    picture = Image.new("RGB", (10, 20), (0, 0, 255))
    picture.paste((255, 0, 0), (0, 0, 10, 10))  # red above blue
    exif = Image.Exif()
    exif[274] = 6  # the camera was held so that the stored rows are the picture's columns
    buffer = BytesIO()
    picture.save(buffer, "PNG", exif=exif)
    pixels = square(buffer.getvalue(), 10)  # of 20 x 10: blue left, red right, the cut takes half of each
    assert tuple(pixels[5, 0]) == (0, 0, 255)
    assert tuple(pixels[5, 9]) == (255, 0, 0)


def with_exif(kind, place, value):
    """A picture that knows which side is up, with one byte of it changed."""
    exif = Image.Exif()
    exif[274], exif[271] = 6, "maker"
    buffer = BytesIO()
    with Image.open(BytesIO(encoded_photo(1))) as picture:
        picture.save(buffer, kind, exif=exif)
    data = bytearray(buffer.getvalue())
    data[place] = value
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture at all",
        encoded_photo(1)[:700],
        encoded_photo(1, kind="PNG")[:300],
        encoded_photo(1, kind="PNG")[:40] + bytes(60) + encoded_photo(1, kind="PNG")[100:],
        encoded_photo(1, kind="WEBP")[:100],
        with_exif("PNG", 11, 0),  # ValueError
        with_exif("PNG", 91, 0),  # SyntaxError
        with_exif("WEBP", 26, 255),  # a size beyond what Pillow takes for a bomb
    ],
    ids=["empty", "text", "half a JPEG", "half a PNG", "a broken PNG", "half a WebP", "size", "chunk", "bomb"],
)
def test_a_damaged_image_is_returned_as_its_error(data):
    found = read_square(Example("a.jpg", ("a",), lambda: data), 56)
    assert isinstance(found, ImageError)
    assert f"({len(data)} bytes)" in str(found)
    assert "0x" not in str(found)


def test_an_image_with_an_extreme_ratio_is_returned_as_its_error():
    found = read_square(Example("a.png", ("a",), lambda: encoded_photo(1, (2000, 2), "PNG")), 56)
    assert str(found) == "it is 2000x2 pixels, thinner than 1:64"


def test_an_image_that_would_fill_the_memory_is_returned_as_its_error():
    buffer = BytesIO()
    Image.new("1", (8100, 8000)).save(buffer, "PNG")
    found = read_square(Example("a.png", ("a",), buffer.getvalue), 56)
    assert str(found).startswith("it is 8100x8000 pixels, expected at most 64000000 (")


def test_a_format_that_needs_another_program_is_no_image():
    """Pillow would hand an EPS to Ghostscript."""
    buffer = BytesIO()
    Image.new("RGB", (20, 10)).save(buffer, "EPS")
    found = read_square(Example("a.eps", ("a",), buffer.getvalue), 10)
    assert isinstance(found, ImageError)
    assert str(found).startswith("cannot identify image file")


def test_a_file_that_went_away_stops_the_extraction(tmp_path):
    with pytest.raises(TrainingError, match=r"a\.jpg cannot be read .*No such file.*continues from here"):
        read_square(Example("a.jpg", ("a",), (tmp_path / "a.jpg").read_bytes), 56)


def test_batches_come_in_order_and_are_not_read_all_at_once():
    asked = []

    class Threads(ThreadPoolExecutor):
        def submit(self, read, example, size):
            asked.append(int(example.key))
            return super().submit(read, example, size)

    examples = [Example(str(n), ("a",), partial(encoded_photo, n, (14, 14))) for n in range(20)]
    with Threads(2) as threads:
        batches = read_batches(examples, 14, 3, threads)
        first = next(batches)
        assert len(asked) == 3 * (BATCHES_AHEAD + 1)
        found = first | {place: pixels for batch in batches for place, pixels in batch.items()}
    assert list(first) == [0, 1, 2]
    assert list(found) == list(range(20))
    assert asked == list(range(20))
    for number, pixels in found.items():
        np.testing.assert_array_equal(pixels, square(encoded_photo(number, (14, 14)), 14))
