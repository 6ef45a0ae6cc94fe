# SPDX-License-Identifier: Apache-2.0
"""In view, not sure, not in view: against a slow computation, patch by patch."""

import math

import numpy as np
import pytest

from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.perception.presence import PresenceState, not_looked_for, presences_of, state_of

SCALE = 14.0
NAMES = ["cup >= 0.6", "!wall", "?mug", "chair", "?cat >= 0.5"]
VECTORS = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0.9, 0.1, 0.4, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
RIVALS = {0: [1, 3], 2: [1, 3], 3: [0, 1], 4: [0, 1, 3]}  # of a mug is a cup no rival, but its kin


def vocabulary():
    return Vocabulary.from_embeddings(NAMES, VECTORS)


@pytest.mark.parametrize("background", [None, 0.55])
@pytest.mark.parametrize("seed", range(3))
def test_evidence_and_best_score_are_those_of_the_best_patch(seed, background):
    cosines = np.random.default_rng(seed).uniform(-0.3, 0.6, (5, 3, 4)).astype(np.float32)
    found = presences_of(vocabulary(), cosines, (), background, SCALE)
    assert [each.class_name for each in found] == ["cup", "mug", "chair", "cat"]
    for each, (number, rivals) in zip(found, RIVALS.items(), strict=True):
        own = {0: 0.6, 4: 0.5}.get(number)
        threshold = background if own is None else own
        leads = []
        for y, x in np.ndindex(3, 4):
            against = [float(cosines[rival, y, x]) for rival in rivals]
            against += [math.log(threshold / (1 - threshold))] if threshold else []
            leads.append(float(cosines[number, y, x]) - max(against))
        assert each.evidence == pytest.approx(SCALE * max(leads), abs=1e-5)
        assert each.best_score == pytest.approx(1 / (1 + math.exp(-cosines[number].max())), abs=1e-6)
        assert (each.threshold, each.has_own_threshold) == (threshold, own is not None)


@pytest.mark.parametrize(
    ("evidence", "threshold", "is_seen", "own", "expected"),
    [
        (0.1, 0.56, True, True, "IN_VIEW"),  # it reaches what was chosen for it
        (0.1, 0.55, True, False, "NOT_SURE"),  # just above the common threshold: less than two to one
        (0.7, 0.55, True, False, "IN_VIEW"),
        (9.0, None, True, False, "NOT_SURE"),  # each pixel is something: nobody said how much is enough
        (9.0, 0.56, False, True, "NOT_SURE"),  # a patch, and no region
        (-0.69, 0.56, False, True, "NOT_SURE"),
        (-0.7, 0.56, False, True, "NOT_IN_VIEW"),
        (-0.7, None, False, False, "NOT_IN_VIEW"),
        (-9.0, 0.55, True, False, "NOT_SURE"),  # refinement has brought a region where no patch is above
    ],
)
def test_a_class_is_in_view_by_its_regions_and_absent_where_no_patch_comes_near(
    evidence, threshold, is_seen, own, expected
):
    assert state_of(evidence, threshold, is_seen=is_seen, has_own_threshold=own).name == expected


def test_the_reason_says_the_score_the_threshold_and_who_is_against_it():
    cosines = np.array([0.30, 0.1, 0.2, 0.45, -0.2], np.float32).reshape(5, 1, 1)
    cup, mug, chair, cat = presences_of(vocabulary(), cosines, (2,), 0.55, SCALE)
    assert cup.reason.startswith("not in view: its best score is 0.574, the threshold is 0.600, and where it")
    assert "'chair' speaks most against it" in cup.reason
    assert mug.state is PresenceState.NOT_IN_VIEW
    assert (chair.state, chair.reason[:7]) == (PresenceState.IN_VIEW, "in view")
    assert "'cup' speaks most" in chair.reason
    assert "'chair' speaks most" in cat.reason
    (alone,) = presences_of(Vocabulary.from_embeddings(["cup"], [[1.0]]), cosines[:1], (1,), None, SCALE)
    assert alone.reason.endswith("is enough, and where it comes nearest no other word speaks against it")
    assert alone.state is PresenceState.NOT_SURE


def test_of_what_nobody_looked_at_nothing_is_said():
    found = not_looked_for(vocabulary(), "paused")
    assert [(each.class_name, each.state.name, each.reason) for each in found] == [
        (name, "NOT_LOOKED_FOR", "paused") for name in ("cup", "mug", "chair", "cat")
    ]
