# SPDX-License-Identifier: Apache-2.0
"""A zip of weights with wrong bits is refused in one sentence, wherever they are."""

import random

import pytest
import torch

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.weights.sources import LocalFile
from talk2dino_ros.engine.weights.state_dicts import is_torchscript
from talk2dino_ros.engine.weights.weights_files import Checkpoint, WeightsFile


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("zip") / "weights.pth"
    torch.save({"a": torch.eye(3), "b": torch.ones(5)}, path)
    return path.read_bytes()


def read(path):
    return Checkpoint(WeightsFile("image", LocalFile(path), "own", 1, torchscript_sha256="00" * 32), path).read()


@pytest.mark.parametrize("flips", [1, 4, 64])
def test_flipped_bits_give_tensors_or_a_weights_error(flips, archive, tmp_path):
    choice, path, refused = random.Random(flips), tmp_path / "weights.pth", 0
    for _ in range(150):
        damaged = bytearray(archive)
        for _ in range(flips):
            damaged[choice.randrange(len(damaged))] ^= 1 << choice.randrange(8)
        path.write_bytes(damaged)
        try:
            assert all(isinstance(each, torch.Tensor) for each in read(path).values())
        except WeightsError:
            refused += 1
    assert refused > 10  # not all are noticed: without a sum a weight is as good as another


def test_a_directory_of_another_version_is_no_archive_that_runs_code(archive, tmp_path):
    """Zip's `version needed to extract` in its central directory: Python's zipfile has an error of its own for it."""
    place = archive.index(b"PK\x01\x02") + 6
    (tmp_path / "weights.pth").write_bytes(archive[:place] + b"\xff\xff" + archive[place + 2 :])
    assert not is_torchscript(tmp_path / "weights.pth")
