# SPDX-License-Identifier: Apache-2.0
"""Smooth scores over a camera's images (EMA), so that a label on the edge between two classes does not flicker.

A mean over images of one patch only means something while the camera stands: what moves leaves a trail. So it is an
option that is off. The caller owns the memory, one per camera, and the segmenter stays without a state; making one
imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from talk2dino_ros.engine.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

    from talk2dino_ros.engine.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False)
class ScoredBy:
    """A vocabulary as a part of a memory's subject: equal to all with which an image has the same scores, as a
    threshold changes none.
    """

    vocabulary: Vocabulary

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ScoredBy) and self.vocabulary.scores_as(other.vocabulary)

    __hash__ = None  # type: ignore[assignment]


class ScoreMemory:
    """The exponential mean of the patches' scores over the images of one camera. Not for two threads at a time."""

    def __init__(self) -> None:
        self._subject: object = None  # what the scores are about; another one starts anew
        self._mean: list[Tensor] | None = None
        self._pending: tuple[object, list[Tensor]] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the next image stands alone."""
        return self._mean is None

    def mixed(self, subject: object, scores: list[Tensor], smoothing: float) -> list[Tensor]:
        """Return the mean of these scores, float32 [C, h, w] per window, with the remembered ones.

        subject: anything that differs where scores cannot be compared, such as the vocabulary. smoothing: the
        remembered ones' share, 0..1. Nothing is remembered before `keep`: an image that is tried twice counts once.
        """
        mean = self.mean_about(subject)
        if mean is not None:
            pairs = zip(scores, mean, strict=True)
            scores = [score.lerp(own, smoothing) for score, own in pairs]
        self.propose(subject, scores)
        return scores

    def mean_about(self, subject: object) -> list[Tensor] | None:
        """Return the remembered scores, None where there are none that are about the same."""
        return self._mean if self._subject == subject else None

    def propose(self, subject: object, scores: list[Tensor]) -> None:
        """Take a new mean, which is remembered with `keep`."""
        self._pending = (subject, scores)

    def keep(self) -> None:
        """Remember what was proposed last, by `mixed` too."""
        if self._pending is not None:
            self._subject, self._mean = self._pending
            self._pending = None

    def clear(self) -> None:
        """Forget all images: the camera moved, or a long time passed."""
        self._subject = self._mean = self._pending = None


Memories = ScoreMemory | Sequence[ScoreMemory | None] | None


def memory_per_image(memory: Memories, image_count: int, smoothing: float) -> list[ScoreMemory | None]:
    """Give each image of a batch its memory; where nothing is smoothed none, and theirs is emptied, as it gets stale.

    Raises ModelError where there is not one for each, or one for two images, which would mix two cameras.
    """
    if memory is None:
        return [None] * image_count
    memories: list[ScoreMemory | None] = [memory] if isinstance(memory, ScoreMemory) else list(memory)
    own = [id(one) for one in memories if one is not None]
    if len(memories) != image_count or len(set(own)) != len(own):
        raise ModelError(
            f"{len(memories)} score memories, {len(set(own))} of them different, were given for {image_count} images, "
            "expected one per image, or None for those that stand alone; make one per camera"
        )
    if smoothing:
        return memories
    for one in filter(None, memories):
        one.clear()
    return [None] * image_count
