# SPDX-License-Identifier: Apache-2.0
"""What a run of the benchmark measures: a segmenter, the baseline with the same weights, and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from talk2dino_ros.engine.bench.baseline import Baseline
from talk2dino_ros.engine.bench.seeded import load_seeded_segmenter, without_sums
from talk2dino_ros.engine.factory import load_segmenter
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.networks import load_networks
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.openvino.openvino_encoder import OFTEN, OpenVinoImageEncoder
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.selfcheck.classes import classes_of_picture
from talk2dino_ros.engine.selfcheck.self_check import self_checked
from talk2dino_ros.engine.selfcheck.stage_check import SelfCheck
from talk2dino_ros.engine.vocabulary import Vocabulary

Rgb = npt.NDArray[np.uint8]


@dataclass
class Subject:
    """The segmenter that is measured, the plain one beside it, and the photographs.

    segmenter: at the precision asked for. baseline: fp32. photos: uint8 [H, W, 3] RGB; the first is timed on.

    cuda_graphs: whether the segmenter's kernels are recorded; the baseline's never are. self_check: what it found of
    the segmenter's fast path; None where it was not asked.
    """

    segmenter: Segmenter
    baseline: Baseline
    photos: Sequence[Rgb]
    seeded: bool = False
    cuda_graphs: bool = False
    self_check: SelfCheck | None = None

    @property
    def device(self) -> str:
        return self.segmenter.device.split(":")[0]

    def photo(self, width: int, height: int) -> Rgb:
        """Return the first photo at a size."""
        resized: Rgb = cv2.resize(self.photos[0], (width, height), interpolation=cv2.INTER_AREA)
        return resized

    def vocabulary(self, count: int) -> Vocabulary:
        """Return classes that the first photo's patches tell apart."""
        return classes_of_picture(self._patch_features, count)

    @cached_property
    def _patch_features(self) -> npt.NDArray[np.float32]:
        side = self.baseline.side
        pixels = torch.from_numpy(self.photo(side, side)).to(self.baseline.device).permute(2, 0, 1)[None] / 255
        with torch.inference_mode():
            return self.baseline.image_encoder(pixels).patch_features[0].float().cpu().numpy()


def load_subject(
    name: str,
    *,
    device: str,
    precision: str,
    weights_dir: Path | None,
    seeded: bool,
    photos: Sequence[Rgb],
    cuda_graphs: bool = False,
) -> Subject:
    """Load a model twice, for the segmenter and for the baseline.

    seeded: `weights_dir` was written by `write_seeded_weights`. Raises what `load_segmenter` raises.
    """
    how: dict[str, Any] = {"device": device, "precision": precision, "cuda_graphs": cuda_graphs}
    if seeded and weights_dir is not None:
        segmenter = load_seeded_segmenter(name, weights_dir, **how)
    else:
        segmenter = load_segmenter(name, weights_dir=weights_dir, **how)
    model = without_sums(find_model(name)) if seeded else find_model(name)
    segmenter, check = self_checked(segmenter, weights_dir=weights_dir)
    baseline = baseline_of(model, segmenter.device, weights_dir)
    return Subject(segmenter, baseline, photos, seeded, cuda_graphs, check)


def baseline_of(model: Model, device: str, weights_dir: Path | None = None) -> Baseline:
    """Load a row's image encoder in torch's fp32, for the plain pipeline. Raises WeightsError."""
    encoder = load_networks(model, device, torch.float32, weights_dir, needs_text_encoder=False).image_encoder
    return Baseline(encoder, model.base_size, model.logit_scale, device)


def settled(segmenter: Segmenter, rgb: Rgb, vocabulary: Vocabulary) -> Segmenter:
    """Return a segmenter when nothing is converted beside images like this one any more."""
    encoder = segmenter.networks.image_encoder
    if isinstance(encoder, OpenVinoImageEncoder):
        for _ in range(1 + OFTEN):
            segmenter.segment(rgb, vocabulary)
        encoder.wait()
    return segmenter
