# SPDX-License-Identifier: Apache-2.0
import pytest

from talk2dino_ros.perception.memory.disk.keyframe_store import KeyframeStore


@pytest.fixture
def store(tmp_path):
    store = KeyframeStore(tmp_path, "office")
    yield store
    store.close()
