# SPDX-License-Identifier: Apache-2.0
"""One image encoder for one size of image, compiled by OpenVINO: converted from torch, or read from where it was kept.

OpenVINO's own converter (`openvino.convert_model`) reports its use; here its parts are called one by one.
"""

import threading
import time
import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.models.agreement import smallest_cosine
from talk2dino_ros.engine.models.vit import ImageEncoder, ImageFeatures
from talk2dino_ros.engine.openvino.openvino_blobs import Key
from talk2dino_ros.engine.runtime.memory import forget_pages
from talk2dino_ros.engine.runtime.openvino_library import core, library

# Of a patch's features with those of torch in fp32; in half precision the rounding is what was asked for.
LEAST_COSINES = {"fp32": 0.999, "bf16": 0.99, "fp16": 0.99}
_PLACES = ("Exception from ", "Check '")  # with which OpenVINO's errors begin
_PRECISIONS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}


class OpenVinoNetwork:
    """A compiled encoder of one image at a time. Two threads may call: one waits for the other.

    kept: what it was read from, which has to stay as long as it does.
    """

    def __init__(self, compiled: Any, kept: npt.NDArray[np.uint8] | None = None) -> None:
        self.compiled = compiled
        self._kept = kept
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()

    def __call__(self, images: Tensor) -> ImageFeatures:
        """Encode images [B, 3, H, W], RGB, 0..1, any floating dtype; the features are float32."""
        rows = [self._encode(image) for image in images.float().contiguous().split(1)]
        patches, *attention = (torch.cat(parts) for parts in zip(*rows, strict=True))
        return ImageFeatures(patches, *attention)

    def _encode(self, image: Tensor) -> list[Tensor]:
        with self._lock:
            results = self._request.infer([image.numpy()], share_inputs=True)
            return [torch.from_numpy(results[number]) for number in range(len(results))]


class ByTorch(NamedTuple):
    """What torch's fp32 gives for an image, and the seconds that it took."""

    features: ImageFeatures
    seconds: float


def convert(
    encoder: ImageEncoder, key: Key, precision: str, images: Tensor | None = None
) -> tuple[OpenVinoNetwork, ByTorch]:
    """Convert an encoder in torch's fp32 and compile it; takes seconds. Also returns what it was compared with.

    images: float32 [1, 3, H, W], RGB, 0..1, to compare on; None: seeded ones.
    Raises ModelError where OpenVINO does not take it, or gives other features.
    """
    images = comparison_image(key) if images is None else images
    try:
        # before the trace: positions are then resized by torch, for OpenVINO's own way of it is another
        encoder.at_size((key.height, key.width))
        graph = EncoderGraph(encoder, key.with_attention)
        compiled = core().compile_model(traced(graph, images), "CPU", settings(precision))
        network = OpenVinoNetwork(compiled)
        (by_torch,) = graph.runs
        cosine = smallest_cosine(network(images), by_torch.features)
    except RuntimeError as error:  # base of OpenVINO's own, and of torch's
        raise ModelError(
            f"OpenVINO does not take the image encoder at {key.width}x{key.height} pixels ({reason_of(error)}), "
            "expected it to; use backend torch"
        ) from error
    if not cosine >= LEAST_COSINES[precision]:
        raise ModelError(
            f"the image encoder in {precision} by OpenVINO at {key.width}x{key.height} pixels has a cosine of "
            f"{cosine:.5f} with torch in fp32, expected {LEAST_COSINES[precision]} or more; use precision fp32 or "
            "backend torch"
        )
    return network, by_torch


def reason_of(error: RuntimeError) -> str:
    """Return the line that says what was wrong; OpenVINO's own begin with where in its sources it was found."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and not line.startswith(_PLACES)), repr(error))


def read(kept: npt.NDArray[np.uint8], precision: str) -> OpenVinoNetwork:
    """Return what was exported. Raises RuntimeError where OpenVINO does not take it."""
    # the precision is not part of what is exported
    tensor = library().Tensor(kept, shared_memory=True)
    network = OpenVinoNetwork(core().import_model(tensor, "CPU", settings(precision)), kept)
    forget_pages(kept)  # OpenVINO has weights of its own now, in its own layout
    return network


def settings(precision: str) -> dict[str, Any]:
    """Ask for torch's threads, not pinned to cores, where another process's of the same kind would wait."""
    return {
        "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "ENABLE_CPU_PINNING": False,
    }


class EncoderGraph(nn.Module):
    """An encoder as the converter wants it: a tensor in, tensors out. runs: what came of each, as a tracer's run is one
    like any other, and takes a ViT-B a second.
    """

    def __init__(self, encoder: Any, with_attention: bool) -> None:
        super().__init__()
        self.encoder = encoder
        self.with_attention = with_attention
        self.runs: list[ByTorch] = []
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        begin_s = time.perf_counter()
        features = self.encoder(images, self.with_attention)
        self.runs.append(ByTorch(features, time.perf_counter() - begin_s))
        return tuple(values.float() for values in features if values is not None)


def traced(graph: nn.Module, images: Tensor) -> Any:
    """Run an encoder on images, float32 [1, 3, H, W], and return it as OpenVINO's graph of that size."""
    openvino = library()
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    # The tracer is what OpenVINO takes, and all that it warns of depends on the size alone, which stays.
    warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
    warnings.filterwarnings("ignore", message="`torch.jit", category=FutureWarning)
    warnings.filterwarnings("ignore", message="`torch.jit", category=DeprecationWarning)
    # without the check the encoder runs once, and not five times: what comes out is compared with torch anyway
    decoder = TorchScriptPythonDecoder(graph, example_input=(images,), trace_kwargs={"check_trace": False})
    frontend = openvino.frontend.FrontEndManager().load_by_framework("pytorch")
    model = frontend.convert(frontend.load(decoder))
    model.reshape({model.inputs[0]: list(images.shape)})
    return model


def comparison_image(key: Key) -> Tensor:
    """Make seeded noise over seeded large shapes, float32 [1, 3, H, W]."""
    generator = torch.Generator().manual_seed(0)
    shapes = torch.rand(1, 3, 4, 4, generator=generator)
    noise = torch.rand(1, 3, key.height, key.width, generator=generator)
    return 0.7 * nn.functional.interpolate(shapes, (key.height, key.width), mode="bilinear") + 0.3 * noise
