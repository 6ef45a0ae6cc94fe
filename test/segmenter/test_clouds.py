# SPDX-License-Identifier: Apache-2.0
"""The clouds that go out beside masks: for those who listen, of the mask's size."""

import numpy as np
import pytest
from scripted_pipeline import Bench, depth_of, image


def clouds_of(bench):
    return [values for _, what, *values in bench.published if what == "cloud"]


@pytest.mark.parametrize("metres", [2.0, None])
def test_a_cloud_has_the_masks_size_and_without_depth_no_points(metres):
    bench = Bench(mask_width=3, mask_height=2)
    bench.front.has_cloud_listener = True
    bench.depths["front"].depth = metres and depth_of(np.full((4, 6), metres))
    bench.process(front=image(red=7, height=4, width=6), rear=image())
    ((points, rgb, class_ids),) = clouds_of(bench)
    assert (points.shape, rgb.shape, class_ids.shape) == ((2, 3, 3), (2, 3, 3), (2, 3))
    assert np.array_equal(points[..., 2], np.full((2, 3), metres or np.nan), equal_nan=True)
    assert np.all(rgb[..., 0] == 7)
    assert np.all(class_ids == 1)


def test_while_paused_a_cloud_listener_gets_a_cloud_without_points_for_each_mask():
    bench = Bench()
    bench.front.has_cloud_listener = True
    bench.pipeline.enable(False)
    bench.process(front=image(height=4, width=6))
    ((points, _, class_ids),) = clouds_of(bench)
    assert np.isnan(points).all()
    assert np.all(class_ids == 255)
