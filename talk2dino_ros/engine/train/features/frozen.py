# SPDX-License-Identifier: Apache-2.0
"""A model's two frozen networks, without the projection that training is to make."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from talk2dino_ros.engine.files.checksums import sha256_of
from talk2dino_ros.engine.models.model_row import Checkpoints, Model
from talk2dino_ros.engine.models.networks import find_checkpoint
from talk2dino_ros.engine.models.precision import resolve_precision
from talk2dino_ros.engine.models.vit import ImageEncoder
from talk2dino_ros.engine.runtime.devices import resolve_device
from talk2dino_ros.engine.text.text_encoder import TextEncoder


@dataclass(frozen=True, eq=False)
class FrozenModel:
    """Frozen networks for the extraction, loaded one after the other on first use.

    name: the model's. image_sum, text_sum: sha256 of the files that the networks are made of, or anything else that
    changes whenever their values do. precision: the image encoder's, fp32, bf16 or fp16. patch_size: pixels.
    load_image_encoder, load_text_encoder: return a network that is on `device`; they raise WeightsError.
    """

    name: str
    image_sum: str
    text_sum: str
    precision: str
    patch_size: int
    device: str
    load_image_encoder: Callable[[], ImageEncoder]
    load_text_encoder: Callable[[], TextEncoder]


def open_frozen(
    model: Model, *, device: str = "auto", precision: str = "fp32", weights_dir: str | Path | None = None
) -> FrozenModel:
    """Find the files of a model's image and text encoders, downloading what is allowed and missing.

    precision: fp32, as the authors extract, unless said otherwise; on a CPU and a GPU the features are then the same
    up to rounding. Raises WeightsError, ModelError.
    """
    device = resolve_device(device)
    dtype = resolve_precision(precision, device, model)
    roles = (*model.image_roles, *model.text_roles)
    checkpoints = {role: find_checkpoint(model, role, weights_dir) for role in roles}
    return FrozenModel(
        name=model.name,
        image_sum=_sum_of(checkpoints, model.image_roles),
        text_sum=_sum_of(checkpoints, model.text_roles),
        precision=str(dtype).removeprefix("torch."),
        patch_size=model.patch_size,
        device=device,
        load_image_encoder=lambda: model.load_image_encoder(checkpoints, dtype).to(device),
        load_text_encoder=lambda: model.load_text_encoder(checkpoints).to(device),
    )


def _sum_of(checkpoints: Checkpoints, roles: tuple[str, ...]) -> str:
    """Return the file's own sha256, or where there are several that of their sums."""
    sums = [sha256_of(checkpoints[role].path) for role in roles]
    return sums[0] if len(sums) == 1 else hashlib.sha256(" ".join(sums).encode()).hexdigest()
