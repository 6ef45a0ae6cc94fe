# SPDX-License-Identifier: Apache-2.0
"""An image and a vocabulary in, class ids out: Talk2DINO (arXiv 2411.19331), read this file first.

Slow once, fast often: `encode_vocabulary` runs the text encoder when the words change, `segment` runs the
image encoder for every image. A segmenter has no state that a call changes; two threads may use it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from talk2dino_ros.engine.canvas import (
    averaged,
    check_image,
    cut,
    make_canvas,
    patch_grid,
    upsampled,
)
from talk2dino_ros.engine.checkpoints import Model, Networks, find_model, load_networks
from talk2dino_ros.engine.crops import CropFeatures, encode_crops
from talk2dino_ros.engine.decision import decide
from talk2dino_ros.engine.devices import resolve_device, resolve_precision
from talk2dino_ros.engine.embeddings import encode_classes
from talk2dino_ros.engine.errors import ModelError, VocabularyError
from talk2dino_ros.engine.inputs import Plan, make_plan
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.refinement import clean_background, pamr
from talk2dino_ros.engine.vocabulary import UNLABELED_ID, Vocabulary, parse_classes

REFINED_PIXELS = 1280 * 720  # larger images are refined at this size, then upsampled: PAMR's memory grows with it


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What was seen.

    class_ids: uint8 [H, W], ids of the vocabulary, the unlabeled id where no class won.
    confidence: uint8 [H, W], probability x 255, 0 where unlabeled.
    scores: float32 [C, h, w], the cosines at patch resolution, where asked for.
    """

    class_ids: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class _View:
    """One image of a batch: its size (H, W), plan, canvas float32 [3, H, W] and the crops' features."""

    size: tuple[int, int]
    plan: Plan
    canvas: Tensor
    crops: list[CropFeatures]


class Segmenter:
    """A loaded model with its options. Make one with `load_segmenter`."""

    def __init__(self, model: Model, networks: Networks, options: Options) -> None:
        if options.background_cleaning and not networks.image_encoder.has_attention:
            raise ModelError(
                f"background_cleaning was asked for with {model.name}, which has no class token; switch it off"
            )
        self.model = model
        self.options = options
        self._networks = networks

    @property
    def device(self) -> str:
        """Where the networks are, such as `cpu` or `cuda:0`."""
        return str(self._networks.device)

    @property
    def precision(self) -> str:
        """The image encoder's number format: fp32, bf16 or fp16."""
        return self._networks.precision

    def with_options(self, **changes: object) -> "Segmenter":
        """Return a segmenter with other options (see `Options`) and the same networks."""
        return Segmenter(self.model, self._networks, replace(self.options, **changes))  # type: ignore[arg-type]

    def encode_vocabulary(self, classes: Sequence[str]) -> Vocabulary:
        """Turn words (see `vocabulary.parse_classes` for their syntax) into vectors; takes seconds on a CPU.

        Raises VocabularyError for words that cannot become a vocabulary.
        """
        return encode_classes(parse_classes(classes), self.model, self._networks)

    @overload
    def segment(
        self, rgb: npt.NDArray[np.uint8], vocabulary: Vocabulary, return_scores: bool = False
    ) -> Segmentation: ...
    @overload
    def segment(
        self, rgb: Sequence[npt.NDArray[np.uint8]], vocabulary: Vocabulary, return_scores: bool = False
    ) -> list[Segmentation]: ...

    def segment(
        self,
        rgb: npt.NDArray[np.uint8] | Sequence[npt.NDArray[np.uint8]],
        vocabulary: Vocabulary,
        return_scores: bool = False,
    ) -> Segmentation | list[Segmentation]:
        """Segment one image, or a list of images (of any sizes) in one batch.

        rgb: uint8 [H, W, 3] RGB. The result has the image's size.
        Raises ImageError for an array of another kind, VocabularyError for a vocabulary of another model.
        """
        images = [rgb] if isinstance(rgb, np.ndarray) else list(rgb)
        for image in images:
            check_image(image)
        self._check_vocabulary(vocabulary)
        results = self._segment_batch(images, vocabulary, return_scores)
        return results[0] if isinstance(rgb, np.ndarray) else results

    @torch.inference_mode()
    def _segment_batch(
        self, images: list[npt.NDArray[np.uint8]], vocabulary: Vocabulary, return_scores: bool
    ) -> list[Segmentation]:
        sizes = [(image.shape[0], image.shape[1]) for image in images]
        plans = [self._plan(size) for size in sizes]
        canvases = [make_canvas(image, plan, self.device) for image, plan in zip(images, plans, strict=True)]
        features = encode_crops(self._networks, canvases, plans, self.options.background_cleaning)
        embeddings = torch.from_numpy(vocabulary.embeddings.copy()).to(self.device)
        views = [_View(*parts) for parts in zip(sizes, plans, canvases, features, strict=True)]
        return [self._segment_one(view, vocabulary, embeddings, return_scores) for view in views]

    def _plan(self, size: tuple[int, int]) -> Plan:
        limit = REFINED_PIXELS if self.options.refine != "none" else None
        patch_size = self._networks.image_encoder.patch_size
        return make_plan(self.options.input, size, self.model.base_size, patch_size, limit)

    def _segment_one(
        self, view: _View, vocabulary: Vocabulary, embeddings: Tensor, return_scores: bool
    ) -> Segmentation:
        cosines = [_cosines(crop.patch_features, embeddings) for crop in view.crops]
        scores = [self._score(cosine, crop, embeddings) for cosine, crop in zip(cosines, view.crops, strict=True)]
        whole = len(scores) == 1 and self.options.refine == "none"
        labelled = [not entry.distractor for entry in vocabulary.classes]
        class_ids, confidence = decide(
            scores[0] if whole else self._merge(scores, view),
            view.size,
            torch.tensor(vocabulary.ids, dtype=torch.uint8, device=self.device),
            align_corners=whole,  # the network's scores are stretched corner to corner, a canvas is not
            background=self.options.background,
            logit_scale=self.model.logit_scale,
            unlabeled_id=self.options.unlabeled_id,
            labelled=torch.tensor(labelled, device=self.device),
        )
        patch_size = self._networks.image_encoder.patch_size
        patch_scores = patch_grid(cosines, view.plan, patch_size) if return_scores else None
        return Segmentation(class_ids.cpu().numpy(), confidence.cpu().numpy(), patch_scores)

    def _score(self, cosine: Tensor, crop: CropFeatures, embeddings: Tensor) -> Tensor:
        """Sigmoid of the bare cosine [C, h, w], with the paper's background cleaning where asked for."""
        scores = torch.sigmoid(cosine)
        if crop.cls_attention is None:
            return scores
        return clean_background(scores, crop.patch_features, crop.cls_attention, embeddings)

    def _merge(self, scores: list[Tensor], view: _View) -> Tensor:
        """Upsample each crop's scores, refine them, average where crops overlap: [C, H, W] of the canvas."""
        crops = zip(scores, view.plan.crops, strict=True)
        return averaged((self._refine(s, cut(view.canvas, crop)) for s, crop in crops), view.plan)

    def _refine(self, scores: Tensor, rgb: Tensor) -> Tensor:
        large = upsampled(scores, (rgb.shape[1], rgb.shape[2]))
        return pamr(rgb, large) if self.options.refine == "pamr" else large

    def _check_vocabulary(self, vocabulary: Vocabulary) -> None:
        width = self.model.embedding_size
        if vocabulary.embeddings.shape[1] != width or vocabulary.model not in ("", self.model.name):
            raise VocabularyError(
                f"the vocabulary was encoded by {vocabulary.model or 'another model'} "
                f"with {vocabulary.embeddings.shape[1]} values per class, "
                f"expected {self.model.name} with {width}; encode the words with this model"
            )


def load_segmenter(
    name: str,
    *,
    device: str = "auto",
    precision: str = "auto",
    weights_dir: str | Path | None = None,
    input: str = "square",
    refine: str = "none",
    background: float | None = None,
    background_cleaning: bool = False,
    unlabeled_id: int = UNLABELED_ID,
) -> Segmenter:
    """Load a model by name, such as `talk2dino_vitb` or `mini`; the options are those of `Options`.

    device: auto (cuda if there is one), cpu, cuda, cuda:N. precision: auto, fp32, bf16, fp16.
    weights_dir: a local folder with the published files, for robots without a network; None: the standard
    caches, filled from the network on first use.
    Raises ModelError for a name, device, precision or option that does not exist, WeightsError for weights.
    """
    options = Options(input, refine, background, background_cleaning, unlabeled_id)
    model = find_model(name)
    place = resolve_device(device)
    networks = load_networks(model, place, resolve_precision(precision, place, model), weights_dir)
    return Segmenter(model, networks, options)


def _cosines(patch_features: Tensor, embeddings: Tensor) -> Tensor:
    """Cosine of each patch with each class: [C, h, w]."""
    return torch.einsum("dhw,cd->chw", F.normalize(patch_features, dim=0), embeddings)
