# SPDX-License-Identifier: Apache-2.0
import pytest
from extraction import COUNT

from talk2dino_ros.engine.train.captions import CaptionSet, open_captions


@pytest.fixture
def captions(photos) -> CaptionSet:
    return open_captions(photos(COUNT), "train")
