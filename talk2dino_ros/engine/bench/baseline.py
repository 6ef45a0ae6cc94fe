# SPDX-License-Identifier: Apache-2.0
"""The paper's pipeline written plainly, for the benchmark to compare with and for nothing else.

Eager fp32, whole tensors at full resolution, PAMR by dilated convolutions that lay every pixel's neighbours out in
memory, in chunks of 30 classes, its weights computed anew for each chunk: the shape of the authors' evaluation code
(Talk2DINO, arXiv 2411.19331; PAMR, arXiv 2005.08104). It gives the engine's fp32 result, which a test holds.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from talk2dino_ros.engine.models.vit import ImageEncoder

CHUNK = 30  # classes refined at once
DILATIONS = (1, 2, 4, 8, 12, 24)
ITERATIONS = 10
_CENTRE = 4  # of a 3x3 stencil, counted row by row
_AROUND = tuple(index for index in range(9) if index != _CENTRE)


@dataclass(frozen=True)
class Baseline:
    """The pipeline with `square` input.

    image_encoder: in fp32. side: pixels of the network's square. logit_scale: as the model's. Two classes or more.
    """

    image_encoder: ImageEncoder
    side: int
    logit_scale: float
    device: str

    @torch.inference_mode()
    def segment(
        self, rgb: npt.NDArray[np.uint8], embeddings: npt.NDArray[np.float32], refine: bool
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """Return class index int64 [H, W] and confidence uint8 [H, W] of uint8 [H, W, 3] RGB; embeddings [C, D]."""
        image = torch.tensor(rgb, device=self.device).permute(2, 0, 1)[None].float() / 255
        scores = self.patch_scores(image, torch.tensor(embeddings, device=self.device))
        scores = F.interpolate(scores, image.shape[-2:], mode="bilinear", align_corners=True)
        if refine:
            scores = torch.cat([pamr(image, chunk) for chunk in scores.split(CHUNK, dim=1)], dim=1)
        best, index = torch.logit(scores[0], eps=1e-6).topk(2, dim=0)
        confidence = torch.softmax(best * self.logit_scale, dim=0)[0]
        return index[0].cpu().numpy(), (confidence * 255).round().to(torch.uint8).cpu().numpy()

    def patch_scores(self, image: Tensor, embeddings: Tensor) -> Tensor:
        """Return sigmoid of the cosines, float32 [1, C, h, w], of an image float32 [1, 3, H, W] RGB 0..1."""
        squashed = F.interpolate(image, (self.side, self.side), mode="bilinear", antialias=True)
        features = F.normalize(self.image_encoder(squashed).patch_features, dim=1)
        return torch.sigmoid(torch.einsum("bdhw,cd->bchw", features, embeddings))


def pamr(image: Tensor, scores: Tensor) -> Tensor:
    """Refine scores [1, C, H, W] along the edges of an image [1, 3, H, W]; same weights for every class."""
    around = torch.cat([_stencils(image, dilation)[:, :, _AROUND] for dilation in DILATIONS], dim=2)
    samples = torch.cat([_stencils(image, dilation) for dilation in DILATIONS], dim=2)
    deviation = samples.std(dim=2, keepdim=True)
    distance = (around - image[:, :, None]).abs() / (1e-8 + 0.1 * deviation)
    weights = torch.softmax(-distance.mean(dim=1, keepdim=True), dim=2)
    for _ in range(ITERATIONS):
        neighbours = torch.cat([_stencils(scores, dilation, centre=False) for dilation in DILATIONS], dim=2)
        scores = (neighbours * weights).sum(dim=2)
    return scores


def _stencils(values: Tensor, dilation: int, centre: bool = True) -> Tensor:
    """Return the 3x3 samples around every pixel, or the 8 without the centre: [1, K, 9 or 8, H, W] of [1, K, H, W]."""
    kernels = torch.eye(9, device=values.device).view(9, 1, 3, 3)
    if not centre:
        kernels = kernels[list(_AROUND)]
    flat = F.pad(values, (dilation,) * 4, mode="replicate").transpose(0, 1)
    return F.conv2d(flat, kernels, dilation=dilation).view(1, values.shape[1], len(kernels), *values.shape[-2:])
