# SPDX-License-Identifier: Apache-2.0
"""How far two encoders agree is how far they do where they do least."""

import pytest
import torch

from talk2dino_ros.engine.models.agreement import smallest_cosine
from talk2dino_ros.engine.models.vit import ImageFeatures


def features(patches, attention=None):
    attention = None if attention is None else torch.tensor(attention)
    return ImageFeatures(torch.tensor(patches).view(1, 2, 1, 2), attention)


def test_the_smallest_cosine_is_of_the_worst_patch_or_head():
    # patches (channel by channel): (3, 0) and (4, 5) beside (1, 0) and (0, 5): cosines 1 and 5 / sqrt(41)
    worst_patch = smallest_cosine(features([3.0, 4.0, 0.0, 5.0]), features([1.0, 0.0, 0.0, 5.0]))
    assert worst_patch == pytest.approx(5 / 41**0.5)
    same = [3.0, 4.0, 0.0, 5.0]
    assert smallest_cosine(features(same), features(same)) == pytest.approx(1)
    worst_head = smallest_cosine(features(same, [[[3.0, 4.0]]]), features(same, [[[4.0, 3.0]]]))
    assert worst_head == pytest.approx(24 / 25)
