# SPDX-License-Identifier: Apache-2.0
"""The tiny model and the photographs of training_photos.py, as fixtures."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_talk2dino import tiny_talk2dino
from training_job import Place
from training_photos import caption, encoded_photo, tiny_row, write_tiny_weights

from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.train.features.frozen import FrozenModel, open_frozen


@pytest.fixture(scope="session")
def tiny_weights(seed, tmp_path_factory) -> Path:
    """A weights_dir with the tiny backbone and text tower under the published names; no projection is there."""
    folder = tmp_path_factory.mktemp("weights")
    write_tiny_weights(seed, folder)
    return folder


@pytest.fixture
def tiny(tiny_weights) -> FrozenModel:
    return open_frozen(tiny_row(), device="cpu", weights_dir=tiny_weights)


@pytest.fixture
def photos(tmp_path_factory) -> Callable[..., Path]:
    """Write a folder of seeded photographs of two captions each, with a captions.jsonl."""

    def write(count: int, name: str = "photos") -> Path:
        folder = tmp_path_factory.mktemp(name)
        lines = []
        for number in range(count):
            (folder / f"{number:03}.jpg").write_bytes(encoded_photo(number))
            captions = [caption(number, 0), caption(number, 1)]
            lines.append(json.dumps({"image": f"{number:03}.jpg", "captions": captions}))
        (folder / "captions.jsonl").write_text("\n".join(lines))
        return folder

    return write


@pytest.fixture
def place(tmp_path, photos, tiny_weights, monkeypatch):
    monkeypatch.setitem(MODELS, "tiny", tiny_talk2dino())
    return Place(tmp_path, photos, tiny_weights, 30)
