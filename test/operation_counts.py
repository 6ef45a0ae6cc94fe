# SPDX-License-Identifier: Apache-2.0
"""What operations on a GPU cost by their shapes: launches, copies, bytes, FLOP, and the peak of memory.

A launch is an operation that writes memory on the GPU, as PyTorch runs each with one kernel or a library's few; a copy
to or from the host is one too, and so is a graph's replay. Bytes are those of its operands, read or written once.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.flop_counter import flop_registry

from talk2dino_ros.engine.inference.pamr.stencil import NEIGHBOURS

aten = torch.ops.aten
COPIES = {aten.copy_.default, aten._to_copy.default}
LOAD = 16  # bytes
ROOM = {aten.empty.memory_format, aten.empty_strided.default, aten.empty_like.default, aten.new_empty.default}


@dataclass
class Stage:
    """Of one stage of a frame. bytes_alone: of launches without products of matrices, such as a sum.

    gathered_bytes: what PAMR's kernels load of neighbours, which mostly lies in the first cache.
    """

    launches: int = 0
    bytes: int = 0
    bytes_alone: int = 0
    flop: int = 0
    gathered_bytes: int = 0


@dataclass
class Counts:
    """stages: by name, "" outside of all. uploads, downloads: copies of the host's memory, in bytes each."""

    stages: dict = field(default_factory=lambda: defaultdict(Stage))
    uploads: list = field(default_factory=list)
    downloads: list = field(default_factory=list)
    peak_bytes: int = 0
    _held: dict = field(default_factory=dict)

    def note(self, function, args, kwargs, result, *, read, written, stage):
        """Count one operation. read, written: its tensors."""
        fresh = [tensor for tensor in written if is_on_gpu(tensor) and not _is_view(tensor, read)]
        changes = function is not None and function._schema.is_mutable
        for tensor in fresh:
            self._hold(tensor)
        is_download = function in COPIES and any(map(is_on_gpu, read)) and not any(map(is_on_gpu, written))
        if function in ROOM or not (fresh or is_download or (changes and any(map(is_on_gpu, written)))):
            return
        size = sum(_bytes(tensor) for tensor in {id(each): each for each in (*read, *written)}.values())
        count_flop = flop_registry.get(getattr(function, "overloadpacket", None))
        flop = count_flop(*args, **kwargs, out_val=result) if count_flop else 0
        own = self.stages[stage]
        own.launches += 1
        own.bytes += size
        own.bytes_alone += 0 if flop else size
        own.flop += flop

    def note_copy(self, source, target):
        """Count a copy between host and GPU: one to the GPU is an operation too, of which `note` counts the launch."""
        copies = self.downloads if is_on_gpu(source) else self.uploads
        copies.append(target.element_size() * target.numel())

    def launch(self, stage, tensors=(), kernel=""):
        """Count a launch that is no operation of PyTorch's. kernel: a Triton kernel's name."""
        own = self.stages[stage]
        own.launches += 1
        own.gathered_bytes += _gathered(kernel, tensors)
        own.bytes += sum(map(_bytes, tensors))

    @property
    def launches(self):
        """Of all stages."""
        return sum(stage.launches for stage in self.stages.values())

    def restart(self):
        """Count anew, from the memory that is held now."""
        self.stages.clear()
        self.uploads.clear()
        self.downloads.clear()
        self.peak_bytes = self._sweep()

    def _hold(self, tensor):
        reference = StorageWeakRef(tensor.untyped_storage())
        self._held[reference.cdata] = (reference, tensor.untyped_storage().nbytes())
        self.peak_bytes = max(self.peak_bytes, self._sweep())

    def _sweep(self):
        self._held = {key: held for key, held in self._held.items() if not held[0].expired()}
        return sum(size for _, size in self._held.values())


def is_on_gpu(tensor):
    return tensor.device.type == "cuda"


def _is_view(tensor, others):
    storage = tensor.untyped_storage()._cdata
    return any(storage == other.untyped_storage()._cdata for other in others)


def _bytes(tensor):
    """Of the values that it has, though they may be spread out or repeated in memory."""
    strides = [size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride]
    return tensor.element_size() * int(torch.Size(strides).numel()) if is_on_gpu(tensor) else 0


def _gathered(kernel, tensors):
    """Each pixel loads a colour and, in an iteration, each quad of scores from 48 neighbours, 16 bytes at a time."""
    if kernel not in {"deviate", "average"}:
        return 0
    scales = tensors[1] if kernel == "deviate" else tensors[3]
    quads = 0 if kernel == "deviate" else tensors[0].shape[1]
    return NEIGHBOURS * scales.numel() // 4 * (1 + quads) * LOAD
