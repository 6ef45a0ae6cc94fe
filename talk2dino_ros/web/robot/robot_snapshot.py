# SPDX-License-Identifier: Apache-2.0
"""Snapshots of a robot's cameras: an image, and the mask of the same moment.

Whoever begins to listen to masks has the segmenter hold them back for all readers for a moment (its parameter
new_reader_pause_s). So the page begins at the first snapshot of a camera, and goes on listening.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from talk2dino_ros.client.talk2dino_client import Talk2DinoClient
from talk2dino_ros.ros.conversions.image_pixels import image_to_rgb
from talk2dino_ros.web.web_source import Snapshot, WebError

PATIENCE_S = 15.0
MOST_BYTES = 300_000_000  # of images that wait for their mask: nine seconds at 30 Hz in 640x480


class RobotSnapshots:
    """Images and masks of the cameras of which a snapshot was taken."""

    def __init__(self, client: Talk2DinoClient) -> None:
        self._client = client
        self._pairs: dict[str, _Pairs] = {}
        self._is_closed = False
        self._lock = threading.Lock()  # around both

    def take(self, camera: str, vocabulary: Any) -> Snapshot:
        """Wait for an image with its mask. Raises WebError where none comes."""
        image, mask = self._pairs_of(camera).next()
        names = dict(zip(vocabulary.ids, vocabulary.names, strict=True)) if vocabulary else {}
        facts = {
            "camera": camera,
            "stamp_ns": str(image.header.stamp.sec * 10**9 + image.header.stamp.nanosec),
            "frame_id": image.header.frame_id,
            "vocabulary_version": str(vocabulary.version if vocabulary else 0),
            "labels": {str(class_id): name for class_id, name in names.items()},
        }
        return Snapshot(image_to_rgb(image), _gray(mask), facts)

    def close(self) -> None:
        """Listen no more; who waits gets a WebError."""
        with self._lock:
            self._is_closed = True
        for pairs in self._pairs.values():
            pairs.close()

    def _pairs_of(self, camera: str) -> _Pairs:
        with self._lock:
            if self._is_closed:
                raise _ended()
            if camera not in self._pairs:
                self._pairs[camera] = _Pairs(self._client, camera)
            return self._pairs[camera]


class _Pairs:
    """Images of one camera until the mask of the same stamp comes. The callbacks belong to the executor's thread.

    _changed: around all that changes. _waiting: how many wait for a pair; for nobody no image is kept.
    """

    def __init__(self, client: Talk2DinoClient, camera: str) -> None:
        self._changed = threading.Condition()
        self._images: dict[tuple[int, int], Any] = {}
        self._newest: tuple[float, Any, Any] = (0.0, None, None)
        self._waiting = 0
        self._is_closed = False
        self._client = client
        self._camera = camera
        self._masks = client.watch("mask", camera, self._on_mask)

    def close(self) -> None:
        self._masks.close()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def next(self) -> tuple[Any, Any]:
        begin_s = time.monotonic()
        with self._changed:
            self._waiting += 1
        try:
            with self._client.watch("image", self._camera, self._on_image), self._changed:
                self._changed.wait_for(lambda: self._is_closed or self._newest[0] > begin_s, PATIENCE_S)
                if self._newest[0] > begin_s:
                    return self._newest[1:]
                raise _ended() if self._is_closed else _none_came()
        finally:
            with self._changed:
                self._waiting -= 1
                if not self._waiting:
                    self._images.clear()

    def _on_image(self, message: Any) -> None:
        with self._changed:
            if not self._waiting:  # any more: it was on its way as the last one left
                return
            self._images[_stamp(message)] = message
            while sum(len(image.data) for image in self._images.values()) > MOST_BYTES:
                self._images.pop(next(iter(self._images)))

    def _on_mask(self, message: Any) -> None:
        with self._changed:
            image = self._images.pop(_stamp(message), None)
            if image is not None:
                self._newest = (time.monotonic(), image, message)
                self._changed.notify_all()


def _none_came() -> WebError:
    return WebError(
        f"no image with a mask has come in {PATIENCE_S:g} s, expected one; look whether the segmenter is active and "
        "its camera publishes raw images"
    )


def _ended() -> WebError:
    return WebError("the page ended before an image with a mask came, expected it to go on; start it again, and ask")


def _stamp(message: Any) -> tuple[int, int]:
    return message.header.stamp.sec, message.header.stamp.nanosec


def _gray(mask: Any) -> Any:
    return np.frombuffer(mask.data, np.uint8).reshape(mask.height, mask.step)[:, : mask.width]
