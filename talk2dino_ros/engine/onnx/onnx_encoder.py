# SPDX-License-Identifier: Apache-2.0
"""The image encoder as an exported file that onnxruntime runs, in place of the one that torch runs."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.files.regular_files import user_path
from talk2dino_ros.engine.inference.crops import CROPS_PER_BATCH
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.vit import ImageFeatures
from talk2dino_ros.engine.onnx.onnx_file import Card, check_card, read_card
from talk2dino_ros.engine.onnx.onnx_session import INPUT, make_session
from talk2dino_ros.engine.runtime.devices import DTYPES

PATCH_FEATURES, CLS_ATTENTION = "patch_features", "cls_attention"
_NO_MEMORY = ("BFCArena", "out of memory")  # its arena's, and CUDA's; onnxruntime has no exception for it


class OnnxImageEncoder:
    """An exported image encoder: one size of image, any number of them.

    session: of onnxruntime, on `device`. Inputs and outputs are torch's memory on that device, so nothing is copied.
    """

    def __init__(self, path: Path, card: Card, session: Any, device: str) -> None:
        self.path = path
        self.card = card
        self.patch_size = card.patch_size
        self._session = session
        self._device = torch.device(device)
        self._shapes = {output.name: output.shape[1:] for output in session.get_outputs()}
        self.has_attention = CLS_ATTENTION in self._shapes

    @property
    def dtype(self) -> torch.dtype:
        """The number format that the file computes in; its inputs and outputs are float32."""
        return DTYPES[self.card.precision]

    @property
    def weights_sums(self) -> tuple[str, ...]:
        """The sha256 of the weights files that it was exported from, as `Model.image_roles` has them."""
        return tuple(filter(None, (self.card.weights_sha256, self.card.head_sha256)))

    def to(self, device: str) -> "OnnxImageEncoder":
        """Return itself, as it stays where it was opened. Raises ModelError for another device."""
        if torch.device(device) != self._device:
            raise ModelError(f"{self.path} was opened on {self._device}, expected {device}; open it there")
        return self

    def at_size(self, size: tuple[int, int]) -> Any:
        """Return the session, which takes one size."""
        return self._session

    def __call__(self, images: Tensor, return_attention: bool = False) -> ImageFeatures:
        """Encode images [B, 3, H, W], RGB, 0..1, any floating dtype; the features are float32.

        Raises ModelError for images of another size than the file's, torch's OutOfMemoryError where the device's
        memory is too small for so many.
        """
        self._check_size((images.shape[2], images.shape[3]))
        images = images.to(self._device, torch.float32).contiguous()
        outputs = {
            name: torch.empty((len(images), *shape), device=self._device) for name, shape in self._shapes.items()
        }
        self._run(images, outputs)
        return ImageFeatures(outputs[PATCH_FEATURES], outputs.get(CLS_ATTENTION) if return_attention else None)

    def _run(self, images: Tensor, outputs: dict[str, Tensor]) -> None:
        binding = self._session.io_binding()
        place = (self._device.type, self._device.index or 0, "float32")
        binding.bind_input(INPUT, *place, list(images.shape), images.data_ptr())
        for name, output in outputs.items():
            binding.bind_output(name, *place, list(output.shape), output.data_ptr())
        if self._device.type == "cuda":  # onnxruntime computes in a stream of its own
            torch.cuda.current_stream(self._device).synchronize()
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # onnxruntime's own exceptions share no base but this one
            if any(mark in str(error) for mark in _NO_MEMORY):
                raise torch.OutOfMemoryError(str(error)) from error
            raise
        binding.synchronize_outputs()

    def _check_size(self, size: tuple[int, int]) -> None:
        if size != self.card.size:
            (height, width), model = size, self.card.model
            raise ModelError(
                f"{self.path} takes network inputs of {self.card.width}x{self.card.height} pixels, but the options "
                f"and this image ask for {width}x{height}; change them, or run `talk2dino export {model} --output FILE "
                f"--network-size {width}x{height}`"
            )


def open_exported(path: Path, model: Model, backend: str, device: str) -> OnnxImageEncoder:
    """Open a file of `talk2dino export` on a device (`cpu`, `cuda`, `cuda:N`) by a backend other than torch.

    Raises WeightsError for a file that is missing, damaged or another model's, ModelError for a backend that is not
    installed.
    """
    card = read_card(path)
    image_file = next(file for file in model.files if file.role == "image")
    known_sums = frozenset(filter(None, image_file.sha256.values()))
    check_card(card, path, model.name, has_head="head" in model.image_roles, known_sums=known_sums)
    session = make_session(path, card, backend, device, threads=torch.get_num_threads(), largest_batch=CROPS_PER_BATCH)
    return OnnxImageEncoder(path, card, session, device)


def open_for(backend: str, onnx_file: str | Path, model: Model, device: str, precision: str) -> OnnxImageEncoder:
    """Open the file by `onnxruntime` or `tensorrt`.

    precision: `auto` or the file's own; ModelError for another. Raises what `open_exported` does.
    """
    encoder = open_exported(user_path(onnx_file), model, backend, device)
    if precision not in ("auto", encoder.card.precision):
        raise ModelError(
            f"precision is {precision!r}, but {encoder.path} is {encoder.card.precision}, expected the same or auto; "
            f"set it so, or run `talk2dino export {model.name} --output FILE --precision {precision}`"
        )
    return encoder
