# SPDX-License-Identifier: Apache-2.0
"""A tiny ViT to be converted, with an empty cache."""

from types import SimpleNamespace

import pytest
from exported_models import tiny_row

from talk2dino_ros.engine.models.networks import find_checkpoint
from talk2dino_ros.engine.openvino import openvino_encoder


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "talk2dino_ros" / "openvino"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, seed):
    """A row and the file of its image encoder."""
    folder = tmp_path_factory.mktemp("tiny")
    row = tiny_row("talk2dino_vitb", folder, seed)
    return SimpleNamespace(row=row, checkpoints={"image": find_checkpoint(row, "image", folder)})


@pytest.fixture
def opened(tiny):
    return lambda precision="fp32": openvino_encoder.open_openvino(tiny.row, tiny.checkpoints, precision)
