# SPDX-License-Identifier: Apache-2.0
"""From scores at any size to a class and a confidence per pixel.

One contract, two paths: fused and compiled for a CPU (cpu.py), plain PyTorch in strips for a GPU (plain.py), which
is also what the other is tested against. Neither ever holds the scores of all classes at the image's size.
"""

from dataclasses import dataclass

from torch import Tensor

from talk2dino_ros.engine.decision.score_map import ScoreMap

__all__ = ["Decision", "ScoreMap"]


@dataclass(frozen=True)
class Decision:
    """How pixels are decided: `Decision(...)(contenders, rivals, size, ids)`.

    background: a constant score that competes with the classes and wins ties (it stands first in the authors'
    argmax); None: none. logit_scale: the scale at which the mapping was trained (InfoNCE, Talk2DINO section 3.3).
    unlabeled_id: the class id where no class won; a class that has it too (a distractor) is unlabeled.
    """

    background: float | None
    logit_scale: float
    unlabeled_id: int

    def __call__(self, contenders: ScoreMap, rivals: ScoreMap | None, size: tuple[int, int], ids: Tensor) -> Tensor:
        """Upsample bilinearly, take the best contender, and say how sure it is.

        contenders: the C classes that can win. rivals: classes that cannot, and only count in the confidence.
        size: (H, W) of the result. ids: uint8 [C].
        Returns uint8 [2, H, W]: class ids, and confidence, 0 where unlabeled: the softmax of
        logit_scale * logit(score) over contenders, rivals and the background, times 255.
        """
        if contenders.values.device.type == "cpu":
            from talk2dino_ros.engine.decision.cpu import decide_cpu  # numba is not needed where a GPU decides

            return decide_cpu(self, contenders, rivals, size, ids)
        from talk2dino_ros.engine.decision.plain import decide_plain

        return decide_plain(self, contenders, rivals, size, ids)
