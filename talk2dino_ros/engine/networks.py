# SPDX-License-Identifier: Apache-2.0
"""A model's networks, built from its files and made ready for a device."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from talk2dino_ros.engine.checkpoints import Checkpoints, Model
from talk2dino_ros.engine.cuda_graphs import RecordedEncoder
from talk2dino_ros.engine.devices import PRECISIONS
from talk2dino_ros.engine.dinotxt.image_encoder import HeadedImageEncoder
from talk2dino_ros.engine.image_encoder import DinoImageEncoder, ImageEncoder
from talk2dino_ros.engine.packed_linear import pack_linears
from talk2dino_ros.engine.prompt_encoder import PromptEncoder
from talk2dino_ros.engine.text_cache import TextCache
from talk2dino_ros.engine.weights import Checkpoint, locate


class Networks:
    """A model's networks on their device. The text encoder is read from its file when it is first used."""

    def __init__(
        self,
        model: Model,
        checkpoints: Checkpoints,
        device: str,
        dtype: torch.dtype,
        *,
        text_cache: TextCache | None = None,
        image_encoder: ImageEncoder | None = None,
        cuda_graphs: bool = False,
    ) -> None:
        self.device = device
        self.dtype = dtype
        self.text = PromptEncoder(
            lambda: model.load_text_encoder(checkpoints).to(device),
            cache=text_cache,
            encoding=model.text_encoding,
            files=[checkpoints[role].path for role in model.text_roles if text_cache is not None],
        )
        encoder = image_encoder or model.load_image_encoder(checkpoints, dtype)
        if device == "cpu" and isinstance(encoder, DinoImageEncoder):
            pack_linears(encoder.network)
            if isinstance(encoder, HeadedImageEncoder):
                pack_linears(encoder.head)
        self.image_encoder: ImageEncoder = encoder.to(device)
        if cuda_graphs:
            self.image_encoder = RecordedEncoder(self.image_encoder, device)
        self.projection: Callable[[Tensor], Tensor] = model.load_projection(checkpoints).to(device)

    @property
    def precision(self) -> str:
        """The image encoder's number format: fp32, bf16 or fp16."""
        return next(name for name, dtype in PRECISIONS.items() if dtype is self.dtype)


def load_networks(
    model: Model,
    device: str,
    dtype: torch.dtype,
    weights_dir: str | Path | None = None,
    text_cache: TextCache | None = None,
    *,
    image_encoder: ImageEncoder | None = None,
    cuda_graphs: bool = False,
) -> Networks:
    """Find all of a model's files, downloading what is allowed and missing, then build its networks.

    image_encoder: one that is there already and stands in for the model's own, whose file is then not asked for.
    cuda_graphs: record the image encoder's kernels on a GPU, see cuda_graphs.py.
    Raises WeightsError; also for the text encoder's file, though that is read later.
    """
    roles = [file.role for file in model.files if image_encoder is None or file.role not in model.image_roles]
    checkpoints = {role: find_checkpoint(model, role, weights_dir) for role in roles}
    return Networks(
        model,
        checkpoints,
        device,
        dtype,
        text_cache=text_cache,
        image_encoder=image_encoder,
        cuda_graphs=cuda_graphs,
    )


def find_checkpoint(model: Model, role: str, weights_dir: str | Path | None = None) -> Checkpoint:
    """Find one of a model's files, downloading it where that is allowed and needed. Raises WeightsError."""
    file = next(file for file in model.files if file.role == role)
    return Checkpoint(file, locate(file, Path(weights_dir).expanduser() if weights_dir else None))


def check_networks(model: Model, weights_dir: str | Path | None = None) -> None:
    """Read every file of a model into its network, the text encoder's too. Raises WeightsError."""
    _ = load_networks(model, "cpu", torch.float32, weights_dir).text.encoder
