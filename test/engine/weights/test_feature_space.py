# SPDX-License-Identifier: Apache-2.0
"""What makes two spaces of image features two, and what does not."""

import hashlib
from pathlib import Path

import pytest
import torch
from exported_models import tiny_row

from talk2dino_ros.engine.models import mini
from talk2dino_ros.engine.models.networks import Networks, load_networks
from talk2dino_ros.engine.models.patch_source import with_patch_source
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.weights.feature_space import feature_space
from talk2dino_ros.engine.weights.sources import HubFile
from talk2dino_ros.engine.weights.weights_files import Checkpoint, WeightsFile


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def written(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def networks_of(model, folder, dtype=torch.float32):
    """Networks whose files are only named, by role and content."""
    places = {file.role: Checkpoint(file, folder / file.role) for file in model.files}
    networks = Networks.__new__(Networks)
    networks._model, networks._checkpoints, networks._exported, networks.dtype = model, places, None, dtype
    return networks


def test_a_space_is_the_first_digits_of_the_sum_over_network_and_weights():
    expected = sha256(f"mini_1\n{'a' * 64}\n{'b' * 64}".encode())[:16]
    assert feature_space("mini_1", ["a" * 64, "b" * 64]) == expected


@pytest.fixture
def folder(tmp_path):
    for role in ("image", "head", "text", "projection"):
        written(tmp_path, role, role.encode())
    return tmp_path


def test_other_weights_another_head_or_another_network_are_another_space(folder):
    model = MODELS["dinotxt_vitl"]
    spaces = [networks_of(model, folder).feature_space]
    for role in ("image", "head"):
        written(folder, role, b"other")
        spaces.append(networks_of(model, folder).feature_space)
    spaces += [networks_of(MODELS[name], folder).feature_space for name in ("talk2dino_vitl", "dinotxtv3_vitl")]
    assert len(set(spaces)) == len(spaces)


def test_words_projection_and_precision_are_no_part_of_the_space(folder):
    before = networks_of(MODELS["talk2dino_vitb"], folder).feature_space
    for role in ("text", "projection"):
        written(folder, role, b"other")
    assert networks_of(MODELS["talk2dino_vitb"], folder, torch.bfloat16).feature_space == before


def test_the_patch_source_is_part_of_the_space(folder):
    row = MODELS["dinotxt_vitl"]
    head, backbone = (networks_of(with_patch_source(row, each), folder).feature_space for each in ("", "backbone"))
    assert networks_of(with_patch_source(row, "head"), folder).feature_space == head
    assert backbone != head
    assert backbone == feature_space("dinotxt_vit_large_patch14_reg4_dinov2_1_backbone", [sha256(b"image")])


def test_the_name_of_a_space_is_that_of_last_time(folder):
    """Stores on robots go by it: it must not change but with what it names."""
    encoded = "\n".join(["vit_base_patch14_reg4_dinov2_1", sha256(b"image")])
    assert networks_of(MODELS["talk2dino_vitb"], folder).feature_space == sha256(encoded.encode())[:16]


def test_minis_concepts_are_part_of_its_encodings_name():
    """They are image features too, from a file of this package; whoever changes it raises the number."""
    assert MODELS["mini"].image_encoding == "mini_1"
    found = sha256(Path(mini.CONCEPTS_FILE).read_bytes())
    assert found == "b9b9cb4cec778746f9a6133dbdaf2047bc819a8ebdeefaa2812ab54482eebd7e", (
        "the concepts have changed: raise the number of mini's image_encoding and mend this sum"
    )


def test_a_sum_that_the_caches_name_tells_is_not_computed(tmp_path):
    digits = sha256(b"weights")
    blob = written(tmp_path, f"blobs/{digits}", b"not read")
    link = tmp_path / "model.safetensors"
    link.symlink_to(blob)
    file = WeightsFile("image", HubFile("a/net", "model.safetensors"), "MIT", 9)
    assert Checkpoint(file, link).sha256 == digits
    assert Checkpoint(file, written(tmp_path, "own.safetensors", b"weights")).sha256 == digits
    short = written(tmp_path, f"net-{digits[:8]}.pth", b"weights")  # eight digits are known, and all are needed
    assert Checkpoint(file, short).sha256 == digits


def test_a_networks_space_is_that_of_its_file(tmp_path, seed):
    row = tiny_row("talk2dino_vitb", tmp_path, seed)
    networks = load_networks(row, "cpu", torch.float32, tmp_path, needs_text_encoder=False)
    assert networks.feature_space == feature_space(
        row.image_encoding, [sha256((tmp_path / "model.safetensors").read_bytes())]
    )
