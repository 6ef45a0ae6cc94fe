# SPDX-License-Identifier: Apache-2.0
"""A segmenter that encodes each image once, however many vocabularies and tours look at it."""

from __future__ import annotations

from copy import copy
from hashlib import sha256
from typing import Any

from talk2dino_ros.engine.segmenter import Segmenter


class SeenOnce:
    """An image encoder that keeps what it made of every batch, and gives it again for the same pixels."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self._features: dict[tuple[bytes, tuple[int, ...], bool], Any] = {}

    def __call__(self, images: Any, return_attention: bool = False) -> Any:
        """Encode [B, 3, H, W] on the CPU as the encoder itself does."""
        pixels = images.contiguous().numpy()
        asked = sha256(pixels).digest(), pixels.shape, return_attention
        if asked not in self._features:
            self._features[asked] = self._encoder(images, return_attention=return_attention)
        return self._features[asked]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)


def seeing_once(segmenter: Segmenter) -> Segmenter:
    """Return a segmenter of the same networks that remembers all images that it is shown, megabytes each."""
    networks = copy(segmenter.networks)
    networks.image_encoder = SeenOnce(networks.image_encoder)
    return Segmenter(segmenter.model, networks, segmenter.options)
