# SPDX-License-Identifier: Apache-2.0
"""`talk2dino weights` with tiny models, through the command line's own parser."""

import argparse
import os
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch

from talk2dino_ros.cli.weights import add_weights_command
from talk2dino_ros.engine.errors import ModelError, WeightsError
from talk2dino_ros.engine.files.checksums import sha256_of
from talk2dino_ros.engine.models import registry
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.projection import load_projection
from talk2dino_ros.engine.weights.sources import GatedFile, HubFile, UrlFile
from talk2dino_ros.engine.weights.weights_files import WeightsFile

SIZES = {"text_size": 2, "hidden_size": 2, "embedding_size": 2}
LAYERS = {"linear_layer": torch.nn.Linear(2, 2), "hidden_layers.0": torch.nn.Linear(2, 2)}


@pytest.fixture
def caches(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "huggingface"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def weights(caches, monkeypatch):
    """Run `talk2dino weights …` over one model, `tiny`, of a projection that is here and a backbone that is not."""
    state = {f"{name}.{key}": t for name, layer in LAYERS.items() for key, t in layer.state_dict().items()}
    torch.save(state, caches / "p.pth")
    sums = {"p.pth": sha256_of(caches / "p.pth")}
    projection = WeightsFile("projection", UrlFile("http://localhost/p.pth"), "MIT", 3_940_000, sha256=sums)
    gate = GatedFile("https://example.org/ask", (HubFile("a/net.v1", "model.safetensors"),))
    image = WeightsFile("image", gate, "Gated License", 300_000_000, other_names=("net.pth",))
    model = Model(
        "tiny",
        "",
        (image, projection),
        load_image_encoder=lambda files, dtype: torch.nn.Identity(files["image"].read()),
        load_text_encoder=lambda files: torch.nn.Identity(),
        load_projection=lambda files: load_projection(files, **SIZES),
        patch_size=14,
        embedding_size=2,
        text_encoding="none",
        image_encoding="none",
        templates=("{}",),
        background=0.5,
    )
    monkeypatch.setattr(registry, "MODELS", {"tiny": model})

    def run(*arguments):
        parser = argparse.ArgumentParser()
        add_weights_command(parser.add_subparsers())
        options = parser.parse_args(["weights", *map(str, arguments)])
        return options.run(options)

    return run


@pytest.fixture
def backbone(caches):
    torch.save({"w": torch.zeros(1)}, caches / "net.pth")
    return caches / "net.pth"


def test_list_shows_each_file_with_size_licence_and_place(weights, caches, capsys):
    assert weights("list") == 0
    head, image, projection = capsys.readouterr().out.splitlines()
    assert head.split() == ["model", "role", "size", "licence", "file"]
    assert image.split(maxsplit=6) == [
        *["tiny", "image", "300", "MB", "Gated", "License"],
        "not here: https://example.org/ask",
    ]
    assert projection.split() == ["tiny", "projection", "4", "MB", "MIT", str(caches / "p.pth")]


def test_list_with_a_weights_dir_searches_that_alone(weights, tmp_path, capsys):
    assert weights("list", "--weights-dir", tmp_path) == 0
    assert capsys.readouterr().out.count("not here") == 2


def test_list_shows_where_dinov3s_licence_stands(capsys):
    parser = argparse.ArgumentParser()
    add_weights_command(parser.add_subparsers())
    options = parser.parse_args(["weights", "list"])
    assert options.run(options) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("weights of ")]
    assert [line.split()[2] for line in notes] == ["talk2dinov3_vitb", "talk2dinov3_vitl", "dinotxtv3_vitl"]
    page = "https://ai.meta.com/resources/models-and-libraries/dinov3-license/"
    assert all("DINOv3 License" in line and line.endswith(page) for line in notes)


def test_fetch_reports_every_file_and_fails_for_the_one_that_is_gated(weights, caches, capsys):
    assert weights("fetch", "tiny") == 1
    printed = capsys.readouterr()
    assert printed.out == f"projection: {caches / 'p.pth'}\n"
    assert "image: net.v1/model.safetensors is not on this machine" in printed.err


def test_fetch_to_a_folder_makes_a_weights_dir_that_verifies(weights, backbone, tmp_path, capsys):
    robot = tmp_path / "usb" / "robot"
    assert weights("fetch", "tiny", "--to", robot) == 0
    assert sorted(path.name for path in robot.iterdir()) == ["net.pth", "p.pth"]
    assert weights("verify", "tiny", "--weights-dir", robot) == 0
    assert "tiny: every key and shape is as expected" in capsys.readouterr().out


def test_the_image_files_alone_can_be_fetched_and_verified(weights, backbone, tmp_path, capsys):
    robot = tmp_path / "robot"
    assert weights("fetch", "tiny", "--to", robot, "--without-text-encoder") == 0
    assert [path.name for path in robot.iterdir()] == ["net.pth"]
    assert weights("verify", "tiny", "--weights-dir", robot, "--without-text-encoder") == 0
    assert "projection" not in capsys.readouterr().out
    assert weights("verify", "tiny", "--weights-dir", robot) == 1
    (robot / "net.pth").write_bytes(b"not tensors")
    with pytest.raises(WeightsError, match=r"net\.pth .*cannot be read"):
        weights("verify", "tiny", "--weights-dir", robot, "--without-text-encoder")


def test_fetch_to_a_place_that_cannot_be_written_fails_with_a_sentence(weights, backbone, tmp_path, capsys):
    (tmp_path / "robot").write_bytes(b"")
    assert weights("fetch", "tiny", "--to", tmp_path / "robot") == 1
    assert "p.pth could not be written" in capsys.readouterr().err


def test_fetch_to_a_folder_replaces_no_pipe_and_no_link(weights, backbone, tmp_path, capsys):
    robot = tmp_path / "robot"
    robot.mkdir()
    os.mkfifo(robot / "p.pth")
    (robot / "net.pth").symlink_to(tmp_path / "net_of_all_robots.pth")
    assert weights("fetch", "tiny", "--to", robot) == 1
    assert "it is a pipe" in capsys.readouterr().err
    assert (robot / "p.pth").is_fifo()
    assert (robot / "net.pth").is_symlink()
    assert (tmp_path / "net_of_all_robots.pth").stat().st_size > 0


def test_verify_says_which_sums_are_published(weights, backbone, capsys):
    assert weights("verify", "tiny") == 0
    out = capsys.readouterr().out
    assert f"{backbone} sha256 sum {sha256_of(backbone)} (none published)" in out
    assert f"sha256 sum {sha256_of(backbone.with_name('p.pth'))} as published" in out


def test_verify_fails_for_a_missing_file(weights, capsys):
    assert weights("verify", "tiny") == 1
    assert "; ask for it at https://example.org/ask and put it into a weights_dir\n" in capsys.readouterr().err


def test_verify_fails_for_a_changed_file(weights, backbone, caches, capsys):
    (caches / "p.pth").write_bytes(b"changed")
    assert weights("verify", "tiny") == 1
    assert "p.pth has the sha256 sum" in capsys.readouterr().err


def test_verify_with_a_weights_dir_searches_that_alone(weights, backbone, tmp_path, capsys):
    assert weights("verify", "tiny", "--weights-dir", tmp_path) == 1
    said = capsys.readouterr().err
    assert said.count("is not here") == 2
    assert f"run `talk2dino weights fetch tiny --to {tmp_path}`\n" in said


@pytest.mark.parametrize("action", [("verify", "tiny"), ("list",)])
def test_a_weights_dir_that_is_none_is_told_before_files_are_looked_for(weights, action):
    with pytest.raises(WeightsError, match=r"weights_dir is nowhere, expected a folder; create it or correct"):
        weights(*action, "--weights-dir", "nowhere")


def test_verify_fails_for_another_models_file(weights, backbone):
    backbone.write_bytes(b"not tensors")
    with pytest.raises(WeightsError, match=r"net\.pth .*cannot be read"):
        weights("verify", "tiny")


@pytest.mark.parametrize("action", ["fetch", "verify"])
def test_an_unknown_model_is_refused_with_the_names(weights, action):
    with pytest.raises(ModelError, match="expected one of tiny"):
        weights(action, "huge")
