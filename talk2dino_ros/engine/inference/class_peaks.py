# SPDX-License-Identifier: Apache-2.0
"""How high a class's threshold may be before an image shows it no more: what thresholds are chosen by."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from talk2dino_ros.engine.inference.ballots import BallotWords
from talk2dino_ros.engine.inference.canvas import check_image, make_canvas
from talk2dino_ros.engine.inference.crops import encode_crops
from talk2dino_ros.engine.inference.decision.decision_plain import STRIP_VALUES, Stretched
from talk2dino_ros.engine.inference.decision.score_map import ScoreMap, Sides
from talk2dino_ros.engine.inference.scoring import EncodedImage, Scoring
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.vocabulary import Vocabulary


@torch.inference_mode()
def class_peaks(
    segmenter: Segmenter, rgb: npt.NDArray[np.uint8], vocabulary: Vocabulary, area_share: float
) -> npt.NDArray[np.float32]:
    """Return for each class the highest threshold with which it still has a share of the pixels: float32 [C].

    0 where it has not, whatever its threshold, as other classes are better; NaN for distractors. rgb: uint8 [H, W, 3].
    area_share: 0..1. The vocabulary's own thresholds and the option `background` do not count, all other options do.
    Raises ImageError and VocabularyError as `segment` does.
    """
    check_image(rgb)
    free = segmenter.with_options(background=None)
    words = BallotWords.of(vocabulary.with_classes([each.words for each in vocabulary.classes]), *_where(free))
    size = (rgb.shape[0], rgb.shape[1])
    plan, cleaning = free.plan(size), free.options.background_cleaning
    canvas = make_canvas(rgb, plan, str(free.networks.device), free.options.resize)
    [crops] = encode_crops(free.networks, [canvas], [plan], return_attention=cleaning)
    maps = Scoring(free.model, free.options).maps(EncodedImage(size, plan, canvas, crops), words)
    count = max(1, math.ceil(area_share * size[0] * size[1]))
    by_id: dict[int, float] = {}
    for contenders, _ in maps:
        by_id |= _peaks(contenders, size, free.options.unlabeled_id, count)
    pairs = zip(vocabulary.ids, vocabulary.classes, strict=True)
    return np.array([np.nan if each.distractor else by_id.get(i, 0.0) for i, each in pairs], np.float32)


def _where(segmenter: Segmenter) -> tuple[int, str]:
    return segmenter.options.unlabeled_id, str(segmenter.networks.device)


def _peaks(contenders: ScoreMap, size: tuple[int, int], unlabeled_id: int, count: int) -> dict[int, float]:
    """Return by id the score that `count` of its pixels reach, of those classes that win so many."""
    parts = list(_won(contenders, size, unlabeled_id))
    ids, scores = (torch.cat([part[index].flatten() for part in parts]) for index in (0, 1))
    peaks = {}
    for class_id in set(contenders.ids) - {unlabeled_id}:
        own = scores[(ids == class_id) & (scores > 0)]
        if len(own) >= count:
            peaks[class_id] = float(own.topk(count).values[-1])
    return peaks


def _won(contenders: ScoreMap, size: tuple[int, int], unlabeled_id: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield of some rows the best label's id and its score, 0 where a distractor is as good: both [rows, W]."""
    sides = Sides.of(contenders, None, unlabeled_id)
    ids = torch.tensor(sides.labelled.ids, device=contenders.values.device)
    maps = [Stretched(side.values, size, side.align_corners) if side else None for side in sides.all[:2]]
    step = max(1, STRIP_VALUES // (len(contenders.ids) * size[1]))
    for top in range(0, size[0], step):
        labelled, distractors = (each.strip(slice(top, min(top + step, size[0]))) if each else None for each in maps)
        assert labelled is not None  # it is always there
        best, winner = labelled.max(dim=0)
        yield ids[winner], best if distractors is None else best.where(best > distractors.amax(dim=0), 0)
