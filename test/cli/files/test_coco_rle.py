# SPDX-License-Identifier: Apache-2.0
"""COCO's RLE against a slow writing of its definition, and against texts that pycocotools 2.0.11 wrote."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from steady_examples import steady

from talk2dino_ros.cli.files.coco_rle import mask_of_rle, rle_of_classes


def slow_rle(own: np.ndarray) -> str:
    """One pixel and one number at a time, as cocodataset/cocoapi's maskApi.c has it."""
    pixels = [bool(own[row, column]) for column in range(own.shape[1]) for row in range(own.shape[0])]
    runs = [len(list(run)) for _, run in groupby(pixels)]
    runs = [0, *runs] if pixels[0] else runs
    return "".join(slow_number(run - (runs[place - 2] if place > 2 else 0)) for place, run in enumerate(runs))


def slow_number(number: int) -> str:
    text = ""
    while True:
        bits, number = number % 32, number // 32  # floor: the sign goes on to the left
        is_last = number == (-1 if bits & 16 else 0)
        text += chr(48 + bits + (0 if is_last else 32))
        if is_last:
            return text


@settings(steady, max_examples=200)
@given(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 3)), st.integers(1, 40)
)
def test_each_class_is_written_as_the_definition_has_it_and_read_back(mask, times):
    mask = np.repeat(np.repeat(mask, times, axis=0), 3, axis=1)  # long runs, too
    texts = rle_of_classes(mask, [0, 2, 3, 9])
    assert set(texts) == {0, 2, 3} & {*mask.reshape(-1).tolist()}
    for class_id, text in texts.items():
        assert text == slow_rle(mask == class_id)
        np.testing.assert_array_equal(mask_of_rle(text, mask.shape), mask == class_id)


def test_the_texts_are_those_of_pycocotools():
    large = np.zeros((3000, 4000), np.uint8)
    large[1500:1502, 2000] = large[7, 3999] = 1
    masks = [np.ones((1, 1), np.uint8), np.array([[0, 1, 1], [1, 1, 0]], np.uint8), large]
    assert [rle_of_classes(mask, [1])[1] for mask in masks] == ["01", "141", "ljTg52aonf5OomSYJ"]


@pytest.mark.parametrize("text", ["", "05", "0`3`4`4", "1O11"])
def test_what_does_not_fill_the_image_is_refused(text):
    with pytest.raises(ValueError, match="its runs do not add up to 2x2 pixels"):
        mask_of_rle(text, (2, 2))
