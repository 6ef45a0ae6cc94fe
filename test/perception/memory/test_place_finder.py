# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from memory_oracles import slow_components
from memory_story import keyframe, pose_at

from talk2dino_ros.perception.evidence import MIN_EVIDENCE
from talk2dino_ros.perception.memory.place_finder import Search, Winners, components, find_places
from talk2dino_ros.perception.memory.voxel_map import VoxelMap, voxel_keys
from talk2dino_ros.perception.memory.word_query import WordQuery

CELL = 0.1
MUG, TABLE, FLOOR = np.eye(3, dtype=np.float32)
# word, competitor; a voxel of the mug has cosine 1 with the first
QUERY = WordQuery("mug", np.array([MUG, TABLE]), background=0.6, logit_scale=10.0)
EYE = pose_at(0.05, 0.05, 1.05)


def map_of(*patches, stamp_s: float = 1.0) -> VoxelMap:
    """A map of patches, each a point and a feature, all seen at once."""
    voxels = VoxelMap(CELL, 3)
    points, features = zip(*patches, strict=True)
    voxels.add(keyframe(points, features, pose=EYE, stamp_s=stamp_s), 1)
    return voxels


def places_of(voxels: VoxelMap, query: WordQuery = QUERY, among=True, min_evidence: float = 0.0, **search):
    """The places, however little evidence they have."""
    winners = Winners.of(voxels, query, query.vectors)
    wanted = Search(min_evidence=min_evidence, **search)
    return find_places(voxels, query, winners, np.full(len(voxels.keys), among), wanted)


def test_two_equal_objects_0_4_m_apart_are_two_places():
    places = places_of(map_of(((2.05, 0.05, 1.05), MUG), ((2.05, 0.45, 1.05), MUG)))
    assert sorted(round(place.position[1], 6) for place in places) == [0.05, 0.45]


def test_an_object_at_a_voxels_border_is_one_place():
    """Seen on both sides of y = 0.1, of z = 1.1, and of the corner where both meet."""
    voxels = map_of(((2.05, 0.099, 1.05), MUG), ((2.05, 0.101, 1.05), MUG), ((2.05, 0.201, 1.101), MUG))
    (place,) = places_of(voxels)
    assert len(place.keys) == 3
    np.testing.assert_allclose(place.position, [2.05, 0.15, 1.05 + 0.1 / 3])
    np.testing.assert_allclose(place.extent, [0.1, 0.3, 0.2])


def test_a_places_detections_are_those_of_its_most_seen_voxel_and_not_of_its_surest():
    """The pure mug in one image, its less pure neighbour in that one and in two more."""
    pure, other = ((2.05, 0.05, 1.05), MUG), ((2.15, 0.05, 1.05), np.array([0.8, 0.6, 0.0], np.float32))
    voxels = map_of(pure, other)
    for number in (2, 3):
        voxels.add(keyframe([other[0]], [other[1]], pose=pose_at(2.15, 1.05, 1.05), stamp_s=number), number)
    (place,) = places_of(voxels)
    assert (len(place.keys), place.detections) == (2, 3)


def test_a_places_values_computed_by_hand():
    """Two voxels: a pure mug, and one between mug (cosine 0.8) and table (0.6)."""
    voxels = VoxelMap(CELL, 3)
    patches = [((2.05, 0.05, 1.05), MUG), ((2.15, 0.05, 1.05), [0.8, 0.6, 0.0])]
    points, features = zip(*patches, strict=True)
    voxels.add(keyframe(points, features, pose=EYE, stamp_s=7), 4)
    voxels.add(keyframe(points[:1], features[:1], pose=pose_at(1.05, 0.05, 1.05), stamp_s=9), 6)
    (place,) = places_of(voxels)
    sigmoid = lambda value: 1 / (1 + np.exp(-value))  # noqa: E731
    margins = np.array([sigmoid(1) - 0.6, sigmoid(0.8) - sigmoid(0.6)])
    assert place.score == pytest.approx((sigmoid(1) + sigmoid(0.8)) / 2, abs=2e-3)
    assert place.margin == pytest.approx(margins.mean(), abs=2e-3)
    middle = 2.05 + 0.1 * margins[1] / margins.sum()
    np.testing.assert_allclose(place.position, [middle, 0.05, 1.05], atol=2e-3)
    away = np.array([2.05, 2.15]) - middle
    expected = np.diag([np.square(away).mean(), 0, 0]) + np.eye(3) * 0.01 / 12
    np.testing.assert_allclose(np.reshape(place.covariance, (3, 3)), expected, atol=1e-4)
    against = (np.log(0.6 / 0.4) + 0.6) / 2  # the background's cosine for one, the table's for the other
    assert place.confidence == pytest.approx(sigmoid(10 * (0.9 - against)), abs=5e-3)
    assert (place.first_ns, place.last_ns, place.detections) == (7 * 10**9, 9 * 10**9, 2)
    assert place.view == 6  # from 1 m; 4 saw both, from 2 m
    # the leads are 1 - 0.4055 (the background's cosine) and 0.8 - 0.6; two images saw the first voxel, one the second,
    # beside five that have not decided; two voxels count as the square root of two
    assert place.evidence == pytest.approx(10 * (0.5945 * 2 / 7 + 0.2 * 1 / 6) / 2**0.5, abs=0.02)


def test_a_competitor_and_the_background_win_their_voxels():
    voxels = map_of(((2.05, 0.05, 1.05), TABLE), ((2.05, 0.45, 1.05), FLOOR), ((2.05, 0.85, 1.05), [0.55, 0.6, 0.58]))
    assert places_of(voxels) == []
    faint = map_of(((2.05, 0.05, 1.05), [0.4, 0.0, 0.9165]))  # sigmoid(0.4) is 0.599
    assert places_of(faint) == []
    unbounded = WordQuery("mug", QUERY.vectors, background=None, logit_scale=10.0)
    assert len(places_of(faint, unbounded)) == 1


def test_a_word_without_competitors_is_found_by_the_background_alone():
    alone = WordQuery("mug", QUERY.vectors[:1], background=0.6, logit_scale=10.0)
    assert len(places_of(map_of(((2.05, 0.05, 1.05), MUG), ((2.05, 0.45, 1.05), TABLE)), alone)) == 1


def test_min_score_and_among_leave_voxels_out():
    voxels = map_of(((2.05, 0.05, 1.05), MUG), ((2.05, 0.45, 1.05), [0.8, 0.0, 0.6]))
    assert [len(places_of(voxels, min_score=score)) for score in (0.0, 0.7, 0.74)] == [2, 1, 0]
    assert places_of(voxels, among=False) == []


def test_the_surest_and_largest_come_first():
    """Of one image each, so a sixth: leads 0.8 - 0.4055 in four voxels, 1 - 0.4055, 0.5 - 0.4055."""
    large = [((2.05, 0.05 + 0.1 * step, 1.05), [0.8, 0.0, 0.6]) for step in range(4)]
    small = ((2.05, 1.05, 1.05), MUG)
    faint = ((2.05, 2.05, 1.05), [0.5, 0.0, 0.866])
    places = places_of(map_of(small, *large, faint))
    assert [len(place.keys) for place in places] == [4, 1, 1]
    assert [place.evidence for place in places] == pytest.approx([2 * 3.945 / 6, 5.945 / 6, 0.945 / 6], abs=0.01)


def seen_often(*objects: tuple[float, object, int, float]) -> VoxelMap:
    """A map of single voxels, each at a y, with a feature, seen so many times from a stamp on, once a second."""
    voxels, number = VoxelMap(CELL, 3), 0
    for y, feature, times, first_s in objects:
        for step in range(times):
            number += 1
            one = keyframe([(2.05, y, 1.05)], [feature], pose=EYE, stamp_s=first_s + step)
            voxels.add(one, number)
    return voxels


FAINT = (0.6055, 0.0, 0.7958)  # a lead of 0.2 over the background


def test_what_14_images_have_seen_comes_before_what_one_image_has_seen_more_clearly():
    """2 x 14/19 against 5.945 x 1/6; a mean over the images alone would say the other way round."""
    voxels = seen_often((0.05, MUG, 1, 5), (1.05, FAINT, 14, 1))
    often, once = places_of(voxels)
    assert (often.detections, once.detections) == (14, 1)
    assert often.evidence == pytest.approx(2 * 14 / 19, abs=0.06)  # a step of its codes is 0.007 of a cosine
    assert once.evidence == pytest.approx(5.945 / 6, abs=0.01)
    assert often.margin < once.margin


def test_a_place_of_too_little_evidence_is_none():
    """By the default, 0.7, odds of two to one: 2 x 2/7 = 0.57, 2 x 4/9 = 0.89."""
    voxels = seen_often((1.05, FAINT, 2, 1), (2.05, FAINT, 4, 1))
    (place,) = places_of(voxels, min_evidence=MIN_EVIDENCE)
    assert place.position[1] == pytest.approx(2.05)
    assert len(places_of(voxels, min_evidence=0.5)) == 2
    assert abs(MIN_EVIDENCE - np.log(2)) < 0.01


def test_of_two_places_the_one_that_is_newer_than_the_others_last_sight_counts_twice():
    """A mug was seen 6 times until 6 s; from 100 s on one is elsewhere, seen 4 times: 6/11 > 4/9 > 1/2 * 6/11."""
    moved = seen_often((0.05, MUG, 6, 1), (1.05, MUG, 4, 100))
    assert [round(place.position[1], 2) for place in places_of(moved)] == [1.05, 0.05]
    both = seen_often((0.05, MUG, 5, 1), (1.05, MUG, 4, 100), (0.05, MUG, 1, 105))  # the first one is still there
    assert [round(place.position[1], 2) for place in places_of(both)] == [0.05, 1.05]
    glimpse = seen_often((0.05, MUG, 6, 1), (1.05, MUG, 1, 100))  # 1/6 < 1/2 * 6/11
    assert [round(place.position[1], 2) for place in places_of(glimpse)] == [0.05, 1.05]


def test_only_so_many_are_described_and_only_those_near_a_point():
    patches = [((2.05, 0.05 + 0.4 * number, 1.05), [0.7 + 0.05 * number, 0.0, 0.5]) for number in range(5)]
    voxels = map_of(*patches)
    all_places = places_of(voxels)
    assert [round(place.position[1], 2) for place in all_places] == [1.65, 1.25, 0.85, 0.45, 0.05]
    assert [place.position for place in places_of(voxels, most=2)] == [place.position for place in all_places[:2]]
    near = places_of(voxels, near=(2.0, 0.5, 1.0), within_m=0.2)
    assert [round(place.position[1], 2) for place in near] == [0.45]


def test_an_empty_map_has_no_places():
    assert places_of(VoxelMap(CELL, 3)) == []


@pytest.mark.parametrize("seed", range(5))
def test_components_are_those_of_a_plain_flood(seed):
    random = np.random.default_rng(seed)
    cells = np.unique(random.integers(-6, 6, (150, 3)), axis=0)
    random.shuffle(cells)
    labels = components(voxel_keys((cells + 0.5) * CELL, CELL)[0])
    found = [{tuple(cell) for cell in cells[labels == label].tolist()} for label in np.unique(labels)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, slow_components([tuple(cell) for cell in cells.tolist()])))
    assert len(found) > 1
