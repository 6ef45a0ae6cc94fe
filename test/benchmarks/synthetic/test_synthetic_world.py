# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from benchmarks.synthetic import synthetic_world
from benchmarks.synthetic.synthetic_world import COLOURS, GROUNDS, OBJECTS, SHAPES, SIZE, WORDS, draw_scenes


@pytest.fixture(scope="module")
def scenes():
    return draw_scenes(60, (7, 0))


def test_a_seed_draws_the_same_world_again_and_another_seed_another(scenes):
    again, other = draw_scenes(60, (7, 0)), draw_scenes(60, (7, 1))

    for scene, same in zip(scenes, again, strict=True):
        np.testing.assert_array_equal(scene.rgb, same.rgb)
        np.testing.assert_array_equal(scene.truth, same.truth)
        assert scene.captions == same.captions
    assert not any(np.array_equal(scene.rgb, another.rgb) for scene, another in zip(scenes, other, strict=True))


def test_the_ground_truth_has_each_object_and_the_ground_only(scenes):
    for scene in scenes:
        expected = {WORDS.index(f"{drawn.pattern} {drawn.colour} object") for drawn in scene.objects}
        assert set(np.unique(scene.truth)) == expected | {WORDS.index(scene.ground)}
        assert scene.rgb.shape == (SIZE, SIZE, 3)


def test_the_pixels_that_the_truth_gives_to_a_plain_object_have_its_colour(scenes):
    for scene in scenes:
        for drawn in scene.objects:
            if drawn.pattern == "plain":
                mean = scene.rgb[scene.truth == drawn.word].mean(axis=0) / 255
                expected = np.array(COLOURS[drawn.colour]) / 255
                # the light takes up to a fifth or clips, and an object's colour varies by some tens of 255
                assert np.abs(mean - expected).max() < 0.25


def test_half_of_a_pattern_is_dark_and_stripes_run_along_the_rows(scenes):
    seen = set()
    for scene in scenes:
        for drawn in scene.objects:
            there = scene.truth == drawn.word
            if drawn.shape != "disc" or sum(other.word == drawn.word for other in scene.objects) > 1:
                continue
            brightness = np.where(there, scene.rgb.max(axis=2).astype(float), np.nan)
            dark = (brightness < 0.7 * np.nanmax(brightness))[there].mean()
            along_rows = np.nanstd(brightness[there.sum(axis=1) > 8], axis=1).mean()
            seen.add(drawn.pattern)
            assert (dark > 0.3) == (drawn.pattern != "plain")
            assert (along_rows > 25) == (drawn.pattern == "chequered")
    assert len(seen) == 3


def test_shapes_have_their_geometric_areas(scenes):
    def area(shape):
        return synthetic_world._shape_mask(shape, 48, 48, 20.0, 0.3).sum() / 20.0**2

    assert area("disc") == pytest.approx(np.pi * 0.9**2, rel=0.02)
    assert area("ring") == pytest.approx(np.pi * (1.1**2 - 0.6**2), rel=0.02)
    # two bars of 2.2 x 0.66 that share a square
    assert area("cross") == pytest.approx(2 * 2.2 * 0.66 - 0.66**2, rel=0.03)
    # an equilateral triangle with an inscribed circle of 0.62
    assert area("triangle") == pytest.approx(3 * np.sqrt(3) * 0.62**2, rel=0.03)
    assert {drawn.shape for scene in scenes for drawn in scene.objects} == set(SHAPES)


def test_each_object_has_one_caption_that_names_it_and_the_ground_has_one(scenes):
    for scene in scenes:
        assert len(scene.captions) == len(scene.objects) + 1
        for drawn, caption in zip(scene.objects, scene.captions, strict=False):
            assert all(name in caption for name in (drawn.pattern, drawn.colour, drawn.shape))
            assert not any(other in caption for other in GROUNDS if other != scene.ground)
        assert scene.ground in scene.captions[-1]


def test_kinds_that_are_left_out_do_not_occur_unless_each_scene_is_to_have_one():
    left_out = OBJECTS[:9]

    without = draw_scenes(40, 1, without=left_out)
    with_one = draw_scenes(40, 1, without=left_out, each_with=left_out[:2])

    kinds = [[(drawn.pattern, drawn.colour) for drawn in scene.objects] for scene in without]
    assert not any(kind in left_out for of_scene in kinds for kind in of_scene)
    kinds = [[(drawn.pattern, drawn.colour) for drawn in scene.objects] for scene in with_one]
    assert all(sum(kind in left_out[:2] for kind in of_scene) == 1 for of_scene in kinds)
    assert not any(kind in left_out[2:] for of_scene in kinds for kind in of_scene)
