# SPDX-License-Identifier: Apache-2.0
"""From scores at any size to a class and a confidence per pixel.

One contract, four paths: compiled for a CPU (decision_cpu.py); for a GPU's batches, by a table on the device
(decision_batch.py), one Triton kernel (decision_gpu.py), or plain PyTorch where Triton does not run; and plain PyTorch
in strips (decision_plain.py), which the others are tested against: read it first. None ever holds the scores of all
classes at the image's size.

The confidence is that of a choice between two: what won and the strongest that speaks against it,
    sigmoid(logit_scale * (logit(winner) - logit(strongest other))),
the softmax that the mapping was trained with, over these two alone. Against a label speak the other classes, the
distractors and the background; against "nothing of these" (the background or a distractor is best) the labels.
A softmax over all classes falls with their number, whatever they are, as each has a share where nothing is seen; so
does one over winner, rival and background, if less: of more words the strongest is stronger. Here a word that is not
above the background changes nothing: that it is not there is what the threshold says. What wins has one half and more.

A class's own threshold is its background: what it has to reach, and what it is weighed against, in place of the common
one. It is asked of the winner alone, and the next best class is not: so a threshold takes pixels from its own class and
gives none to another, and each class's can be chosen without the others'.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from talk2dino_ros.engine.inference.decision.score_map import ScoreMap

__all__ = ["Decision", "ScoreMap"]


@dataclass(frozen=True)
class Decision:
    """The decision per pixel: `Decision(...)(contenders, rivals, size)`.

    background: a constant score that competes with the classes and wins ties (it stands first in the authors'
    argmax); None: none. logit_scale: the scale at which the mapping was trained (InfoNCE, Talk2DINO section 3.3).
    unlabeled_id: the class id where no class won; a class that has it too is a distractor, which wins as the background
    does, ties too. background_id: the id of all that is unlabeled, which then has a confidence; None: it has neither.
    is_plain: by plain PyTorch on any device. thresholds: by class id, the classes' own, which a score reaches when it
    is as high.
    """

    background: float | None
    logit_scale: float
    unlabeled_id: int
    background_id: int | None = None
    is_plain: bool = False
    thresholds: Mapping[int, float] = field(default_factory=dict)

    def floor_of(self, class_id: int) -> float:
        """Return the float32 score that a label has to be above, 0 where any will do."""
        own = self.thresholds.get(class_id)
        return float(np.float32(self.background or 0) if own is None else np.nextafter(np.float32(own), np.float32(0)))

    def lowest_floor(self, class_ids: Iterable[int]) -> float | None:
        """Return the score that a label of these (the distractors among them) is above whichever it is; None: any."""
        return min(map(self.floor_of, set(class_ids) - {self.unlabeled_id}), default=self.background) or None

    def __call__(self, contenders: ScoreMap, rivals: ScoreMap | None, size: tuple[int, int]) -> Tensor:
        """Upsample bilinearly, take the best contender, and say how sure it is.

        contenders: classes that can win. rivals: classes that cannot, and only count in the confidence, which is below
        one half where refining has brought the winner below one of them. size: (H, W) of the result.
        Returns uint8 [2, H, W]: class ids, and confidence times 255: 0 where unlabeled, else 1 to 255.
        """
        if contenders.values.device.type == "cpu" and not self.is_plain:
            from talk2dino_ros.engine.inference.decision.decision_cpu import (
                decide_cpu,  # numba is not needed where a GPU decides
            )

            return decide_cpu(self, contenders, rivals, size)
        from talk2dino_ros.engine.inference.decision.decision_plain import decide_plain

        return decide_plain(self, contenders, rivals, size)
