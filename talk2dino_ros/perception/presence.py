# SPDX-License-Identifier: Apache-2.0
"""Whether a class is in view: in an image that does not show it, "not there" and "not sure" are two answers.

The evidence is the engine's log-odds, `logit_scale` times the cosine's lead over the strongest that speaks against the
class: its rivals and its threshold. It is that of the best patch, before cleaning, smoothing and refinement, so that a
class is only absent where no patch comes near it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.perception.evidence import MIN_EVIDENCE
from talk2dino_ros.perception.memory.word_query import scores_of

NO_RIVAL = -1.0  # the lowest cosine
_Best = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]  # per patch: the best cosine, and whose it is


class PresenceState(IntEnum):
    """As in talk2dino_msgs/msg/Presence."""

    NOT_LOOKED_FOR = 0
    NOT_IN_VIEW = 1
    NOT_SURE = 2
    IN_VIEW = 3


STATE_WORDS: dict[int, str] = {
    PresenceState.IN_VIEW: "in view",
    PresenceState.NOT_SURE: "not sure",
    PresenceState.NOT_IN_VIEW: "not in view",
    PresenceState.NOT_LOOKED_FOR: "not looked for",
}


@dataclass(frozen=True)
class Presence:
    """One class in one image; the fields are those of talk2dino_msgs/msg/Presence."""

    class_id: int
    class_name: str
    state: PresenceState
    reason: str
    best_score: float = float("nan")
    threshold: float | None = None
    has_own_threshold: bool = False
    evidence: float = float("nan")


def not_looked_for(vocabulary: Vocabulary, reason: str) -> list[Presence]:
    """Return what is to be said of an image that nobody looked at."""
    return [
        Presence(class_id, name, PresenceState.NOT_LOOKED_FOR, reason) for _, class_id, name, _ in _wanted(vocabulary)
    ]


def presences_of(
    vocabulary: Vocabulary,
    cosines: npt.NDArray[np.float32],
    seen: Collection[int],
    background: float | None,
    logit_scale: float,
) -> list[Presence]:
    """Return how the classes and questions of a vocabulary stand, in its order.

    cosines: float32 [C, h, w]. seen: the ids that have a region in the mask or in an answer. background: the score that
    a class without a threshold of its own has to be above, None where there is none.
    """
    patches = cosines.reshape(len(cosines), -1).astype(np.float64)
    rivals = _strongest_rivals(vocabulary, patches)
    found = []
    for number, class_id, name, own in _wanted(vocabulary):
        threshold = background if own is None else own
        best, whose = rivals[number]
        floor = NO_RIVAL if threshold is None else np.log(threshold / (1 - threshold))
        leads = patches[number] - np.maximum(best, floor)
        patch = int(leads.argmax())
        evidence = logit_scale * float(leads[patch])
        rival = vocabulary.names[whose[patch]] if best[patch] >= floor and best[patch] > NO_RIVAL else ""
        score = float(scores_of(patches[number].max()))
        state = state_of(evidence, threshold, is_seen=class_id in seen, has_own_threshold=own is not None)
        reason = _reason(state, score, threshold, rival)
        found.append(Presence(class_id, name, state, reason, score, threshold, own is not None, evidence))
    return found


def state_of(evidence: float, threshold: float | None, *, is_seen: bool, has_own_threshold: bool) -> PresenceState:
    """Return how one class stands.

    A threshold of its own was chosen for it, so a region that reaches it is the class. A common one says less: there
    the odds have to be two to one as well. Without any, every pixel goes to what it is most like, and that a class is
    there cannot be said.
    """
    if is_seen and threshold is not None and (has_own_threshold or evidence >= MIN_EVIDENCE):
        return PresenceState.IN_VIEW
    return PresenceState.NOT_SURE if is_seen or evidence > -MIN_EVIDENCE else PresenceState.NOT_IN_VIEW


def sureness(presence: Presence) -> tuple[int, float]:
    """Return by what the surest of several images' answers is chosen; a message of Presence has it too."""
    return int(presence.state), presence.evidence


def _wanted(vocabulary: Vocabulary) -> Iterator[tuple[int, int, str, float | None]]:
    """Iterate over number, id, name and own threshold of all but the distractors."""
    for number, (class_id, entry) in enumerate(zip(vocabulary.ids, vocabulary.classes, strict=True)):
        if not entry.distractor:
            yield number, class_id, entry.name, entry.threshold


def _strongest_rivals(vocabulary: Vocabulary, patches: npt.NDArray[np.float64]) -> dict[int, _Best]:
    """Return for each class's number, and each patch, the best cosine of those it competes with, and whose it is."""
    in_mask = vocabulary.in_mask()
    first, second = _two_best(patches, in_mask)
    return {
        number: _where(first[1] == number, second, first)
        if number in in_mask
        else _best(patches, vocabulary.against(number))
        for number, *_ in _wanted(vocabulary)
    }


def _two_best(patches: npt.NDArray[np.float64], numbers: list[int]) -> tuple[_Best, _Best]:
    """Return the best of these, and the best of the others: the rival of the best is the second, all else's the best.

    So the work grows with the number of classes, and not with its square.
    """
    first = _best(patches, numbers)
    others = patches.copy()
    np.put_along_axis(others, first[1][None], -np.inf, axis=0)
    return first, _best(others, numbers) if len(numbers) > 1 else _best(patches, [])


def _where(chosen: npt.NDArray[np.bool_], these: _Best, those: _Best) -> _Best:
    return np.where(chosen, these[0], those[0]), np.where(chosen, these[1], those[1])


def _best(patches: npt.NDArray[np.float64], numbers: list[int]) -> _Best:
    if not numbers:
        return np.full(patches.shape[1], NO_RIVAL), np.zeros(patches.shape[1], np.int64)
    some = patches[numbers]
    whose = some.argmax(axis=0)
    return np.take_along_axis(some, whose[None], axis=0)[0], np.array(numbers)[whose]


def _reason(state: PresenceState, score: float, threshold: float | None, rival: str) -> str:
    """Say in one sentence what the state rests on."""
    against = f"'{rival}' speaks most against it" if rival else "no other word speaks against it"
    asked = "no threshold says how much is enough" if threshold is None else f"the threshold is {threshold:.3f}"
    return f"{STATE_WORDS[state]}: its best score is {score:.3f}, {asked}, and where it comes nearest {against}"
