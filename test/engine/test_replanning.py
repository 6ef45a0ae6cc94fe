# SPDX-License-Identifier: Apache-2.0
"""A stream whose resolution changes and changes back: planned once per size, with masks as if it had not."""

import numpy as np
import pytest

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.inference.crop_plan import make_plan
from talk2dino_ros.viz.pictures import read_picture


@pytest.mark.parametrize("options", [{}, {"input": "aspect"}, {"refine": "pamr", "refine_pixels": 64 * 48}])
def test_a_change_of_resolution_plans_once_per_size(options):
    segmenter = load_segmenter("mini", device="cpu", backend="torch", input_size=96, **options)
    vocabulary = segmenter.encode_vocabulary(["cup", "table"])
    photo = read_picture(PHOTOS / "coffee.jpg")
    small, large = photo[:120, :160], photo[:180, :320]
    make_plan.cache_clear()
    masks = [segmenter.segment(image, vocabulary).class_ids for image in (small, large, small, small, large, small)]
    info = make_plan.cache_info()
    assert (info.misses, info.hits) == (2, 4)
    assert [mask.shape for mask in masks] == [(120, 160), (180, 320), (120, 160), (120, 160), (180, 320), (120, 160)]
    for mask in masks[2:]:
        assert np.array_equal(mask, masks[0] if mask.shape == masks[0].shape else masks[1])
