# SPDX-License-Identifier: Apache-2.0
"""Choose a class's threshold by pictures that lack it, and say what that promises.

A picture is a false alarm where its peak (`class_peaks`) reaches the threshold. The threshold is put just above the
peak that is one too many, so that at most the wanted share of the pictures at hand alarms. The share of alarms in other
pictures is only known within a bound, which holds for pictures drawn alike and independently, also though the threshold
was chosen by the same ones: an order statistic's share is distributed as Beta(alarms + 1, rest).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.text.class_entries import ClassEntry, shorten
from talk2dino_ros.engine.text.class_threshold import DECIMALS

CERTAINTY = 0.95  # of every bound
LARGEST = 0.731  # that a class may have: no score is higher
_STEP = 10**DECIMALS


@dataclass(frozen=True)
class ClassCalibration:
    """A class with its threshold, and the counts that speak for it.

    entry: with the threshold, None where no picture and no common threshold asks for one. lacking, having: the peaks of
    the pictures without the class and with it, ascending. alarms, found: how many of them reach the threshold.
    """

    entry: ClassEntry
    lacking: npt.NDArray[np.float64]
    having: npt.NDArray[np.float64]
    alarms: int
    found: int

    @property
    def most_alarms(self) -> float:
        """The share of pictures without it that alarm at most, with CERTAINTY."""
        return highest_share(self.alarms, len(self.lacking))

    @property
    def least_found(self) -> float:
        """The share of pictures with it that are found at least, with CERTAINTY; 0 without any."""
        return 1 - highest_share(len(self.having) - self.found, len(self.having))


def calibrate_class(
    entry: ClassEntry, lacking: Sequence[float], having: Sequence[float], false_alarms: float, least: float | None
) -> ClassCalibration:
    """Choose the threshold of one class.

    lacking, having: the peaks of pictures without and with it, 0 where it is nowhere the best. false_alarms: the share
    of the former that may reach it, 0..1. least: a threshold that none is below, the common one. Raises VocabularyError
    without a picture that lacks the class.
    """
    without, own = np.sort(np.asarray(lacking, float)), np.sort(np.asarray(having, float))
    if not len(without):
        raise VocabularyError(
            f"no picture lacks {shorten(entry.name)}, expected some, as false alarms are counted in them; name "
            "pictures without it"
        )
    allowed = min(int(false_alarms * len(without) + 1e-9), len(without) - 1)
    highest = without[len(without) - 1 - allowed]  # the first that must not alarm
    threshold = max((math.floor(highest * _STEP) + 1) / _STEP if highest > 0 else 0.0, least or 0.0)
    threshold = min(threshold, LARGEST)
    chosen = ClassEntry(entry.name, entry.prompts, question=entry.question, threshold=threshold or None)
    return ClassCalibration(chosen, without, own, _reach(without, threshold), _reach(own, threshold))


def pictures_needed(false_alarms: float) -> int:
    """Return how many pictures, none of which alarms, show a share of at most `false_alarms` with CERTAINTY.

    About 3 / false_alarms: the rule of three.
    """
    return math.ceil(math.log(1 - CERTAINTY) / math.log(1 - false_alarms))


def highest_share(count: int, total: int) -> float:
    """Return the share of which `count` or fewer in `total` are 1 - CERTAINTY likely: a one-sided, exact bound."""
    if count >= total:
        return 1.0
    return _falling_root(lambda share: _at_most(count, total, share) - (1 - CERTAINTY))


def _at_most(count: int, total: int, share: float) -> float:
    """Return the probability of `count` or fewer of `total`, each with the probability `share` within 0..1."""
    logs = [
        math.lgamma(total + 1)
        - math.lgamma(k + 1)
        - math.lgamma(total - k + 1)
        + k * math.log(share)
        + (total - k) * math.log1p(-share)
        for k in range(count + 1)
    ]
    return math.fsum(map(math.exp, logs))


def _falling_root(function: Callable[[float], float]) -> float:
    """Return where a falling function is 0 between 0 and 1."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return high


def _reach(peaks: npt.NDArray[np.float64], threshold: float) -> int:
    return int((peaks >= threshold).sum()) if threshold else int((peaks > 0).sum())
