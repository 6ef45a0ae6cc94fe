# SPDX-License-Identifier: Apache-2.0
"""The rules of Nav2's semantic layer, held by hand-made masks; and what they make of the shipped parameters."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from nav2_costs import Cost, Costs

CONFIG = Path(__file__).parents[2] / "config"
UNLABELED, PERSON, FLOOR, BACKGROUND = 255, 1, 2, 3
KEEP_AWAY = Cost(base_cost=200, max_cost=254, mark_confidence=100, samples_to_max_cost=2, dominant_priority=True)
FREE = Cost()
PLACE = (1.02, 0.02, 0.5)


def costs_of(**options) -> Costs:
    costs = Costs({"person": KEEP_AWAY, "floor": FREE, "background": FREE}, **options)
    costs.on_label_info({PERSON: "person", FLOOR: "floor", BACKGROUND: "background"})
    return costs


def observe(costs: Costs, stamp_s: float, *pixels: tuple[int, int], place=PLACE) -> int | None:
    """Show pixels of (id, confidence), all of one place; return that place's cost after an update."""
    ids, confidence = (np.array([values], np.uint8) for values in zip(*pixels, strict=True))
    points = np.full((1, len(pixels), 3), place, np.float32)
    costs.on_image(ids, confidence, points, stamp_s)
    costs.update(stamp_s)
    return costs.costmap.get(costs.tile_at(*PLACE[:2]))


def test_a_class_costs_its_base_until_it_was_seen_often_enough():
    costs = costs_of()
    assert observe(costs, 0.0, (PERSON, 200)) == 200
    assert observe(costs, 0.2, (PERSON, 200)) == 254


@pytest.mark.parametrize(("confidence", "cost"), [((100, 100), 200), ((100, 101), 254), ((90, 111), 254)])
def test_the_mean_confidence_has_to_be_above_mark_confidence(confidence, cost):
    costs = costs_of()
    observe(costs, 0.0, (PERSON, confidence[0]))
    assert observe(costs, 0.2, (PERSON, confidence[1])) == cost


def test_of_a_tiles_pixels_the_costliest_counts_or_the_surest():
    assert observe(costs_of(), 0.0, (FLOOR, 255), (PERSON, 10), (FLOOR, 255)) == 200
    assert observe(costs_of(use_cost_selection=False), 0.0, (FLOOR, 255), (PERSON, 10)) == 0


def test_confident_unlabeled_pixels_win_a_tile_and_leave_a_hole():
    assert observe(costs_of(use_cost_selection=False), 0.0, (UNLABELED, 255), (PERSON, 254)) is None


@pytest.mark.parametrize("place", [(0.1, 0.02, 0.0), (5.1, 0.02, 0.0), (1.02, 0.02, np.nan)])
def test_points_too_near_too_far_or_without_depth_do_not_count(place):
    costs = costs_of()
    observe(costs, 0.0, (PERSON, 200), place=place)
    assert costs.costmap == {}


def test_a_class_without_priority_takes_over_by_more_samples_only():
    costs = Costs({"floor": Cost(max_cost=10), "background": Cost(max_cost=20)})
    costs.on_label_info({FLOOR: "floor", BACKGROUND: "background"})
    seen = [FLOOR, FLOOR, BACKGROUND, BACKGROUND, BACKGROUND, FLOOR]
    assert [observe(costs, 0.1 * number, (each, 200)) for number, each in enumerate(seen)] == [10, 10, 10, 10, 20, 20]


def test_samples_of_other_classes_count_until_one_takes_over():
    """The dominant class's own samples do not drop them: the floor's second one is its third with those before."""
    costs = Costs({"floor": Cost(max_cost=10), "background": Cost(max_cost=20)})
    costs.on_label_info({FLOOR: "floor", BACKGROUND: "background"})
    seen = [FLOOR, BACKGROUND, FLOOR, BACKGROUND, BACKGROUND, FLOOR, FLOOR, FLOOR, FLOOR]
    costs_seen = [observe(costs, 0.1 * number, (each, 200)) for number, each in enumerate(seen)]
    assert costs_seen == [10, 10, 10, 10, 20, 20, 20, 20, 10]


def test_a_class_with_priority_takes_over_at_once():
    costs = costs_of()
    for number in range(9):
        observe(costs, 0.1 * number, (FLOOR, 200))
    assert observe(costs, 1.0, (PERSON, 200)) == 200


def test_samples_older_than_the_decay_time_are_dropped_and_the_next_class_follows():
    costs = costs_of(decay_s=1.0)
    assert observe(costs, 0.0, (PERSON, 200)) == 200
    assert observe(costs, 0.9, (FLOOR, 200)) == 200
    assert observe(costs, 1.1, (FLOOR, 200)) == 0


def test_a_name_that_no_class_type_lists_is_ignored():
    costs = costs_of()
    costs.on_label_info({7: "cup"})
    assert costs.ignored == {"cup"}
    assert observe(costs, 0.0, (7, 200)) is None


def test_a_name_that_no_class_type_lists_clears_nothing_where_it_takes_the_pixels_of_a_listed_one():
    """As the real layer did when `set_vocabulary` added a word that took a person's pixels."""
    costs = costs_of(decay_s=1.0)
    observe(costs, 0.0, (PERSON, 200))
    assert observe(costs, 0.4, (PERSON, 200)) == 254
    costs.on_label_info({PERSON: "person", BACKGROUND: "background", 7: "spacesuit"})
    assert [observe(costs, stamp_s, (7, 200)) for stamp_s in (0.8, 1.2, 1.6, 100.0)] == [254, 200, 200, 200]


def test_the_costs_of_a_name_that_is_removed_are_gone_with_the_next_update():
    """As the real layer did when `set_vocabulary` removed the person in view; what it has forgotten stays."""
    in_view, forgotten = costs_of(), costs_of()
    for costs in (in_view, forgotten):
        observe(costs, 0.0, (PERSON, 200))
        assert observe(costs, 0.2, (PERSON, 200)) == 254
    for costs, now_s in ((in_view, 0.4), (forgotten, 100.0)):
        costs.on_label_info({BACKGROUND: "background"})
        costs.update(now_s)
    tile = in_view.tile_at(*PLACE[:2])
    assert (in_view.costmap[tile], forgotten.costmap[tile]) == (0, 254)


def test_a_cell_that_nothing_is_known_of_any_more_keeps_its_cost():
    costs = costs_of()
    assert [observe(costs, stamp_s, (PERSON, 200)) for stamp_s in (0.0, 0.2)] == [200, 254]
    costs.update(1000.0)
    assert costs.costmap == {costs.tile_at(*PLACE[:2]): 254}


def shipped_costs(vocabulary: str) -> tuple[dict[str, Cost], float]:
    file = yaml.safe_load((CONFIG / f"nav2_layer_{vocabulary}.yaml").read_text())
    source = file["local_costmap"]["local_costmap"]["ros__parameters"]["semantic_layer"]["camera"]
    types = [dict(source[name]) for name in source["class_types"]]
    return {label: Cost(**each) for each in types for label in each.pop("classes")}, source["tile_map_decay_time"]


@pytest.mark.parametrize(
    ("name", "samples", "cost", "left"),
    [("person", 2, 254, 200), ("cup", 3, 180, 0), ("person", 1, 254, 254), ("cup", 1, 180, 180)],
)
def test_what_is_not_looked_at_any_more_falls_to_its_base_cost_with_its_samples(name, samples, cost, left):
    """As the real layer did, at 2 images a second, when the robot turned away or its camera stopped."""
    known, decay_s = shipped_costs("indoor")
    costs = Costs({name: replace(known[name], samples_to_max_cost=samples)}, decay_s=decay_s)
    costs.on_label_info({PERSON: name})
    assert [observe(costs, 0.2 * frame, (PERSON, 200)) for frame in range(5)][-1] == cost
    for frame in range(5, 60):
        costs.update(0.2 * frame)
    assert costs.costmap == {costs.tile_at(*PLACE[:2]): left}


@pytest.mark.parametrize(
    ("images_hz", "updates_hz", "samples", "left"),
    [
        (2, 5, 2, {200}),
        (30, 5, 2, {200, 254}),
        (3, 1, 2, {200, 254}),
        (30, 5, 8, {200}),
        (5, 5, 2, {200}),
        (6, 5, 2, {200, 254}),
        (30, 5, 7, {200}),
        (30, 5, 6, {200, 254}),
    ],
)
def test_below_which_image_rate_a_cost_out_of_sight_falls_for_certain(images_hz, updates_hz, samples, left):
    """Below updates_hz x (samples - 1): the first four as in the real layer, the others beside that bound."""
    assert {cost_left(images_hz, updates_hz, samples, phase=(step + 0.5) / 50) for step in range(50)} == left


def cost_left(images_hz: float, updates_hz: float, samples: int, *, phase: float) -> int:
    """Show a person for 4 s and then nothing; updates begin at a phase of their period, 0 to 1."""
    costs = Costs({"person": replace(KEEP_AWAY, samples_to_max_cost=samples)}, decay_s=2.0)
    costs.on_label_info({PERSON: "person"})
    images = [(number / images_hz, True) for number in range(round(4 * images_hz))]
    updates = [((number + phase) / updates_hz, False) for number in range(round(10 * updates_hz))]
    ids, confidence, points = np.full((1, 1), PERSON, np.uint8), np.full((1, 1), 200, np.uint8), np.float32([[PLACE]])
    for stamp_s, is_image in sorted(images + updates):
        if is_image:
            costs.on_image(ids, confidence, points, stamp_s)
        else:
            costs.update(stamp_s)
    return costs.costmap[costs.tile_at(*PLACE[:2])]


@pytest.mark.parametrize("rate_hz", [5, 30])
@pytest.mark.parametrize("behind", ["background", None], ids=["a class for what is nothing", "unlabeled"])
def test_a_person_who_left_is_gone_from_the_costmap_within_the_decay_time(rate_hz, behind):
    """With a class for what is nothing; without one, only a class that is there then would take the cost away."""
    known, decay_s = shipped_costs("indoor")
    costs = Costs(known, decay_s=decay_s)
    names = {PERSON: "person"} | ({BACKGROUND: behind} if behind else {})
    costs.on_label_info(names)
    here, gone_after = 3 * rate_hz, []
    for frame in range(here + round(2 * decay_s * rate_hz)):
        stamp_s = frame / rate_hz
        pixel = (PERSON, 200) if frame < here else (BACKGROUND, 128) if behind else (UNLABELED, 0)
        cost = observe(costs, stamp_s, pixel)
        if frame == here - 1:
            assert cost == 254
        if frame >= here and cost == 0:
            gone_after.append(stamp_s - (here - 1) / rate_hz)
    if behind:
        assert gone_after[0] <= decay_s
        assert len(gone_after) > decay_s * rate_hz  # and stays so
    else:
        assert gone_after == []
