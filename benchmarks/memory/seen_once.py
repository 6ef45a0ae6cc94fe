# SPDX-License-Identifier: Apache-2.0
"""A segmenter that encodes an image once, however many vocabularies look at it one after the other."""

from __future__ import annotations

from copy import copy
from typing import Any

from talk2dino_ros.engine.segmenter import Segmenter


class SeenOnce:
    """An image encoder that keeps what it made of its last batch, and gives it again for the same pixels."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self._asked: tuple[Any, bool] | None = None
        self._features: Any = None

    def __call__(self, images: Any, return_attention: bool = False) -> Any:
        """Encode [B, 3, H, W] as the encoder itself does."""
        if not (self._asked and self._asked[1] == return_attention and self._asked[0].equal(images)):
            self._features = self._encoder(images, return_attention=return_attention)
            self._asked = images, return_attention
        return self._features

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)


def seeing_once(segmenter: Segmenter) -> Segmenter:
    """Return a segmenter of the same networks that encodes the same image once, for one thread at a time."""
    networks = copy(segmenter.networks)
    networks.image_encoder = SeenOnce(networks.image_encoder)
    return Segmenter(segmenter.model, networks, segmenter.options)
