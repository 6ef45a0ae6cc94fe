# SPDX-License-Identifier: Apache-2.0
"""Messages and words of others: each is made near a right one and converted as the nodes convert it."""

import io
import random
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from benchmarks.fuzz.mutations import mutated, text
from benchmarks.fuzz.trial import Subject
from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.text.class_syntax import split_classes
from talk2dino_ros.ros.conversions.compressed_images import check_compressed_pixels, compressed_to_rgb
from talk2dino_ros.ros.conversions.depth_messages import camera_info_to_model, depth_image_to_metres
from talk2dino_ros.ros.conversions.image_pixels import check_image_pixels, image_to_rgb
from talk2dino_ros.ros.node.message_guard import check_stamp
from talk2dino_ros.ros.tf.recorded_transforms import RecordedTransforms

ENCODINGS = (
    *("rgb8", "bgr8", "rgba8", "mono8", "mono16", "bgra16", "bayer_rggb8", "bayer_gbrg16", "yuv422", "nv12", "8UC3"),
    *("16UC1", "32FC1", "32FC3", "64FC1", "8UC300", "16SC4", "32FC0", "rgb", "RGB8", "8uc1"),
)
SIZES = (0, 1, 2, 3, 4, 7, 16, 2**16, 2**32 - 1)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 200.0, 1e-300, 1e300, float("inf"), float("-inf"), float("nan"))
MOST_PIXELS = 1_000_000
FORMATS = (
    "jpeg",
    "png",
    "bgr8; jpeg compressed bgr8",
    "16UC1; png compressed ",
    "16UC1; compressedDepth",
    "rgb8; jp2",
    "",
)


def _image(choice: random.Random, encodings: tuple[str, ...] = ENCODINGS) -> Image:
    width, height = choice.choice(SIZES), choice.choice(SIZES)
    encoding = choice.choice(encodings) if choice.random() < 0.9 else plain(text(choice))
    image = Image(width=width, height=height, encoding=encoding, is_bigendian=choice.choice((0, 1, 7)))
    right = width * choice.choice((1, 2, 3, 4, 6, 8))
    image.step = min(right + choice.choice((0, 0, 0, 1, 8)), 2**32 - 1)
    size = image.step * height if image.step * height < 100_000 else 100
    image.data.frombytes(choice.randbytes(max(size + choice.choice((0, 0, 0, 1, -1, -size)), 0)))
    image.header.frame_id = plain(text(choice))
    return image


def plain(words: str) -> str:
    return words.encode(errors="replace").decode().replace("\0", "")  # what a message's string can hold


def _read_image(image: Image, _folder: Path) -> object:
    check_stamp(image)
    check_image_pixels(image, MOST_PIXELS)
    rgb = image_to_rgb(image)
    assert rgb.shape == (image.height, image.width, 3)
    assert rgb.dtype == np.uint8
    return rgb


def _read_depth(image: Image, _folder: Path) -> object:
    check_image_pixels(image, MOST_PIXELS)
    metres = depth_image_to_metres(image)
    assert metres.shape == (image.height, image.width)
    assert metres.dtype == np.float32
    return metres


@cache
def _pictures() -> tuple[bytes, ...]:
    from PIL import Image as Picture

    pixels = Picture.fromarray(np.arange(3 * 16 * 16, dtype=np.uint8).reshape(16, 16, 3))
    found = []
    for kind in ("JPEG", "PNG", "TIFF", "WEBP", "BMP"):
        content = io.BytesIO()
        pixels.save(content, kind)
        found.append(content.getvalue())
    return tuple(found)


def _compressed(choice: random.Random) -> CompressedImage:
    image = CompressedImage(format=choice.choice(FORMATS) if choice.random() < 0.9 else plain(text(choice)))
    image.data.frombytes(mutated(choice, choice.choice(_pictures())))
    return image


def _read_compressed(image: CompressedImage, _folder: Path) -> object:
    check_compressed_pixels(image, MOST_PIXELS)
    rgb = compressed_to_rgb(image)
    assert rgb.ndim == 3
    assert rgb.shape[2] == 3
    return rgb


def _camera_info(choice: random.Random) -> CameraInfo:
    def numbers(right: list[float]) -> list[float]:
        return [choice.choice(FLOATS) if choice.random() < 0.1 else each for each in right]

    model = choice.choice(("plumb_bob", "rational_polynomial", "equidistant", "fisheye", "", plain(text(choice))))

    def size(right: int) -> int:
        return choice.choice(SIZES) if choice.random() < 0.15 else right

    info = CameraInfo(width=size(16), height=size(16), distortion_model=model)
    info.k = numbers([200.0, 0.0, 8.0, 0.0, 200.0, 8.0, 0.0, 0.0, 1.0])
    info.p = numbers([200.0, 0.0, 8.0, 0.0, 0.0, 200.0, 8.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    info.r = numbers([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0])
    info.d = numbers([0.01] * choice.choice((0, 4, 5, 5, 8, 14, 3, 50)))
    info.binning_x, info.binning_y = size(0), size(1)
    info.roi.width, info.roi.height, info.roi.x_offset = size(0), size(0), size(0)
    return info


def _read_camera_info(info: CameraInfo, _folder: Path) -> object:
    for rectified in (False, True):
        camera_info_to_model(info, rectified=rectified).for_image(16, 16)
    return info


def _transforms(choice: random.Random) -> list[tuple[TransformStamped, bool]]:
    def transform() -> TransformStamped:
        message = TransformStamped(child_frame_id=choice.choice(("a", "b", "/c", "map", plain(text(choice)))))
        message.header.frame_id = choice.choice(("a", "b", "c", "map", plain(text(choice))))
        message.header.stamp.sec = choice.choice((0, 1, 2, -1, 2**31 - 1))
        message.header.stamp.nanosec = choice.choice((0, 1, 10**9 - 1, 10**9, 2**32 - 1))
        message.transform.translation.x = choice.choice(FLOATS)
        message.transform.rotation.z = choice.choice(FLOATS) if choice.random() < 0.3 else 0.0
        return message

    return [(transform(), choice.random() < 0.3) for _ in range(choice.randrange(1, 8))]


def _read_transforms(given: list[tuple[TransformStamped, bool]], _folder: Path) -> object:
    transforms = RecordedTransforms()
    for message, is_static in given:
        transforms.add(message, is_static)
    found = transforms.lookup("map", "a", 10**9)
    assert np.isfinite(found.apply(np.ones((1, 3)))).all()
    return found


def _words(choice: random.Random) -> str:
    return "; ".join(text(choice) for _ in range(choice.choice((0, 1, 2, 5, 300))))


def _read_words(words: str, _folder: Path) -> Any:
    classes = parse_classes(split_classes(words))
    assert parse_classes([entry.text for entry in classes]) == classes
    return classes


MESSAGE_SUBJECTS = (
    Subject("image", _image, _read_image),
    Subject("depth image", lambda choice: _image(choice, ("16UC1", "32FC1", "mono16", "64FC1")), _read_depth),
    Subject("compressed image", _compressed, _read_compressed),
    Subject("camera_info", _camera_info, _read_camera_info),
    Subject("TF", _transforms, _read_transforms),
    Subject("words", _words, _read_words),
)
