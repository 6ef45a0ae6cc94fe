# SPDX-License-Identifier: Apache-2.0
"""A model's networks, built from its files and made ready for a device."""

import copy
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

import torch

from talk2dino_ros.engine.files.regular_files import user_path
from talk2dino_ros.engine.models.model_row import Checkpoints, Model
from talk2dino_ros.engine.models.vit import ImageEncoder
from talk2dino_ros.engine.models.word_networks import WordNetworks, find_word_files
from talk2dino_ros.engine.runtime.devices import precision_name
from talk2dino_ros.engine.runtime.enough_memory import enough_memory
from talk2dino_ros.engine.runtime.gpu_lane import GpuLane
from talk2dino_ros.engine.text.text_cache import TextCache
from talk2dino_ros.engine.weights.feature_space import feature_space
from talk2dino_ros.engine.weights.weights_files import Checkpoint, licence_notes, locate, logger


class ExportedEncoder(ImageEncoder, Protocol):
    """An image encoder from a file of its own; weights_sums: the sha256 of the weights files behind it, by role."""

    @property
    def weights_sums(self) -> tuple[str, ...]: ...


class Networks(WordNetworks):
    """A model's networks on their device.

    checkpoints: the files of the image encoder, and where there is no `find_word_files` those of all.
    find_word_files: asked when words come; None: text encoder and projection have to be there from the start.
    precision_reason: why the image encoder has this dtype, in words.
    lane: where a GPU computes images; None on a CPU. cuda_graphs: whether it records.
    backend, backend_reason: what runs the image encoder, and why, in words.
    The rest as WordNetworks has it.
    """

    def __init__(
        self,
        model: Model,
        checkpoints: Checkpoints,
        device: str,
        dtype: torch.dtype,
        *,
        text_cache: TextCache | None = None,
        image_encoder: ExportedEncoder | None = None,
        cuda_graphs: bool = False,
        find_word_files: Callable[[], Checkpoints] | None = None,
        keep_text_encoder: bool = True,
        precision_reason: str = "",
        backend: str = "torch",
        backend_reason: str = "",
    ) -> None:
        super().__init__(
            model,
            find_word_files or (lambda: checkpoints),
            device,
            text_cache=text_cache,
            keep_text_encoder=keep_text_encoder,
        )
        self.dtype = dtype
        self._checkpoints = checkpoints
        self._exported = image_encoder
        self.precision_reason = precision_reason
        self.backend = backend
        self.backend_reason = backend_reason
        encoder = image_encoder or model.load_image_encoder(checkpoints, dtype)
        with enough_memory(f"the image encoder of {model.name}", device, "choose a smaller model or device cpu"):
            self.image_encoder: ImageEncoder = encoder.to(device)
        self.lane = None if device == "cpu" else GpuLane(device, records=cuda_graphs)
        if find_word_files is None:
            _ = self.text, self.projection  # what is wrong with their files shows now

    def with_image_encoder(self, encoder: ImageEncoder, dtype: torch.dtype, reason: str) -> "Networks":
        """Return the same networks but for the image encoder, torch's on the device; reason: of its precision."""
        other = copy.copy(self)
        other.image_encoder, other.dtype, other.precision_reason = encoder, dtype, reason
        other.backend, other.backend_reason = "torch", reason
        return other

    @property
    def precision(self) -> str:
        """The image encoder's number format: fp32, bf16 or fp16."""
        return precision_name(self.dtype)

    @cached_property
    def feature_space(self) -> str:
        """Name of the space of its patch features, see weights/feature_space.py; may read the weights files once."""
        exported, model = self._exported, self._model
        sums = (
            [self._checkpoints[role].sha256 for role in model.image_roles]
            if exported is None
            else exported.weights_sums
        )
        return feature_space(model.image_encoding, sums)


def load_networks(
    model: Model,
    device: str,
    dtype: torch.dtype,
    weights_dir: str | Path | None = None,
    text_cache: TextCache | None = None,
    *,
    image_encoder: ExportedEncoder | None = None,
    cuda_graphs: bool = False,
    needs_text_encoder: bool = True,
    keep_text_encoder: bool = True,
    precision_reason: str = "",
    backend: str = "torch",
    backend_reason: str = "",
) -> Networks:
    """Find all of a model's files, downloading what is allowed and missing, then build its networks.

    image_encoder: one that is there already and stands in for the model's own, whose file is then not asked for.
    cuda_graphs: record an image's kernels on a GPU, see runtime/gpu_lane.py.
    needs_text_encoder: False: the files for words are looked for when words come, and never downloaded.
    Raises WeightsError; where it is needed also for the text encoder's file, though that is read later.
    """
    for note in licence_notes(model.name, model.files):
        logger.warning("%s", note)
    left_out = model.image_roles if image_encoder is not None else ()
    wanted = [file.role for file in model.files if needs_text_encoder or file.role in model.image_roles]
    return Networks(
        model,
        {role: find_checkpoint(model, role, weights_dir) for role in wanted if role not in left_out},
        device,
        dtype,
        text_cache=text_cache,
        image_encoder=image_encoder,
        cuda_graphs=cuda_graphs,
        find_word_files=None if needs_text_encoder else partial(find_word_files, model, weights_dir),
        keep_text_encoder=keep_text_encoder,
        precision_reason=precision_reason,
        backend=backend,
        backend_reason=backend_reason,
    )


def load_word_networks(
    model: Model, device: str, weights_dir: str | Path | None = None, text_cache: TextCache | None = None
) -> WordNetworks:
    """Find the files for words, downloading what is allowed and missing; the image encoder's are not asked for."""
    for note in licence_notes(model.name, model.files):
        logger.warning("%s", note)
    roles = [file.role for file in model.files if file.role not in model.image_roles]
    checkpoints = {role: find_checkpoint(model, role, weights_dir) for role in roles}
    return WordNetworks(model, lambda: checkpoints, device, text_cache=text_cache, keep_text_encoder=False)


def find_checkpoint(model: Model, role: str, weights_dir: str | Path | None = None) -> Checkpoint:
    """Find one of a model's files, downloading it where that is allowed and needed. Raises WeightsError."""
    file = next(file for file in model.files if file.role == role)
    return Checkpoint(file, locate(file, user_path(weights_dir) if weights_dir else None))


def check_networks(model: Model, weights_dir: str | Path | None = None, *, with_words: bool = True) -> None:
    """Read every file of a model into its network, with words the text encoder's too. Raises WeightsError."""
    networks = load_networks(model, "cpu", torch.float32, weights_dir, needs_text_encoder=with_words)
    if with_words:
        _ = networks.text.encoder
