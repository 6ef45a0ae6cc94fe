# SPDX-License-Identifier: Apache-2.0
"""Write a model's image encoder as an ONNX file for one size of image, checked against torch before it has its name.

Everything that depends on the size alone (position embeddings, rotary angles) is a constant in the file, and the
normalisation is part of it: float32 RGB 0..1 in, float32 features out, whatever the weights' precision.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from talk2dino_ros.engine.errors import ModelError, WeightsError
from talk2dino_ros.engine.files.atomic_write import replaced_whole
from talk2dino_ros.engine.files.checksums import sha256_of
from talk2dino_ros.engine.inference.canvas import make_canvas
from talk2dino_ros.engine.inference.crop_plan import Crop, Plan
from talk2dino_ros.engine.models.agreement import smallest_cosine
from talk2dino_ros.engine.models.model_row import Checkpoints, Model
from talk2dino_ros.engine.models.networks import find_checkpoint
from talk2dino_ros.engine.models.vit import ImageEncoder
from talk2dino_ros.engine.onnx.onnx_encoder import CLS_ATTENTION, PATCH_FEATURES, open_exported
from talk2dino_ros.engine.onnx.onnx_file import METADATA_KEY, Card, with_sum
from talk2dino_ros.engine.onnx.onnx_session import INPUT
from talk2dino_ros.engine.options import EXPORT_PRECISIONS
from talk2dino_ros.engine.runtime.devices import DTYPES
from talk2dino_ros.engine.runtime.fixed_size import at_size

OPSET = 18  # torch's exporter writes this one as it is; TensorRT 10 reads 9 to 22
LEAST_COSINE = 0.999
PACKAGES = ("onnx", "onnxruntime", "onnxscript")  # an extra: torch's exporter takes the last


def export_image_encoder(
    model: Model,
    path: Path,
    size: tuple[int, int],
    photograph: npt.NDArray[np.uint8],
    *,
    precision: str = "fp32",
    weights_dir: str | Path | None = None,
) -> float:
    """Export for network inputs of `size` (H, W); return the smallest cosine with torch's float32 features.

    photograph: uint8 [H, W, 3] RGB, of any size, on which file and torch are compared, beside seeded noise.
    The file appears only where every patch's cosine is at least 0.999.
    Raises ModelError for a missing package, a size, a precision or an agreement that will not do, WeightsError for
    weights.
    """
    _check_packages()
    _check(model, path, size, precision)
    checkpoints = {role: find_checkpoint(model, role, weights_dir) for role in model.image_roles}
    with _new_file(path) as part:
        _write(part, _exported(model, checkpoints, size, precision))
        cosine = _agreement(model, checkpoints, part, _comparison_images(size, photograph))
        if not cosine >= LEAST_COSINE:
            raise ModelError(
                f"the exported {model.name} has a cosine of {cosine:.5f} with torch, expected {LEAST_COSINE} or more, "
                f"so {path} was not written; export with precision fp32 or run with backend torch"
            )
    return cosine


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    try:
        with replaced_whole(path) as part:
            yield part
    except OSError as error:
        raise WeightsError(
            f"{path} could not be written ({error}), expected a folder with room for it; name another"
        ) from error


def _check_packages() -> None:
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise ModelError(
            f"an export is asked for and {', '.join(missing)} cannot be imported, expected the Python packages "
            f"{', '.join(PACKAGES)}; `pip install {' '.join(missing)}`"
        )


def _check(model: Model, path: Path, size: tuple[int, int], precision: str) -> None:
    if any(side <= 0 or side % model.patch_size for side in size):
        raise ModelError(
            f"the network's size is {size[1]}x{size[0]}, expected multiples of the patch's {model.patch_size} pixels "
            f"for {model.name}; choose such sides"
        )
    if not os.path.isdir(path.parent):
        raise WeightsError(f"{path.parent} is not an existing folder, expected one for {path.name}; make it")
    if precision not in EXPORT_PRECISIONS:
        raise ModelError(f"precision is {precision!r}, expected {' or '.join(EXPORT_PRECISIONS)}; choose one of these")


def _exported(model: Model, checkpoints: Checkpoints, size: tuple[int, int], precision: str) -> bytes:
    """Return the file's content."""
    import onnx

    encoder: Any = model.load_image_encoder(checkpoints, DTYPES[precision])
    # position embeddings become constants: bicubic interpolation is no part of the file
    encoder.network = at_size(encoder.network, size)
    proto = _traced(encoder, size)
    sums = {role: sha256_of(checkpoint.path) for role, checkpoint in checkpoints.items()}
    card = Card(model.name, *size, encoder.patch_size, precision, sums["image"], sums.get("head", ""))
    onnx.helper.set_model_props(proto, {METADATA_KEY: card.to_json()})
    return with_sum(proto.SerializeToString())


class _Graph(nn.Module):
    """An encoder as the exporter wants it: tensors in, a tuple of tensors out."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        features = self.encoder(images, return_attention=self.encoder.has_attention)
        found = (features.patch_features, features.cls_attention)
        return tuple(values.float() for values in found if values is not None)


def _traced(encoder: ImageEncoder, size: tuple[int, int]) -> Any:
    names = [PATCH_FEATURES, CLS_ATTENTION] if encoder.has_attention else [PATCH_FEATURES]
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            _Graph(encoder),
            (torch.zeros(2, 3, *size),),  # 2: a batch of 1 would be taken for a constant
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=names,
            dynamic_shapes={INPUT: {0: torch.export.Dim("batch")}},
            external_data=False,
            verbose=False,
        )
    return program.model_proto if program is not None else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's notes on single operators from the user; what matters is checked afterwards."""
    logger = logging.getLogger("onnxscript")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _write(path: Path, content: bytes) -> None:
    """Write a file that onnx's checker accepts, of a shape that can be relied on."""
    import onnx

    path.write_bytes(content)
    onnx.checker.check_model(str(path), full_check=True)
    graph = onnx.load(str(path)).graph
    check_graph(graph)


def check_graph(graph: Any) -> None:
    """Raise ModelError where an ONNX graph has a fixed batch, or a bicubic interpolation left in it."""
    if not graph.input[0].type.tensor_type.shape.dim[0].dim_param:
        raise ModelError("the exporter fixed the number of images, expected a free one; use another version of torch")
    cubic = [node.name for node in graph.node for item in node.attribute if item.s == b"cubic"]
    if cubic:
        raise ModelError(
            f"the exporter left the bicubic interpolation {cubic[0]} in, expected a constant position embedding; "
            "export with another version of torch"
        )


def _comparison_images(size: tuple[int, int], photograph: npt.NDArray[np.uint8]) -> Tensor:
    """Make seeded noise and a photograph, float32 [2, 3, H, W]."""
    noise = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    photo = make_canvas(photograph, Plan(size, (Crop(0, 0, *size),), size), "cpu")
    return torch.stack([noise, photo])


@torch.inference_mode()
def _agreement(model: Model, checkpoints: Checkpoints, path: Path, images: Tensor) -> float:
    """Return the smallest cosine between the file's and torch's features of a patch, or attention of a head."""
    file = open_exported(path, model, "onnxruntime", "cpu")
    reference = model.load_image_encoder(checkpoints, torch.float32)
    batch = smallest_cosine(file(images, file.has_attention), reference(images, file.has_attention))
    one = images[1:]
    return min(batch, smallest_cosine(file(one, file.has_attention), reference(one, file.has_attention)))
