# SPDX-License-Identifier: Apache-2.0
"""Segment one image and keep the intermediate results: for `talk2dino explain` and docs/how_it_works.md.

The steps are the functions that `Segmenter.segment` calls; only what is thrown away there is kept here.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.inference.background_cleaning import clean_background
from talk2dino_ros.engine.inference.ballots import BallotWords
from talk2dino_ros.engine.inference.canvas import check_image, make_canvas, upsampled
from talk2dino_ros.engine.inference.crops import CropFeatures, encode_crops
from talk2dino_ros.engine.inference.pamr import pamr
from talk2dino_ros.engine.inference.scoring import patch_cosines
from talk2dino_ros.engine.models.head_embeddings import head_embeddings
from talk2dino_ros.engine.models.vit import ImageFeatures
from talk2dino_ros.engine.segmenter import Segmentation, Segmenter
from talk2dino_ros.engine.vocabulary import Vocabulary

Values = npt.NDArray[np.float32]
COLOUR_RANGE = (0.01, 0.99)  # quantiles of a direction that become 0 and 1: a few patches stick out


@dataclass(frozen=True, eq=False)
class Heads:
    """The attention of the last block's heads.

    attention: float32 [M, h, w], from the class token to each patch, each head's sum is 1.
    fit: float32 [C, M], the cosine of each word with the mean of what each head looks at: the best one is the
        head that training would choose for that word. None for a model without a projection, as its training chose
        no heads, and its patches may have gone through a head of another kind behind the attention.
    """

    attention: Values
    fit: Values | None


@dataclass(frozen=True, eq=False)
class Explanation:
    """Intermediate results of each step; C classes, h x w patches, a canvas of H x W pixels.

    patch_colours: float32 [h, w, 3], 0..1, the three directions in which the patch features differ most.
    network_size: (H, W) in pixels, what the network gets. heads: None for a model without a class token.
    cosines: float32 [C, h, w]. scores: float32 [C, h, w], their sigmoid. cleaned: float32 [C, h, w], the scores
        after background cleaning, None where it is off.
    stretched, refined: float32 [C, H, W], the last of these scores before and after PAMR.
    before, after: what `segment` makes of it without and with PAMR, at the image's size.
    background: the threshold, None where there is none.
    """

    rgb: npt.NDArray[np.uint8]
    vocabulary: Vocabulary
    model_name: str
    network_size: tuple[int, int]
    background: float | None
    patch_colours: Values
    heads: Heads | None
    cosines: Values
    scores: Values
    cleaned: Values | None
    stretched: Values
    refined: Values
    before: Segmentation
    after: Segmentation


@torch.inference_mode()
def explain(segmenter: Segmenter, rgb: npt.NDArray[np.uint8], vocabulary: Vocabulary) -> Explanation:
    """Segment one image, uint8 [H, W, 3] RGB, and keep what each step saw, with and without PAMR.

    Raises ModelError for input `slide`; ImageError and VocabularyError as `segment` does.
    """
    check_image(rgb)
    if segmenter.options.input == "slide":
        raise ModelError(
            "an explanation was asked for with input 'slide', which cuts the image into windows, expected the image as "
            "one; choose square or aspect"
        )
    plain, refining = (segmenter.with_options(refine=refine) for refine in ("none", "pamr"))
    plan = refining.plan((rgb.shape[0], rgb.shape[1]))
    networks = segmenter.networks
    encoder, words = networks.image_encoder, BallotWords.of(vocabulary, segmenter.options.unlabeled_id, networks.device)
    before, after = (each.segment(rgb, vocabulary) for each in (plain, refining))
    canvas = make_canvas(rgb, plan, networks.device)
    [[crop]] = encode_crops(networks, [canvas], [plan], return_attention=encoder.has_attention)
    cosines = patch_cosines(crop.patch_features, words.embeddings)
    scores = torch.sigmoid(cosines)
    cleaned = _cleaned(scores, crop, words) if segmenter.options.background_cleaning else None
    stretched = upsampled(scores if cleaned is None else cleaned, plan.canvas)
    return Explanation(
        rgb=rgb,
        vocabulary=vocabulary,
        model_name=segmenter.model.name,
        network_size=plan.network,
        background=segmenter.options.background,
        patch_colours=patch_colours(crop.patch_features).cpu().numpy(),
        heads=_heads(crop, words, segmenter.model.has_projection),
        cosines=cosines.cpu().numpy(),
        scores=scores.cpu().numpy(),
        cleaned=None if cleaned is None else cleaned.cpu().numpy(),
        stretched=stretched.cpu().numpy(),
        refined=pamr(canvas, stretched).cpu().numpy(),
        before=before,
        after=after,
    )


def _cleaned(scores: Tensor, crop: CropFeatures, words: BallotWords) -> Tensor:
    assert crop.cls_attention is not None  # a Segmenter with this option has a model with attention
    return clean_background(scores, crop.patch_features, crop.cls_attention, words.embeddings)


def _heads(crop: CropFeatures, words: BallotWords, has_projection: bool) -> Heads | None:
    if crop.cls_attention is None:
        return None
    attention = torch.softmax(crop.cls_attention, dim=1).unflatten(1, crop.patch_features.shape[1:]).cpu().numpy()
    if not has_projection:
        return Heads(attention, None)
    heads = head_embeddings(ImageFeatures(crop.patch_features[None], crop.cls_attention[None])).heads[0]
    fit = words.embeddings @ F.normalize(heads, dim=1).T
    return Heads(attention, fit.cpu().numpy())


def patch_colours(patch_features: Tensor) -> Tensor:
    """Return the three directions in which patches [D, h, w] differ most, as red, green and blue: [h, w, 3], 0..1.

    Similar patches get similar colours; which colour it is means nothing.
    """
    grid = patch_features.shape[1:]
    patches = F.normalize(patch_features, dim=0).flatten(1).T
    patches = patches - patches.mean(dim=0)
    left, strength, right = torch.linalg.svd(patches, full_matrices=False)
    # a direction's sign is arbitrary: the largest value decides, so that every machine draws the same
    largest = right.gather(1, right.abs().argmax(dim=1, keepdim=True))
    along = _padded(left * strength * largest.sign().T)
    low, high = torch.quantile(along, along.new_tensor(COLOUR_RANGE), dim=0)
    shares: Tensor = (along - low) / (high - low).clamp(min=1e-9)
    return shares.clamp(0, 1).view(*grid, 3)


def _padded(directions: Tensor) -> Tensor:
    """Return the first three columns; an image of one or two patches has fewer."""
    return F.pad(directions, (0, max(0, 3 - directions.shape[1])))[:, :3]
