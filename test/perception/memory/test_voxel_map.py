# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from memory_oracles import SlowMap
from memory_story import keyframe, pose_at, seeded_keyframe

from talk2dino_ros.perception.memory.voxel_map import LEAST_ROOM, VoxelMap, voxel_centres, voxel_keys

CELL = 0.1
RED, GREEN = [1.0, 0, 0, 0, 0, 0, 0, 0], [0, 1.0, 0, 0, 0, 0, 0, 0]


def map_of(*keyframes, width: int = 8) -> VoxelMap:
    voxels = VoxelMap(CELL, width)
    for number, each in enumerate(keyframes, start=1):
        voxels.add(each, number)
    return voxels


def is_there(voxels: VoxelMap, *points) -> list[bool]:
    indices = voxels.find(voxel_keys(np.array(points, float), CELL)[0])
    return [bool(index >= 0 and voxels.columns["detections"][index] > 0) for index in indices]


def wall(x: float, feature=GREEN, *, eye: float, stamp_s: float = 2.0):
    """A wall across x, seen by a camera at x = eye, y = 0.05, z = 1.05, in all its cells around the line of sight."""
    ys, zs = np.meshgrid(np.arange(-0.35, 0.5, 0.1), np.arange(0.65, 1.5, 0.1))
    points = np.column_stack([np.full(ys.size, x), ys.ravel(), zs.ravel()])
    return keyframe(points, [feature] * len(points), pose=pose_at(eye, 0.05, 1.05), stamp_s=stamp_s)


def test_keys_and_centres_are_each_others_inverse_on_both_sides_of_zero():
    points = np.array([[0.04, -0.04, 0.0], [-0.1, 0.1, 99999.96], [-104857.3, 5.0, -3.14]])
    keys, good = voxel_keys(points, CELL)
    assert good.all()
    np.testing.assert_allclose(
        voxel_centres(keys, CELL), [[0.05, -0.05, 0.05], [-0.05, 0.15, 99999.95], [-104857.25, 5.05, -3.15]]
    )
    assert len(np.unique(keys)) == 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 104857.6, -104857.6])
def test_points_without_a_place_have_no_key(value):
    assert voxel_keys(np.array([[0.0, value, 0.0], [0.0, 0.0, 0.0]]), CELL)[1].tolist() == [False, True]


def test_two_patches_in_a_voxel_are_averaged_by_weight_and_count_once():
    """One patch at 1 m (weight 1), one at 2 m (weight 1/4): 0.8 red and 0.2 green."""
    near = keyframe([[1.05, 0.05, 1.05]], [RED], pose=pose_at(0.05, 0.05, 1.05), stamp_s=5)
    far = keyframe([[1.05, 0.05, 1.05]], [GREEN], pose=pose_at(-0.95, 0.05, 1.05), stamp_s=3)
    voxels = map_of(near, far)
    assert len(voxels) == 1
    np.testing.assert_allclose(voxels.features[0], [0.8, 0.2, 0, 0, 0, 0, 0, 0], atol=0.8 / 127)
    column = voxels.columns[0]
    assert (column["detections"], column["first_ns"], column["last_ns"]) == (2, 3 * 10**9, 5 * 10**9)
    assert column["best_keyframe"] == 1
    assert column["weight"] == pytest.approx(1.25, abs=0.01)
    both = keyframe([[1.05, 0.05, 1.05], [1.06, 0.05, 1.05]], [RED, GREEN], pose=pose_at(0.05, 0.05, 1.05))
    assert map_of(both).columns[0]["detections"] == 1


def test_what_changes_slowly_is_taken_in_though_each_change_is_less_than_a_step():
    """Rounded to the nearest, 1000 keyframes of green over 1000 of red would have stayed somewhere between."""
    voxels = VoxelMap(CELL, 8)
    for number in range(2000):
        feature = RED if number < 1000 else GREEN
        voxels.add(keyframe([[1.05, 0.05, 1.05]], [feature], pose=pose_at(0.05, 0.05, 1.05)), number)
    np.testing.assert_allclose(voxels.features[0], GREEN, atol=2.5 / 127)


def test_a_ray_that_ends_in_a_voxel_does_not_erase_it():
    voxels = map_of(*[wall(2.05, eye=0.05)] * 6)
    assert len(voxels) == 81
    assert voxels.removed == 0


def test_the_cell_before_the_surface_is_spared():
    """A cup's front one cell before the wall: rays to the wall beside it graze its cells."""
    front = keyframe([[1.95, 0.05, 1.05], [1.85, 0.05, 1.05]], [RED, RED], pose=pose_at(0.05, 0.05, 1.05))
    voxels = map_of(front, *[wall(2.05, eye=0.05)] * 3)
    assert is_there(voxels, (1.95, 0.05, 1.05), (1.85, 0.05, 1.05)) == [True, False]


def test_what_was_taken_away_is_gone_once_its_place_was_seen_through_more_often_than_it_was_seen():
    cup = keyframe([[1.05, 0.05, 1.05]], [RED], pose=pose_at(0.05, 0.05, 1.05))
    once, thrice = map_of(cup), map_of(cup, cup, cup)
    for number in range(10, 13):
        gone_before = [not any(is_there(voxels, (1.05, 0.05, 1.05))) for voxels in (once, thrice)]
        assert gone_before == [number > 11, False]
        once.add(wall(2.05, eye=0.05), number)
        thrice.add(wall(2.05, eye=0.05), number)
    assert is_there(thrice, (1.05, 0.05, 1.05)) == [False]
    assert thrice.removed == 1
    assert len(thrice) == 81


def test_it_is_not_gone_before_its_place_is_looked_at_and_a_new_look_counts_anew():
    cup = keyframe([[1.05, 0.05, 1.05]], [RED], pose=pose_at(0.05, 0.05, 1.05))
    voxels = map_of(cup, *[wall(0.85, eye=0.05)] * 9)  # something stands before it
    assert is_there(voxels, (1.05, 0.05, 1.05)) == [True]
    through = wall(2.05, eye=0.05)
    voxels = map_of(cup, cup, through, through, cup, through, through)
    assert is_there(voxels, (1.05, 0.05, 1.05)) == [True]


def test_a_voxel_that_is_there_again_begins_anew():
    cup, again = (
        keyframe([[1.05, 0.05, 1.05]], [feature], pose=pose_at(0.05, 0.05, 1.05), stamp_s=stamp)
        for feature, stamp in ((RED, 1), (GREEN, 9))
    )
    voxels = map_of(cup, wall(2.05, eye=0.05), wall(2.05, eye=0.05), again)
    index = voxels.find(voxel_keys(np.array([[1.05, 0.05, 1.05]]), CELL)[0])[0]
    assert (voxels.columns[index]["detections"], voxels.columns[index]["first_ns"]) == (1, 9 * 10**9)
    np.testing.assert_allclose(voxels.features[index], GREEN, atol=1 / 127)


def test_a_wall_seen_from_both_sides_stays():
    """Its two faces are in neighbouring cells; rays to one end before the other."""
    voxels = map_of(*[wall(2.05, eye=0.05), wall(2.15, RED, eye=4.05)] * 4)
    assert is_there(voxels, (2.05, 0.05, 1.05), (2.15, 0.05, 1.05)) == [True, True]
    assert len(voxels) == 162


@pytest.mark.parametrize("cell_m", [0.1, 0.35])
def test_it_is_what_plain_loops_over_dictionaries_make(cell_m):
    voxels, slow = VoxelMap(cell_m, 8), SlowMap(cell_m, 8)
    random = np.random.default_rng(7)
    for number in range(1, 25):
        points = np.round(random.uniform((0.5, -1, 0), (3, 1, 2), (60, 3)), 1)  # many in one cell
        eye = pose_at(*random.uniform((-1, -1, 0), (0, 1, 2)))  # no ray through a corner: both ways around are right
        each = keyframe(points + 0.013, random.normal(size=(60, 8)), pose=eye, stamp_s=float(random.integers(1, 99)))
        voxels.add(each, number)
        slow.add(each, number)
    alive = voxels.columns["detections"] > 0
    cells = [
        tuple(cell) for cell in np.rint(voxel_centres(voxels.keys[alive], cell_m) / cell_m - 0.5).astype(int).tolist()
    ]
    assert sorted(cells) == sorted(slow.voxels)
    assert voxels.removed > 20
    for cell, column, feature in zip(cells, voxels.columns[alive], voxels.features[alive], strict=True):
        expected = slow.voxels[cell]
        assert (column["detections"], column["passed"]) == (expected.detections, expected.passed)
        assert (column["first_ns"], column["last_ns"]) == (expected.first_ns, expected.last_ns)
        assert column["best_keyframe"] == expected.best[1]
        assert column["weight"] == pytest.approx(expected.weight, rel=1e-4)
        np.testing.assert_allclose(feature, expected.feature, atol=6 * np.abs(expected.feature).max() / 127)


def test_it_is_the_same_to_the_bit_when_it_is_built_again():
    keyframes = [seeded_keyframe(seed, patches=300) for seed in range(1, 8)]
    one, other = map_of(*keyframes), map_of(*keyframes)
    for name in ("keys", "codes", "columns"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    one.clear()
    assert (len(one), one.removed, len(one.keys)) == (0, 0, 0)


def test_a_keyframe_of_a_smaller_basis_has_zeros_for_the_rest():
    voxels = map_of(keyframe([[1, 0, 1]], [[1.0, 0, 0]]), width=5)
    assert voxels.features[0].tolist() == [1, 0, 0, 0, 0]


def test_many_voxels_are_all_found_again_while_the_arrays_grow_and_the_gone_are_dropped():
    random, voxels, points = np.random.default_rng(3), VoxelMap(CELL, 8), []
    for number in range(1, 40):
        each = keyframe(random.uniform(-20, 20, (1000, 3)), random.normal(size=(1000, 8)), pose=pose_at(0, 0, 0))
        voxels.add(each, number)
        points.append(each.points)
        voxels.columns["detections"][::3] = 0  # as if seen through
        voxels.columns["detections"][len(voxels.keys) - 300 :] = 1
    there = voxels.find(voxels.keys.copy())
    assert np.array_equal(there, np.arange(len(voxels.keys)))
    assert len(voxels.keys) < 30_000
    assert is_there(voxels, *points[-1][-200:]).count(True) == 200
    assert voxels.find(voxel_keys(np.array([[50.0, 50.0, 50.0]]), CELL)[0]).tolist() == [-1]


def test_rays_meet_voxels_in_blocks_around_zero_and_after_the_arrays_have_grown():
    """A row of cups on a line of sight through zero, and a crowd elsewhere for which the arrays grow."""
    eye, ends = pose_at(-3.95, 0.05, 0.05), [[4.05, 0.05, 0.05]]
    cups = [[x + 0.05, 0.05, 0.05] for x in np.arange(-3, 3, 0.1)]
    voxels = map_of(keyframe(cups, [RED] * len(cups), pose=pose_at(0.05, 5.05, 0.05)))
    crowd = np.random.default_rng(0).uniform((10, -9, -9), (28, 9, 9), (20_000, 3))
    voxels.add(keyframe(crowd, np.ones((len(crowd), 8)), pose=pose_at(9.5, 0.0, 0.0)), 2)
    assert len(voxels._keys) > LEAST_ROOM
    assert is_there(voxels, *cups).count(True) == len(cups)
    for number in (3, 4):
        voxels.add(keyframe(ends, [GREEN], pose=eye), number)
    assert is_there(voxels, *cups).count(True) == 0


def test_a_million_voxels_fit_500_mb_with_the_widest_features():
    """By their sizes, with the room that growing leaves at most."""
    voxels = VoxelMap(CELL, 256)
    voxels._count = 0
    voxels._grow(1_250_000)
    assert voxels.nbytes < 500e6


def test_cosines_are_those_of_plain_numpy_and_the_gone_win_nothing():
    voxels = map_of(*[seeded_keyframe(seed, patches=100) for seed in range(1, 5)])
    words = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    best, against = voxels.cosines(words, nothing=-0.1)
    products = voxels.features @ words.T
    alive = voxels.columns["detections"] > 0
    assert 0 < np.count_nonzero(~alive) < 50
    np.testing.assert_allclose(best[alive], products[alive, 0], atol=1e-5)
    expected = np.where(products[:, 0] > -0.1, np.maximum(products[:, 1:].max(axis=1), -0.1), -0.1)
    np.testing.assert_allclose(against[alive], expected[alive], atol=1e-5)
    assert (best[~alive] < against[~alive]).all()
