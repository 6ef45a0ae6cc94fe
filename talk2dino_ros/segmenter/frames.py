# SPDX-License-Identifier: Apache-2.0
"""Frame: one image with its results; and the slots in which the newest frames wait for the model.

One slot per camera between the thread that receives and the thread that segments: the newest frame wins. A queue would
feed a slow model frames that are older and older. What is overwritten is counted as dropped, so that nobody takes a
slow model for a slow camera.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2

from talk2dino_ros.ros.conversions.stamps import stamp_to_ns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from talk2dino_ros.engine import Segmentation
    from talk2dino_ros.perception.points_of_interest import PointOfInterest
    from talk2dino_ros.perception.space.depth import Depth
    from talk2dino_ros.perception.tracking.tracker import TrackedObject
    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters


@dataclass(frozen=True, eq=False)
class Frame:
    """One image as camera.py receives it.

    camera: the name of its camera. message: sensor_msgs/Image or CompressedImage.
    received_s: time.monotonic() at reception.
    """

    camera: str
    message: Any
    received_s: float

    @property
    def stamp_ns(self) -> int:
        """The stamp of its header."""
        return stamp_to_ns(self.message.header.stamp)

    @property
    def frame_id(self) -> str:
        """The optical frame of its header."""
        return str(self.message.header.frame_id)

    def segmented(self, rgb: NDArray[np.uint8], result: Segmentation) -> SegmentedFrame:
        """Return the frame with its pixels and the engine's result."""
        return SegmentedFrame(self.camera, self.message, self.received_s, rgb, result)


@dataclass(frozen=True, eq=False)
class SegmentedFrame(Frame):
    """A frame that has been decoded and segmented, by pipeline.py; scene.py fills in what it shows in space.

    rgb: uint8 [H, W, 3] RGB. result: of the engine, its arrays [H, W].
    points: its regions. objects: all that the scene knows of. positions_frame_id: of all positions in both.
    depth: metres at the pixels of rgb; None where there is none of its moment, and no_depth_reason says why.
    """

    rgb: NDArray[np.uint8]
    result: Segmentation
    points: Sequence[PointOfInterest] = ()
    objects: Sequence[TrackedObject] = ()
    positions_frame_id: str = ""
    depth: Depth | None = None
    no_depth_reason: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the decoded image."""
        return self.rgb.shape[0], self.rgb.shape[1]


class FrameSlots:
    """The newest frame of each camera, put by one thread and taken by another."""

    def __init__(self) -> None:
        self.counts_drops = True  # off while paused: what nobody wants is not dropped
        self._frames: dict[str, Frame] = {}
        self._dropped: Counter[str] = Counter()
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> None:
        """Leave a frame; one of the same camera that was not taken yet is dropped."""
        with self._changed:
            if frame.camera in self._frames and self.counts_drops:
                self._dropped[frame.camera] += 1
            self._frames[frame.camera] = frame
            self._changed.notify()

    def take(self) -> list[Frame]:
        """Wait for a frame, then take the newest of every camera that has one; empty once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._is_closed)
            frames = [] if self._is_closed else list(self._frames.values())
            self._frames.clear()
            return frames

    def dropped(self, camera: str) -> int:
        """Return how many frames of a camera were overwritten before they were taken."""
        with self._changed:
            return self._dropped[camera]

    @property
    def is_closed(self) -> bool:
        """Whether there is nothing more to take."""
        return self._is_closed

    def close(self) -> None:
        """Wake the taker, and every later one, with nothing."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def reopen(self) -> None:
        """Start empty again; the counts of the dropped go on."""
        with self._changed:
            self._frames.clear()
            self._is_closed = False


def mask_size(image_size: tuple[int, ...], parameters: Parameters) -> tuple[int, int]:
    """Return height and width of the mask for an image of this height and width."""
    if parameters.mask_width:
        return parameters.mask_height, parameters.mask_width
    return image_size[0], image_size[1]


def nearest(array: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize uint8 [H, W] or [H, W, 3] to size = (height, width) without mixing values: ids have no mean."""
    if array.shape[:2] == size:
        return array
    height, width = size
    resized: NDArray[np.uint8] = cv2.resize(array, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return resized
