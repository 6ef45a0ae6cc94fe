# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from talk2dino_ros.viz.explain.blocks import above, beside, captioned, framed, padded, scaled, text_block


def plain(height, width, value):
    return np.full((height, width, 3), value, np.uint8)


def test_pictures_are_in_columns_and_rows_on_white():
    column = above([plain(2, 3, 10), plain(1, 5, 20)], gap=1)
    assert column[:, :, 0].tolist() == [[10, 10, 10, 255, 255], [10, 10, 10, 255, 255], [255] * 5, [20] * 5]
    row = beside([plain(2, 1, 10), plain(1, 2, 20)], gap=1)
    assert row[:, :, 0].tolist() == [[10, 255, 20, 20], [10, 255, 255, 255]]
    assert padded(plain(1, 1, 0), 1)[:, :, 1].tolist() == [[255] * 3, [255, 0, 255], [255] * 3]


def test_enlarged_patches_stay_squares_of_one_colour_and_what_shrinks_is_averaged():
    patches = np.array([[[0, 0, 0], [200, 100, 50]]], np.uint8)
    large = scaled(patches, 4, 2)
    np.testing.assert_array_equal(large, patches.repeat(2, axis=0).repeat(2, axis=1))
    np.testing.assert_array_equal(scaled(large, 1, 1)[0, 0], [100, 50, 25])


def test_a_frame_covers_the_edge_or_lies_within_it_and_the_picture_stays():
    picture = plain(5, 5, 9)
    outer = framed(picture, (1, 2, 3), 1)
    assert (outer[0] == (1, 2, 3)).all()
    assert (outer[:, -1] == (1, 2, 3)).all()
    assert (outer[1:-1, 1:-1] == 9).all()
    inner = framed(picture, (1, 2, 3), 1, inset=1)
    assert (inner[0] == 9).all()
    assert (inner[1, 1:-1] == (1, 2, 3)).all()
    assert inner[2, 2].tolist() == [9, 9, 9]
    assert (picture == 9).all()


def ink_columns(block):
    return np.flatnonzero((block < 128).any(axis=(0, 2)))


def test_text_is_wrapped_at_its_width_and_none_of_it_lost():
    short, long = text_block("cat", 200, 20), text_block("cat sofa table wall floor", 100, 20)
    assert short.shape[1] == 200
    assert long.shape[1] == 100
    assert len(long) % len(short) == 0
    assert len(long) > len(short)
    one_line = text_block("cat sofa table wall floor", 1000, 20)
    assert (long < 128).sum() == pytest.approx((one_line < 128).sum(), rel=0.05)
    assert ink_columns(short).max() < 60


def test_a_caption_stands_above_its_picture():
    block = captioned(plain(10, 120, 77), "cat", 20)
    assert (block[-10:] == 77).all()
    assert block.shape[1] == 120
    assert (block[:-10] < 128).any()
    assert not (block[:-10] == 77).all(axis=2).any()
