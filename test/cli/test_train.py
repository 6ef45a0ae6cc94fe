# SPDX-License-Identifier: Apache-2.0
"""`talk2dino train`: what is asked for wrongly is told before any work; test/engine/train/test_job.py trains."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from talk2dino_ros.cli.main import main
from talk2dino_ros.engine.models import mini
from talk2dino_ros.engine.models.projection import Projection
from talk2dino_ros.engine.train.anchor_words import collect_words, encode_texts
from talk2dino_ros.engine.train.anchors import PROJECTION_FILE

OUTPUT = ("--output", "own.safetensors")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["vitb", "photos", *OUTPUT], "there is no recipe 'vitb', expected mini, talk2dino_vitb"),
        (["nowhere.yaml", "photos", *OUTPUT], "there is no recipe 'nowhere.yaml'"),
        (["talk2dino_vitb", *OUTPUT], "DATA is missing, expected `talk2dino train talk2dino_vitb DATA --output"),
        (["talk2dino_vitb", "photos"], "--output is missing"),
        (["talk2dino_vitb", "photos", "--output", "pipe.safetensors"], "output is pipe.safetensors (it is a pipe"),
        (["talk2dino_vitb", "photos", "--output", "own.pth"], "output is own.pth, expected a file that ends in"),
        (["talk2dino_vitb", "photos", *OUTPUT, "--set", "epoch=3"], "--set has the key 'epoch', expected method"),
        (["talk2dino_vitb", "photos", *OUTPUT, "--set", "batch=0"], "batch is 0, expected 2 to"),
        (["talk2dino_vitb", "photos", *OUTPUT, "--workers", "-1"], "--workers is -1, expected a number from 0"),
        (["talk2dino_vitb", "photos", *OUTPUT, "--device", "gpu"], "device is 'gpu', expected auto, cpu"),
        (["talk2dino_vitb", "photos", *OUTPUT], "photos does not exist, expected COCO's"),
        (["talk2dino_vitb", "photos", *OUTPUT, "--set", "model=dinotxt_vitl"], "dinotxt_vitl has no projection"),
        (["talk2dino_vitb", "photos", *OUTPUT, "--set", "model=vitb"], "model is 'vitb', expected one of"),
        (["talk2dino_vitb", "photos", "--extract-only"], "--output is missing"),
        (["mini", "photos"], "the recipe mini is made of words alone, expected no DATA"),
        (["mini", "--set", "ridge=1"], "the recipe mini is made of words alone, expected no --set"),
        (["mini", "--store", "store"], "expected no --store"),
        (["mini", "--extract-only"], "expected no --extract-only"),
        (["mini", "--fresh"], "expected no --fresh"),
        (["mini", "--fresh-store"], "expected no --fresh-store"),
        (["mini", "--cluster", "local"], "expected no --cluster"),
        (["mini", "--tensorboard", "curves"], "expected no --tensorboard"),
        (["mini", "--device", "cpu"], "expected no --device"),
        (["mini", "--weights-dir", "weights"], "expected no --weights-dir"),
        (["mini", "--workers", "2"], "expected no --workers"),
    ],
)
def test_a_bad_call_ends_with_one_sentence_and_status_1(arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.safetensors")
    assert main(["train", *arguments]) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert [path.is_fifo() for path in tmp_path.iterdir()] == [True]


def test_the_command_is_declared_without_torch():
    code = "import sys, talk2dino_ros.cli.train\nassert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_recipe_of_words_needs_an_output_folder_and_overwrites_no_shipped_file(tmp_path, monkeypatch, capsys):
    written = []
    monkeypatch.setattr(
        "talk2dino_ros.engine.train.anchors.train_anchors", lambda _, folder: written.append(folder) or ()
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_bytes((mini.CONCEPTS_FILE.parent / "recipes" / "mini.yaml").read_bytes())
    for recipe, name in (("my.yaml", "my"), ("mini", "mini")):
        assert main(["train", recipe]) == 1
        said = f"--output is missing, expected a folder for what the recipe {name} makes; name one"
        assert said in capsys.readouterr().err
    for recipe in ("my.yaml", "mini"):
        assert main(["train", recipe, "--output", recipe]) == 0
    assert written == [Path("my.yaml"), Path("mini")]


@pytest.mark.slow
def test_the_train_command_reproduces_the_shipped_mini(tmp_path, capsys):
    """Twice the same bytes here; on another kind of CPU than the shipped files' up to the rounding of float16."""
    one, two, shipped = tmp_path / "one", tmp_path / "two", mini.CONCEPTS_FILE.parent
    for folder in (one, two):
        assert main(["train", "mini", "--output", str(folder)]) == 0
    out = capsys.readouterr().out
    for name in (PROJECTION_FILE, mini.CONCEPTS_FILE.name):
        assert (one / name).read_bytes() == (two / name).read_bytes()
        assert f"written to {one / name}" in out
    assert (one / mini.CONCEPTS_FILE.name).read_bytes() == mini.CONCEPTS_FILE.read_bytes()
    made, kept = (load_file(folder / PROJECTION_FILE) for folder in (one, shipped))
    assert made.keys() == kept.keys()
    for key in kept:
        torch.testing.assert_close(made[key].float(), kept[key].float(), rtol=0.01, atol=0.01)
    features = encode_texts(collect_words(shipped / "mini_words.yaml").texts)
    own, theirs = (vectors(folder / PROJECTION_FILE, features) for folder in (one, shipped))
    assert torch.equal(own.argmax(dim=-1), theirs.argmax(dim=-1))
    cosines = torch.cosine_similarity(own, theirs)
    assert cosines.min() > 0.99
    assert cosines.mean() > 0.9999


def vectors(file, features):
    """What a projection file of mini makes of text features."""
    projection = Projection(mini.TEXT_SIZE, mini.HIDDEN_SIZE, mini.EMBEDDING_SIZE).requires_grad_(False)
    projection.load_state_dict({key: tensor.float() for key, tensor in load_file(file).items()})
    return projection(features)
