# SPDX-License-Identifier: Apache-2.0
"""An image encoder on a GPU whose kernels are recorded once per shape of its input, then started with one call.

For a single image, starting a ViT's hundreds of kernels one by one takes longer than computing them.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.models.vit import ImageEncoder, ImageFeatures

RECORDINGS = 8  # shapes that are kept; each holds the memory that its kernels compute in
WARM_UPS = 3  # calls before a recording, in which libraries choose their kernels


def check_can_record(device: str, backend: str) -> None:
    """Raise ModelError where there are no kernels of torch on a GPU to record."""
    if backend != "torch" or not device.startswith("cuda"):
        raise ModelError(
            f"cuda_graphs was asked for with device {device} and backend {backend}, expected a CUDA GPU and torch; "
            "switch it off, or choose these"
        )


@dataclass(frozen=True)
class _Recording:
    """A graph with what it reads and writes.

    network: for images of this size; the encoder remembers its last ones, a graph reads its own as long as it is there.
    """

    graph: torch.cuda.CUDAGraph
    images: Tensor
    features: ImageFeatures
    network: Any


class RecordedEncoder:
    """What `encoder` does on the GPU that it is on. Two threads may call: one waits for the other."""

    def __init__(self, encoder: ImageEncoder) -> None:
        self.patch_size = encoder.patch_size
        self.has_attention = encoder.has_attention
        self._encoder = encoder
        self._recordings: OrderedDict[tuple[object, ...], _Recording] = OrderedDict()
        self._lock = threading.Lock()

    def to(self, device: str) -> Any:
        """Return a recorder of the encoder on another device; recordings stay behind."""
        return RecordedEncoder(self._encoder.to(device))

    def at_size(self, size: tuple[int, int]) -> Any:
        """Return what the encoder computes images of `size` (H, W) with."""
        return self._encoder.at_size(size)

    def __call__(self, images: Tensor, return_attention: bool = False) -> ImageFeatures:
        """Encode images [B, 3, H, W] on the device; see `ImageEncoder`."""
        with self._lock, torch.cuda.device_of(images):  # graphs are recorded and started on the current device
            recording = self._recording(images, return_attention)
            recording.images.copy_(images)
            recording.graph.replay()
            patches, attention = recording.features
            # copies, as the next call writes over them
            return ImageFeatures(patches.clone(), None if attention is None else attention.clone())

    def _recording(self, images: Tensor, return_attention: bool) -> _Recording:
        key = (*images.shape, images.dtype, return_attention)
        if key not in self._recordings:
            while len(self._recordings) >= RECORDINGS:
                self._recordings.popitem(last=False)
            self._recordings[key] = self._record(images, return_attention)
        self._recordings.move_to_end(key)
        return self._recordings[key]

    def _record(self, images: Tensor, return_attention: bool) -> _Recording:
        own, network = images.clone(), self._encoder.at_size((images.shape[-2], images.shape[-1]))
        now, aside = torch.cuda.current_stream(), torch.cuda.Stream()
        aside.wait_stream(now)
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                self._encoder(own, return_attention)
        now.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        # thread_local: text may be encoded in another thread meanwhile, which is nothing of this recording's
        # aside: torch's own stream for recordings is of the device that first recorded
        with torch.cuda.graph(graph, stream=aside, capture_error_mode="thread_local"):
            features = self._encoder(own, return_attention)
        return _Recording(graph, own, features, network)
