# SPDX-License-Identifier: Apache-2.0
"""Score one image's patch features against the vocabulary: a class and a confidence per pixel."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from talk2dino_ros.engine.inference.background_cleaning import clean_background
from talk2dino_ros.engine.inference.ballots import Ballot, BallotWords, apart, some
from talk2dino_ros.engine.inference.canvas import averaged, cut, upsampled
from talk2dino_ros.engine.inference.class_pruning import contenders
from talk2dino_ros.engine.inference.crop_plan import Plan
from talk2dino_ros.engine.inference.crops import CropFeatures
from talk2dino_ros.engine.inference.decision import Decision, ScoreMap
from talk2dino_ros.engine.inference.pamr import pamr
from talk2dino_ros.engine.inference.pamr.pamr_plain import pamr_plain
from talk2dino_ros.engine.inference.score_smoothing import ScoredBy, ScoreMemory
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.runtime.fixed_shapes import VECTORS, in_blocks
from talk2dino_ros.engine.runtime.stage_times import StageTimer, stage


@dataclass(frozen=True)
class EncodedImage:
    """One image of a batch: its size (H, W), plan, canvas float32 [3, H, W], the crops' features, and its camera's
    memory, None where the image stands alone.
    """

    size: tuple[int, int]
    plan: Plan
    canvas: Tensor
    crops: list[CropFeatures]
    memory: ScoreMemory | None = None


@dataclass(frozen=True)
class Labels:
    """Result of one image: mask uint8 [2, H, W], class ids and confidence; answers: for each question the confidence
    uint8 [H, W], 0 where it is not seen; cosines: each crop's float32 [C, h, w]; patch_features: each crop's float32
    [D, h, w], as the encoder gave them.
    """

    mask: Tensor
    answers: list[Tensor]
    cosines: list[Tensor]
    patch_features: list[Tensor]


@dataclass(frozen=True)
class Scoring:
    """Scoring of patch features by one model, with its options."""

    model: Model
    options: Options

    def __call__(self, view: EncodedImage, words: BallotWords, timer: StageTimer | None) -> Labels:
        """Decide each pixel of an image, at its own size."""
        with stage(timer, "score"):
            cosines, scores = self._scored(view, words)
        with stage(timer, "refine"):
            maps = self._maps(scores, view, words)
        with stage(timer, "decide"):
            decide = self._decision(words)
            of_mask = replace(decide, background_id=words.vocabulary.background_id)
            answers = [decide(*each, view.size)[1] for each in maps[1:]]
            patch_features = [crop.patch_features for crop in view.crops]
            return Labels(of_mask(*maps[0], view.size), answers, cosines, patch_features)

    def maps(self, view: EncodedImage, words: BallotWords) -> list[tuple[ScoreMap, ScoreMap | None]]:
        """Return for each ballot the scores that decide, and those that only count in the confidence."""
        return self._maps(self._scored(view, words)[1], view, words)

    def _scored(self, view: EncodedImage, words: BallotWords) -> tuple[list[Tensor], list[Tensor]]:
        """Return each crop's cosines and scores, the latter smoothed."""
        cosines_of = plain_cosines if "scores" in self.options.plain_stages else patch_cosines
        cosines = [apart(words, partial(cosines_of, crop.patch_features)) for crop in view.crops]
        scores = [self._score(cosine, crop, words) for cosine, crop in zip(cosines, view.crops, strict=True)]
        if view.memory is None:
            return cosines, scores
        subject = (ScoredBy(words.vocabulary), self, view.size, view.plan)  # of other ones no mean can be taken
        return cosines, view.memory.mixed(subject, scores, self.options.score_smoothing)

    def _decision(self, words: BallotWords) -> Decision:
        options = self.options
        # shares leave the scores for which the compiled decision has a logit
        is_plain = "decision" in options.plain_stages or options.window_scores == "softmax"
        return Decision(
            options.background,
            self.model.logit_scale,
            options.unlabeled_id,
            is_plain=is_plain,
            thresholds=words.vocabulary.thresholds(),
        )

    def _score(self, cosine: Tensor, crop: CropFeatures, words: BallotWords) -> Tensor:
        """Return the sigmoid of the bare cosine [C, h, w], with the paper's background cleaning where asked for.

        With `softmax` the cosine itself: that comes after the upsampling.
        """
        if self.options.window_scores == "softmax":
            return cosine
        scores = torch.sigmoid(cosine)
        if crop.cls_attention is None:
            return scores
        attention = crop.cls_attention
        cleaned = clean_background(scores, crop.patch_features, attention, words.embeddings)
        if words.questions:  # cleaning weighs a class beside all others: those of the mask shall not know of questions
            some = list(words.ballots[0].classes)
            cleaned[some] = clean_background(scores[some], crop.patch_features, attention, words.embeddings[some])
        return cleaned

    def _maps(
        self, scores: list[Tensor], view: EncodedImage, words: BallotWords
    ) -> list[tuple[ScoreMap, ScoreMap | None]]:
        """See `maps`."""
        ballots = words.ballots
        if self.options.window_scores == "softmax":
            return [
                (voted([some(each, ballot.classes) for each in scores], view, ballot.ids), None) for ballot in ballots
            ]
        if self.options.refine == "none":
            return [(self._stitched(scores, view, ballot, ballot.classes), None) for ballot in ballots]
        decision = self._decision(words)
        winners = [self._winners(scores, ballot, decision) for ballot in ballots]
        extra = sorted({number for others in winners[1:] for number in others} - set(winners[0]))
        canvas = self._refined(scores, winners[0], view)
        if extra:  # apart from the mask's, which shall not change by a bit
            canvas = torch.cat([canvas, self._refined(scores, extra, view)])
        places = {number: place for place, number in enumerate([*winners[0], *extra])}
        return [
            (
                ScoreMap(
                    some(canvas, [places[number] for number in can_win]), align_corners=False, ids=ballot.those(can_win)
                ),
                self._rivals(scores, view, ballot, can_win),
            )
            for ballot, can_win in zip(ballots, winners, strict=True)
        ]

    def _rivals(self, scores: list[Tensor], view: EncodedImage, ballot: Ballot, can_win: list[int]) -> ScoreMap | None:
        others = [number for number in ballot.classes if number not in can_win]
        return self._stitched(scores, view, ballot, others) if others else None

    def _winners(self, scores: list[Tensor], ballot: Ballot, decision: Decision) -> list[int]:
        """Return the numbers of the ballot's classes that may win somewhere."""
        floor = decision.lowest_floor(ballot.ids)  # under that of all nobody is a label, whoever is best
        flags = contenders([some(window, ballot.classes) for window in scores], floor).tolist()
        return [number for number, may_win in zip(ballot.classes, flags, strict=True) if may_win]

    def _refined(self, scores: list[Tensor], classes: Sequence[int], view: EncodedImage) -> Tensor:
        """Return some classes' scores along the image's edges: float32 [len(classes), H, W] of the canvas."""
        refine = pamr_plain if "pamr" in self.options.plain_stages else pamr
        refined = (
            refine(cut(view.canvas, crop), upsampled(some(window, classes), (crop.height, crop.width)))
            for window, crop in zip(scores, view.plan.crops, strict=True)
        )
        return averaged(refined, view.plan)

    def _stitched(
        self, scores: Sequence[Tensor], view: EncodedImage, ballot: Ballot, classes: Sequence[int]
    ) -> ScoreMap:
        """Return the crops' unrefined scores in one map: windows' as their average on the canvas, else as they are."""
        scores, ids = [some(window, classes) for window in scores], ballot.those(classes)
        if self.options.input != "slide":
            return ScoreMap(scores[0], align_corners=True, ids=ids)  # corner to corner, as the paper's code does
        crops = zip(scores, view.plan.crops, strict=True)
        large = (upsampled(window, (crop.height, crop.width)) for window, crop in crops)
        return ScoreMap(averaged(large, view.plan), align_corners=False, ids=ids)


def voted(cosines: Sequence[Tensor], view: EncodedImage, ids: tuple[int, ...]) -> ScoreMap:
    """Turn the crops' cosines into shares of the classes, averaged on the canvas, as dino.txt's evaluation does.

    Halved, so that a share of 1 has a logit too; that changes no decision.
    """
    crops = zip(cosines, view.plan.crops, strict=True)
    shares = (
        F.interpolate(cosine[None], (crop.height, crop.width), mode="bilinear")[0].softmax(dim=0) / 2
        for cosine, crop in crops
    )
    return ScoreMap(averaged(shares, view.plan), align_corners=False, ids=ids)


def patch_cosines(patch_features: Tensor, embeddings: Tensor) -> Tensor:
    """Return the cosine of each patch, [..., D, h, w], with each class: [..., C, h, w].

    Of one image on a CPU a class's cosines do not depend on the other classes; see fixed_shapes.py.
    """
    patches = F.normalize(patch_features, dim=-3)
    if patches.ndim == 3 and patches.device.type == "cpu":
        return in_blocks(lambda classes: torch.einsum("dhw,cd->chw", patches, classes), embeddings, VECTORS)
    return torch.einsum("...dhw,cd->...chw", patches, embeddings)


def plain_cosines(patch_features: Tensor, embeddings: Tensor) -> Tensor:
    """Return the same without a product of matrices, whose library has kernels for each device."""
    patches = F.normalize(patch_features, dim=-3)
    return torch.stack([(patches * each[:, None, None]).sum(dim=-3) for each in embeddings], dim=-3)
