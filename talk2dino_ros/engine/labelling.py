# SPDX-License-Identifier: Apache-2.0
"""From what the image encoder saw in one image to a class and a confidence per pixel."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from talk2dino_ros.engine.background_cleaning import clean_background
from talk2dino_ros.engine.canvas import averaged, cut, upsampled
from talk2dino_ros.engine.checkpoints import Model
from talk2dino_ros.engine.crops import CropFeatures
from talk2dino_ros.engine.decision import Decision, ScoreMap
from talk2dino_ros.engine.inputs import Plan
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.pamr import pamr
from talk2dino_ros.engine.pruning import contenders
from talk2dino_ros.engine.score_memory import ScoreMemory
from talk2dino_ros.engine.stages import StageTimer, stage
from talk2dino_ros.engine.vocabulary import Vocabulary


@dataclass(frozen=True)
class View:
    """One image of a batch: its size (H, W), plan, canvas float32 [3, H, W], the crops' features, and its camera's
    memory, None where the image stands alone.
    """

    size: tuple[int, int]
    plan: Plan
    canvas: Tensor
    crops: list[CropFeatures]
    memory: ScoreMemory | None = None


@dataclass(frozen=True)
class Words:
    """A vocabulary on the device: embeddings float32 [C, D]; ids: C on the host, the unlabeled one for a distractor."""

    embeddings: Tensor
    ids: tuple[int, ...]
    vocabulary: Vocabulary

    @staticmethod
    def of(vocabulary: Vocabulary, unlabeled_id: int, device: str) -> "Words":
        """Copy a vocabulary to the device."""
        return Words(
            torch.from_numpy(vocabulary.embeddings.copy()).to(device),
            tuple(vocabulary.published_ids(unlabeled_id)),
            vocabulary,
        )


@dataclass(frozen=True)
class Labelling:
    """How one model, with its options, labels what it saw."""

    model: Model
    options: Options

    def __call__(self, view: View, words: Words, timer: StageTimer | None) -> tuple[Tensor, list[Tensor]]:
        """Return uint8 [2, H, W], class ids and confidence at the image's size, and each crop's cosines [C, h, w]."""
        with stage(timer, "score"):
            cosines = [patch_cosines(crop.patch_features, words.embeddings) for crop in view.crops]
            scores = [self._score(cosine, crop, words) for cosine, crop in zip(cosines, view.crops, strict=True)]
            if view.memory is not None:
                subject = (words.vocabulary, self, view.size, view.plan)  # of other ones no mean can be taken
                scores = view.memory.mixed(subject, scores, self.options.score_smoothing)
        with stage(timer, "refine"):
            contending, rivals = self._maps(scores, view, words)
        with stage(timer, "decide"):
            options = self.options
            decide = Decision(options.background, self.model.logit_scale, options.unlabeled_id)
            return decide(contending, rivals, view.size), cosines

    def _score(self, cosine: Tensor, crop: CropFeatures, words: Words) -> Tensor:
        """Sigmoid of the bare cosine [C, h, w], with the paper's background cleaning where asked for.

        With `softmax` the cosine itself: that comes after the upsampling.
        """
        if self.options.window_scores == "softmax":
            return cosine
        scores = torch.sigmoid(cosine)
        if crop.cls_attention is None:
            return scores
        return clean_background(scores, crop.patch_features, crop.cls_attention, words.embeddings)

    def _maps(self, scores: list[Tensor], view: View, words: Words) -> tuple[ScoreMap, ScoreMap | None]:
        """Scores that decide, and scores that only count in the confidence."""
        if self.options.window_scores == "softmax":
            return voted(scores, view, words.ids), None
        if self.options.refine == "none":
            return self._stitched(scores, view, words.ids), None
        can_win = contenders(scores, self.options.background)
        refined = (
            pamr(cut(view.canvas, crop), upsampled(window[can_win], (crop.height, crop.width)))
            for window, crop in zip(scores, view.plan.crops, strict=True)
        )
        ids, other_ids = parted(words.ids, can_win.tolist())
        canvas = ScoreMap(averaged(refined, view.plan), align_corners=False, ids=ids)
        rivals = self._stitched([window[~can_win] for window in scores], view, other_ids) if other_ids else None
        return canvas, rivals

    def _stitched(self, scores: Sequence[Tensor], view: View, ids: tuple[int, ...]) -> ScoreMap:
        """The crops' unrefined scores in one map: windows' as their average on the canvas, else as they are."""
        if self.options.input != "slide":
            return ScoreMap(scores[0], align_corners=True, ids=ids)  # corner to corner, as the paper's code does
        crops = zip(scores, view.plan.crops, strict=True)
        large = (upsampled(window, (crop.height, crop.width)) for window, crop in crops)
        return ScoreMap(averaged(large, view.plan), align_corners=False, ids=ids)


def voted(cosines: Sequence[Tensor], view: View, ids: tuple[int, ...]) -> ScoreMap:
    """The crops' cosines as shares of the classes, averaged on the canvas, as dino.txt's evaluation does.

    Halved, so that a share of 1 has a logit too; that changes no decision.
    """
    crops = zip(cosines, view.plan.crops, strict=True)
    shares = (
        F.interpolate(cosine[None], (crop.height, crop.width), mode="bilinear")[0].softmax(dim=0) / 2
        for cosine, crop in crops
    )
    return ScoreMap(averaged(shares, view.plan), align_corners=False, ids=ids)


def parted(ids: Sequence[int], flags: Sequence[bool]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the ids whose flag is set, and the others."""
    pairs = list(zip(ids, flags, strict=True))
    return tuple(each for each, flag in pairs if flag), tuple(each for each, flag in pairs if not flag)


def patch_cosines(patch_features: Tensor, embeddings: Tensor) -> Tensor:
    """Cosine of each patch with each class: [C, h, w]."""
    return torch.einsum("dhw,cd->chw", F.normalize(patch_features, dim=0), embeddings)
