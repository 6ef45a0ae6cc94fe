# SPDX-License-Identifier: Apache-2.0
"""The proof that training learns, for one seed; benchmarks/results/synthetic_mapping_*.md has the margins over five."""

import pytest

from benchmarks.synthetic.proof import prove

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    return prove(tmp_path_factory.mktemp("synthetic"), seed=0, tests=100)


def test_the_mapping_names_unseen_scenes_several_times_better_than_chance(outcome):
    chance = max(outcome.constant, outcome.random, outcome.untrained, outcome.shuffled)

    assert outcome.mapped["max_score"] > 5 * chance


def test_choosing_a_head_beats_averaging_heads_and_patches(outcome):
    assert outcome.mapped["max_score"] > 1.3 * outcome.mapped["mean_heads"]
    assert outcome.mapped["max_score"] > 1.3 * outcome.mapped["average"]


def test_the_chosen_head_attends_to_the_named_object(outcome):
    weight = outcome.weight_on_named

    assert weight["max_score"] > 2 * weight["mean_heads"] > 2 * weight["average"]


def test_objects_that_nobody_has_ever_seen_are_named_from_their_pattern_and_colour(outcome):
    assert outcome.unseen["max_score"] > 5 * outcome.unseen_random
