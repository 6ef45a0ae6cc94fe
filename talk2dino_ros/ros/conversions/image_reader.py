# SPDX-License-Identifier: Apache-2.0
"""Read image messages of one kind, raw or compressed, by a camera's parameters. Pure, as image_pixels.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from talk2dino_ros.ros.conversions import compressed_images, image_pixels
from talk2dino_ros.ros.conversions.encodings import DEEP_BITS, Rgb
from talk2dino_ros.ros.conversions.image_pixels import OnPeak, ignore_peak


@dataclass(frozen=True)
class ImageReader:
    """is_compressed: sensor_msgs/CompressedImage in place of Image. bits, on_peak: see `image_to_rgb`. most_pixels: see
    `check_size`."""

    is_compressed: bool
    most_pixels: int
    bits: int = DEEP_BITS
    on_peak: OnPeak = ignore_peak

    def to_rgb(self, image: Any) -> Rgb:
        """Convert a message to uint8 [H, W, 3] RGB; raise ImageError where it is no image."""
        to_rgb = compressed_images.compressed_to_rgb if self.is_compressed else image_pixels.image_to_rgb
        return to_rgb(image, bits=self.bits, on_peak=self.on_peak)

    def size_of(self, image: Any) -> tuple[int, int]:
        """Return height and width without converting; raise ImageError where it is no image."""
        return (compressed_images.compressed_size if self.is_compressed else image_pixels.image_size)(image)

    def check_size(self, image: Any) -> None:
        """Raise ImageError for more than most_pixels: a few bytes can declare any number."""
        check = compressed_images.check_compressed_pixels if self.is_compressed else image_pixels.check_image_pixels
        check(image, self.most_pixels)
