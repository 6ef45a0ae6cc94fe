# SPDX-License-Identifier: Apache-2.0
"""Compare each stage's fast path with its plain one, on the same input."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from talk2dino_ros.engine.inference import scoring
from talk2dino_ros.engine.inference.decision import Decision, ScoreMap
from talk2dino_ros.engine.inference.decision.decision_batch import decide
from talk2dino_ros.engine.inference.decision.decision_plain import decide_plain
from talk2dino_ros.engine.inference.decision.decision_table import DecisionTable
from talk2dino_ros.engine.inference.pamr import pamr
from talk2dino_ros.engine.inference.pamr.pamr_plain import pamr_plain
from talk2dino_ros.engine.segmenter import Segmentation
from talk2dino_ros.engine.selfcheck.seeded_scene import CLASSES, seeded_picture, seeded_scores
from talk2dino_ros.engine.selfcheck.stage_check import StageCheck

LEAST_COSINE = 0.999  # of patches, fast and plain
LEAST_EQUAL = 0.99  # of labels, and of patches that have that cosine
MOST_APART = 2e-3  # of cosines, and of scores; TF32 and fp16 weights round to 1e-3 and less
MOST_DOUBT = 2  # of 255 of the confidence
COARSE = (13, 17)  # h, w of the scores that both stretch
SIDES = (90, 121)  # H, W of what PAMR and the decision are tried on: no multiple of a kernel's block

Made = Callable[[], Any]


def timed(
    stage: str, fast: Made, plain: Made, compare: Callable[[Any, Any], tuple[bool, str]], *, is_cold: bool = True
) -> StageCheck:
    """Run both and compare; what the fast one raises is a difference too, but for a lack of memory.

    is_cold: whether nothing of the fast one has run before.
    """
    try:
        first_s = _timed(fast)[0] if is_cold else 0.0  # it compiles, or converts
        fast_s, made = _timed(fast)
        plain_s, expected = _timed(plain)
        is_equal, said = compare(made, expected)
    except torch.OutOfMemoryError:
        return StageCheck(stage, None, "too little memory to compare it with the plain path")
    except Exception as error:  # kernels and other libraries fail in many ways, and none is to end a start
        return StageCheck(stage, False, f"it failed with {_first_line(error)}")
    return StageCheck(stage, is_equal, said, fast_s, plain_s, first_s)


def compare_features(fast: Tensor, plain: Tensor) -> tuple[bool, str]:
    """Compare patch features [B, D, h, w] by their cosines."""
    cosines = F.cosine_similarity(fast.float(), plain.float(), dim=1).cpu()
    share = float((cosines >= LEAST_COSINE).float().mean())
    lowest = float(cosines.min())
    said = f"{share:.1%} of patches have a cosine of {LEAST_COSINE} and more (lowest {lowest:.5f})"
    return _said(share >= LEAST_EQUAL, said, f"at least {LEAST_EQUAL:.0%}")


def check_scores(features: Tensor, embeddings: Tensor) -> StageCheck:
    """Compare the cosines of patches [D, h, w] with classes [C, D] with NumPy's in float64."""

    def plain() -> Tensor:
        patches = features.cpu().double().flatten(1).numpy()
        cosines = embeddings.cpu().double().numpy() @ (patches / np.linalg.norm(patches, axis=0))
        return torch.from_numpy(cosines).view(-1, *features.shape[1:])

    return timed("scores", lambda: scoring.patch_cosines(features, embeddings), plain, _compare_values)


def check_pamr(device: torch.device) -> StageCheck:
    """Compare PAMR on a picture and scores."""
    picture = torch.from_numpy(seeded_picture(SIDES)).permute(2, 0, 1).float().div(255).to(device)
    scores = seeded_scores(CLASSES - 1, COARSE).to(device)  # PAMR stretches them, too
    fast, plain = (lambda: pamr(picture, scores)), (lambda: pamr_plain(picture, scores))
    return timed("pamr", fast, plain, _compare_values)


def check_decision(device: torch.device) -> StageCheck:
    """Compare the decision: labels, a distractor, a background and, on a CPU, rivals, which a GPU's way has none of."""
    decision = Decision(background=0.5, logit_scale=1 / 0.07, unlabeled_id=255)
    ids = (*range(1, CLASSES - 1), 255)
    contenders = ScoreMap(seeded_scores(CLASSES - 1, COARSE, seed=1).to(device), align_corners=True, ids=ids)
    rivals = ScoreMap(seeded_scores(2, COARSE, seed=2).to(device), align_corners=True, ids=(200, 201))
    if device.type == "cpu":
        fast, plain = (
            (lambda: decision(contenders, rivals, SIDES)),
            (lambda: decide_plain(decision, contenders, rivals, SIDES)),
        )
    else:
        table = DecisionTable.of([(decision, dict(enumerate(ids)))], len(ids), str(device))
        fast, plain = (
            (lambda: decide(contenders.values[None], SIDES, table, align_corners=True)[:, 0, 0]),
            (lambda: decide_plain(decision, contenders, None, SIDES)),
        )
    return timed("decision", fast, plain, lambda made, expected: compare_masks(made.cpu(), expected.cpu()))


def compare_segmentations(fast: Segmentation, plain: Segmentation) -> tuple[bool, str]:
    """Compare the labels of a whole image; its confidences follow from the scores, which round."""
    share = float((fast.class_ids == plain.class_ids).mean())
    return _said(share >= LEAST_EQUAL, f"{share:.1%} of labels are equal", f"at least {LEAST_EQUAL:.0%}")


def compare_masks(fast: Tensor, plain: Tensor) -> tuple[bool, str]:
    """Compare uint8 [2, H, W], labels and confidence, of the same scores."""
    labels = fast[0] == plain[0]
    is_close = (fast[1].int() - plain[1].int()).abs() <= MOST_DOUBT
    share = float((labels & is_close).float().mean())
    return _said(
        share >= LEAST_EQUAL, f"{share:.1%} of labels and confidences are equal", f"at least {LEAST_EQUAL:.0%}"
    )


def _compare_values(fast: Tensor, plain: Tensor) -> tuple[bool, str]:
    apart = float((fast.cpu().double() - plain.cpu().double()).abs().max())  # NaN is not less than anything
    return _said(apart <= MOST_APART, f"at most {apart:.1e} apart", f"{MOST_APART:g}")


def _said(is_equal: bool, said: str, expected: str) -> tuple[bool, str]:
    return is_equal, said if is_equal else f"{said}, expected {expected}"


def _timed(make: Made) -> tuple[float, Any]:
    begin_s = time.perf_counter()
    made = make()
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter() - begin_s, made


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
