# SPDX-License-Identifier: Apache-2.0
"""`talk2dino train` from photographs to a projection file, in this process."""

import contextlib
import json
import re
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors import safe_open
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_features import same

from talk2dino_ros.cli.main import main
from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.train.features.extract import extract
from talk2dino_ros.viz.pictures import read_picture


def test_photographs_become_a_projection_file_that_says_what_it_is_of(place, capsys):
    assert place.run("own.safetensors") == 0
    assert {key: tuple(value.shape) for key, value in place.state("own.safetensors").items()} == {
        "linear_layer.weight": (20, 24),
        "linear_layer.bias": (20,),
        "hidden_layers.0.weight": (48, 20),
        "hidden_layers.0.bias": (48,),
    }
    with safe_open(place.folder / "own.safetensors", "pt") as file:
        card = json.loads(file.metadata()["talk2dino_projection"])
    assert (card["model"], card["epoch"], card["images"], card["recipe"]["batch"]) == ("tiny", 4, 23, 6)
    assert len(card["image_sum"]) == len(card["text_sum"]) == 64
    assert card["validation"]["epoch"] == 4
    out = capsys.readouterr().out
    assert "train: 23 images" in out
    assert "val: 7 images" in out
    assert f"--projection-file {place.folder / 'own.safetensors'}" in out


def test_the_projection_file_is_what_the_segmenter_and_the_command_line_then_use(place, capsys):
    assert place.run("own.safetensors") == 0
    own = place.folder / "own.safetensors"
    segmenter = load_segmenter("tiny", device="cpu", weights_dir=place.weights, projection_file=own, input_size=56)
    assert same(segmenter.networks.projection.state_dict(), place.state("own.safetensors"))
    words = segmenter.encode_vocabulary(["red object", "blue object"])
    photo = read_picture(place.data / "000.jpg")
    seen = segmenter.segment(photo, words)
    options = ["--weights-dir", place.weights, "--device", "cpu", "--projection-file", own, "--input-size", 56]
    classes = ["--model", "tiny", "--classes", "red object; blue object", "--background", 0]
    arguments = ["segment", place.data / "000.jpg", *classes, *options, "--output", place.folder / "seen"]
    assert main(list(map(str, arguments))) == 0
    mask = cv2.imread(str(place.folder / "seen" / "000_mask.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(mask, seen.class_ids)


def test_curves_come_where_they_are_asked_for_and_an_extraction_alone_trains_nothing(place):
    curves = place.folder / "curves"
    assert place.run("own.safetensors", "--extract-only") == 0
    assert not list(place.folder.glob("own*"))
    assert place.run("own.safetensors", "--tensorboard", curves, "--set", "epochs=10") == 0
    events = EventAccumulator(str(curves))
    events.Reload()
    assert [event.step for event in events.Scalars("loss/train")] == [50]
    assert [event.step for event in events.Scalars("validation/text_to_image_1")] == list(range(8, 81, 8))


def test_files_of_another_recipe_are_refused_unless_made_fresh(place, capsys):
    assert place.run("own.safetensors") == 0
    assert place.run("own.safetensors", "--set", "learning_rate=1e-2") == 1
    assert "own.checkpoint.safetensors is of a training with learning_rate 0.001" in capsys.readouterr().err
    assert place.run("own.safetensors", "--set", "learning_rate=1e-2", "--fresh") == 0
    assert place.run("own.safetensors", "--set", "input_size=42") == 1
    assert re.search("store/train.* input size.* --fresh-store", capsys.readouterr().err)
    assert place.run("own.safetensors", "--set", "input_size=42", "--fresh-store", "--fresh") == 0


def test_a_repaired_image_makes_the_old_checkpoint_another_trainings(place, capsys):
    whole = (place.data / "000.jpg").read_bytes()
    (place.data / "000.jpg").write_bytes(b"no picture")
    assert place.run("own.safetensors") == 0
    (place.data / "000.jpg").write_bytes(whole)
    capsys.readouterr()
    assert place.run("own.safetensors") == 1
    error = capsys.readouterr().err
    assert re.search(
        r"own\.checkpoint\.safetensors is of a training with train\.captions 44, expected 46; .*--fresh", error
    )
    assert place.run("own.safetensors", "--fresh") == 0


def test_an_extraction_alone_needs_a_store_and_no_output(place):
    arguments = list(place.command("own.safetensors", "--extract-only")[2:])
    at = arguments.index("--output")
    assert main(list(map(str, arguments[:at] + arguments[at + 2 :]))) == 0
    assert sorted(path.name for path in (place.folder / "store").iterdir()) == ["train", "val"]
    assert not list(place.folder.rglob("projection*"))


def test_a_fresh_training_that_does_not_come_far_leaves_the_old_checkpoint(place, monkeypatch):
    assert place.run("own.safetensors") == 0
    before = (place.folder / "own.checkpoint.safetensors").read_bytes()

    def stopped(trainer):
        raise TrainingError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr("talk2dino_ros.engine.train.trainer.Trainer.take_step", stopped)
        assert place.run("own.safetensors", "--fresh", "--set", "learning_rate=1e-2") == 1
    assert (place.folder / "own.checkpoint.safetensors").read_bytes() == before


def test_workers_find_the_weights_that_are_named_from_here(place, monkeypatch):
    """A cluster's worker is in a folder of its own."""

    def worker(captions, open_model, folder, *, address, **options):
        with contextlib.chdir("/"):
            return extract(captions, open_model(), folder, **options)

    monkeypatch.setattr("talk2dino_ros.engine.train.job.extract_on_cluster", worker)
    monkeypatch.chdir(place.weights.parent)
    place.weights = Path(place.weights.name)
    assert place.run("own.safetensors", "--extract-only", "--cluster", "local") == 0


def test_an_out_of_memory_error_is_one_sentence(place, monkeypatch, capsys):
    def full(trainer):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr("talk2dino_ros.engine.train.trainer.Trainer.take_step", full)
    assert place.run("own.safetensors") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "the GPU's memory is full (CUDA out of memory), expected room for the store's features" in error


def test_without_a_validation_split_training_says_so_and_goes_by_none(place, capsys):
    lines = (place.data / "captions.jsonl").read_text().replace('"val"', '"train"')
    (place.data / "captions.jsonl").write_text(lines)
    assert place.run("own.safetensors", "--set", "keep=best") == 1
    assert "the data have no validation split" in capsys.readouterr().err
    assert place.run("own.safetensors") == 0
    assert "has no validation split, so that nothing is validated" in capsys.readouterr().out
    with safe_open(place.folder / "own.safetensors", "pt") as file:
        assert json.loads(file.metadata()["talk2dino_projection"])["validation"] is None
