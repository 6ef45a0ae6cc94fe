# SPDX-License-Identifier: Apache-2.0
"""GPUs that are not there: the package's GPU path in PyTorch's fake tensors, which have shapes and devices, no values.

`fake_cuda()` is a context in which `cuda` and `cuda:1` exist and nothing is computed. Where a value would decide, as
which classes can win, it is as if all of them were true, or 1. What is wrong on a GPU fails, or is in its watch.
"""

import contextlib
from dataclasses import dataclass, field
from unittest import mock

import numpy as np
import torch
from operation_counts import Counts, is_on_gpu
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from triton.runtime.jit import JITFunction

aten = torch.ops.aten


@dataclass
class Watch:
    """What happened.

    waits: (stage, what) for each stop until the GPU has done all it was given, a copy from memory that is not pinned
    among them. launches: (kernel, its tensors' devices, the device that it was launched on) for Triton's kernels.
    graphs: the recorded ones. counts: launches, copies, bytes.
    """

    waits: list = field(default_factory=list)
    launches: list = field(default_factory=list)
    graphs: list = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    stage: str = ""
    device_index: int = 0  # the current device
    recording: "Graph | None" = None
    stream: "Stream | None" = None  # the current one; None: the device's default

    @contextlib.contextmanager
    def timer(self, name):
        """Stand in for a StageTimer."""
        self.stage = name
        yield
        self.stage = ""

    def wait(self, what):
        assert self.recording is None, f"{what} in the stage {self.stage!r} while a graph is recorded: CUDA refuses it"
        self.waits.append((self.stage, what))


class Graph:
    """Stands in for torch.cuda.CUDAGraph: knows which memory its kernels read that is not its own."""

    def __init__(self, watch):
        self._watch = watch
        self._own, self._others = {}, {}
        self.replays = 0
        watch.graphs.append(self)

    @property
    def input_count(self):
        """Of tensors that have to be there at each replay."""
        return len(self._others)

    @contextlib.contextmanager
    def recorded(self, stream, pool):
        """Stand in for torch.cuda.graph."""
        self.pool = pool
        self._watch.wait("everything, before a recording")
        self._stream = stream
        with stream.made_current():
            self._watch.recording = self
            try:
                yield
            finally:
                self._watch.recording = None

    def check_stream(self):
        """Refuse what is done on another stream than the recorded one."""
        assert self._watch.stream is self._stream, "done on another stream while a graph is recorded: CUDA refuses it"

    def note(self, read, written):
        for tensor in read + written:
            index = tensor.device.index
            assert tensor.device.type != "cuda" or index == self._stream.device_index, (
                f"cuda:{index} in another's graph"
            )
        for tensor in read:
            reference = StorageWeakRef(tensor.untyped_storage())
            if reference.cdata not in self._own:
                self._others[reference.cdata] = reference
        for tensor in written:
            storage = tensor.untyped_storage()
            key = StorageWeakRef(storage).cdata
            if key not in self._others:
                self._own[key] = storage  # stays in the graph's pool

    def replay(self):
        assert self._stream.device_index == self._watch.device_index, (
            "replayed on another device than it was recorded on"
        )
        assert not any(reference.expired() for reference in self._others.values()), "it reads memory that was freed"
        self.replays += 1
        self._watch.counts.launch(self._watch.stage)


class Stream:
    """Stands in for torch.cuda.Stream."""

    def __init__(self, watch, device):
        self._watch = watch
        index = None if device is None else torch.device(device).index
        self.device_index = watch.device_index if index is None else index

    def wait_stream(self, _other):
        pass

    def synchronize(self):
        self._watch.wait("the stream")

    @contextlib.contextmanager
    def made_current(self):
        """Make it and its device the current ones, as torch.cuda.stream does."""
        watch = self._watch
        before = watch.device_index, watch.stream
        watch.device_index, watch.stream = self.device_index, self
        try:
            yield
        finally:
            watch.device_index, watch.stream = before


class _Mode(TorchDispatchMode):
    """Above FakeTensorMode: watches, and answers where values would be needed."""

    def __init__(self, watch, fakes):
        super().__init__()
        self._watch, self._fakes = watch, fakes
        self._answers = {
            aten.is_pinned.default: lambda tensor, *_: getattr(tensor, "is_in_pinned_memory", False),
            aten._pin_memory.default: _pinned,
            aten._local_scalar_dense.default: self._value,
            aten.nonzero.default: self._indices,
            aten._unique2.default: self._single,
            aten.scaled_dot_product_attention.default: self._attention,
            aten.upsample_bilinear2d.vec: self._upsample,
        }

    def __torch_dispatch__(self, function, _types, args=(), kwargs=None):
        args, kwargs = tree_map(self._faked, (args, kwargs or {}))
        if function in self._answers:
            return self._answers[function](*args, **kwargs)
        if kwargs.get("pin_memory"):
            return _pinned(function(*args, **{**kwargs, "pin_memory": False}))
        if function.namespace == "aten" and not _has_gpu_kernel(function):
            with self:  # in inference mode operations come that are made of others
                result = function.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        if function is aten.index.Tensor:
            args = (args[0], [self._without_masks(index) for index in args[1]])
        result = function(*args, **kwargs)
        self._look_at(function, args, kwargs, result)
        return result

    def _attention(self, query, key, value, mask=None, dropout=0.0, *options, **named):
        """One kernel, as a GPU has it, where PyTorch would take the formula without a GPU; with a mask the formula."""
        attention = aten.scaled_dot_product_attention.default
        with self:
            if mask is not None:
                return attention.decompose(query, key, value, mask, dropout, *options, **named)
            return aten._scaled_dot_product_flash_attention(query, key, value, dropout, *options, **named)[0]

    def _upsample(self, values, size, align_corners, _scales=None):
        with self:
            return aten.upsample_bilinear2d.default(values, size, align_corners)

    def _value(self, tensor):
        self._watch.wait("a value is read")
        return {torch.bool: True}.get(tensor.dtype, 1.0 if tensor.dtype.is_floating_point else 1)

    def _indices(self, tensor):
        self._watch.wait("nonzero")
        return tensor.new_zeros((tensor.numel(), tensor.ndim), dtype=torch.int64)

    def _single(self, tensor, *_, **__):
        self._watch.wait("unique values")
        return tensor.flatten()[:1], tensor, tensor.new_ones(1)

    def _without_masks(self, index):
        """As many indices as a mask has values, as if all were true."""
        if index is None or index.dtype != torch.bool:
            return index
        self._watch.wait("an index by a mask")
        return torch.zeros(index.numel(), dtype=torch.int64, device=index.device)

    def _faked(self, value):
        is_real = isinstance(value, torch.Tensor) and not isinstance(value, FakeTensor)
        return self._fakes.from_tensor(value) if is_real else value

    def _look_at(self, function, args, kwargs, result):
        read = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        written = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        watch = self._watch
        if function in (aten._to_copy.default, aten.copy_.default):
            source, target = read[-1], written[0]
            if source.device != target.device:
                watch.counts.note_copy(source, target)
                host = target if is_on_gpu(source) else source
                if not (_is_non_blocking(function, args, kwargs) and getattr(host, "is_in_pinned_memory", False)):
                    watch.wait(f"a copy from {source.device} to {target.device}")
        watch.counts.note(function, args, kwargs, result, read=read, written=written, stage=watch.stage)
        if watch.recording is not None:
            if any(map(is_on_gpu, read + written)):
                watch.recording.check_stream()
            watch.recording.note(read, written)


def _is_non_blocking(function, args, kwargs):
    return kwargs.get("non_blocking") or (function is aten.copy_.default and len(args) > 2 and args[2])


def _has_gpu_kernel(function):
    """Whether a GPU runs it as it is, whatever PyTorch's compilers would make of it."""
    return torch._C._dispatch_has_kernel_for_dispatch_key(function.name(), "CUDA")


def _pinned(tensor, *_):
    pinned = tensor.clone()
    pinned.is_in_pinned_memory = True
    return pinned


@contextlib.contextmanager
def fake_cuda():
    """Give a `Watch` of what runs within. Networks that were moved in one such context are of no use in another."""
    watch = Watch()
    fakes = FakeTensorMode(allow_non_fake_inputs=True)

    def exchange(index):
        before = watch.device_index
        if index is not None and index >= 0:
            watch.device_index = index
        return before

    def launch(self, *args, grid, **_options):
        tensors = [arg for arg in args if isinstance(arg, torch.Tensor)]
        watch.launches.append(
            (self.fn.__name__, {tensor.device for tensor in tensors}, torch.device("cuda", watch.device_index))
        )
        watch.counts.launch(watch.stage, tensors, self.fn.__name__)
        if watch.recording is not None:
            watch.recording.check_stream()
            watch.recording.note(tensors, [])

    def numpy(tensor):
        assert tensor.device.type == "cpu", f"an array of a tensor on {tensor.device}"
        return np.ones(tensor.shape, _NUMPY[tensor.dtype])

    cuda = {
        "_exchange_device": exchange,
        "_maybe_exchange_device": exchange,
        "current_device": lambda: watch.device_index,
        "Stream": lambda device=None, priority=0: Stream(watch, device),
        "current_stream": lambda device=None: Stream(watch, device),
        "synchronize": lambda _device=None: watch.wait("everything"),
        "stream": lambda stream: stream.made_current(),
        "CUDAGraph": lambda: Graph(watch),
        "graph": lambda graph, pool, stream, capture_error_mode: graph.recorded(stream, pool),
        "graph_pool_handle": lambda: (0, len(watch.graphs) + 1),
    }
    with (
        mock.patch.multiple(torch.cuda, **cuda),
        mock.patch.object(JITFunction, "run", launch),
        mock.patch.object(torch.Tensor, "numpy", numpy),
        fakes,
        _Mode(watch, fakes),
    ):
        yield watch


_NUMPY = {
    torch.uint8: np.uint8,
    torch.int16: np.int16,
    torch.int32: np.int32,
    torch.float32: np.float32,
    torch.int64: np.int64,
}
