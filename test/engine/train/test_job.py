# SPDX-License-Identifier: Apache-2.0
"""`talk2dino train` from photographs to a projection file, in processes that are killed, alone and by torchrun."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_talk2dino import tiny_talk2dino

from talk2dino_ros.cli import main
from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.checkpoints import MODELS
from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.projection import Projection
from talk2dino_ros.engine.train.extract import extract
from talk2dino_ros.engine.train.recipe import read_recipe
from talk2dino_ros.pictures import read_picture

TEST = Path(__file__).parents[2]
RECIPE = """
based_on: talk2dino_vitb
model: tiny
input_size: 56
epochs: 4
batch: 6
learning_rate: 1e-3
loss_divisor: none
hidden_size: 20
validation_images: 100
"""
TRAIN = ("-m", "tiny_talk2dino", "train")
STORES = ("store", "cluster_store")
TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node", "2")


def environment():
    path = os.pathsep.join([str(TEST), str(TEST.parent), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process, status=0):
    out, error = process.communicate(timeout=300)
    assert process.returncode == status, error
    return out, error


def kill(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def wait_until(there, process):
    end = time.monotonic() + 120
    while not there():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.005)


class Place:
    """A folder with a recipe, and photographs of a training and a validation split."""

    def __init__(self, folder, photos, weights, count):
        self.folder = folder
        self.data = photos(count)
        lines = [json.loads(line) for line in (self.data / "captions.jsonl").read_text().splitlines()]
        for number, line in enumerate(lines):
            line["split"] = "val" if number % 4 == 3 else "train"
        (self.data / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
        self.weights = weights
        self.recipe = folder / "tiny.yaml"
        self.recipe.write_text(RECIPE)

    def command(self, output, *options, store="store"):
        files = (self.recipe, self.data, "--output", self.folder / output, "--store", self.folder / store)
        return (*TRAIN, *files, "--weights-dir", self.weights, "--device", "cpu", *options)

    def run(self, output, *options, **more):
        """In this process: importing torch takes longer than all else."""
        return main([str(each) for each in self.command(output, *options, **more)[2:]])

    def state(self, output):
        return load_file(self.folder / output)


@pytest.fixture
def place(tmp_path, photos, tiny_weights, monkeypatch):
    monkeypatch.setitem(MODELS, "tiny", tiny_talk2dino())
    return Place(tmp_path, photos, tiny_weights, 30)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


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
    words = segmenter.encode_vocabulary(["red thing", "blue thing"])
    photo = read_picture(place.data / "000.jpg")
    seen = segmenter.segment(photo, words)
    options = ["--weights-dir", place.weights, "--device", "cpu", "--projection-file", own, "--input-size", 56]
    classes = ["--model", "tiny", "--classes", "red thing; blue thing", "--background", 0]
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


def test_what_does_not_fit_the_recipe_is_refused_until_it_is_made_anew(place, capsys):
    assert place.run("own.safetensors") == 0
    assert place.run("own.safetensors", "--set", "learning_rate=1e-2") == 1
    assert "own.checkpoint.safetensors is of a training with learning_rate 0.001" in capsys.readouterr().err
    assert place.run("own.safetensors", "--set", "learning_rate=1e-2", "--fresh") == 0
    assert place.run("own.safetensors", "--set", "input_size=42") == 1
    assert re.search("store/train.* input size.* --fresh-store", capsys.readouterr().err)
    assert place.run("own.safetensors", "--set", "input_size=42", "--fresh-store", "--fresh") == 0


def test_an_image_that_was_mended_is_another_training(place, capsys):
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


def test_a_full_gpu_is_told(place, monkeypatch, capsys):
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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray", "ignore::ResourceWarning")
def test_a_cluster_makes_the_features_that_one_process_makes(place):
    lines = (place.data / "captions.jsonl").read_text().replace('"val"', '"train"')
    (place.data / "captions.jsonl").write_text(lines)
    assert place.run("own.safetensors", "--extract-only") == 0
    assert place.run("own.safetensors", "--extract-only", "--cluster", "local", store="cluster_store") == 0
    one, two = ({path.name: path.read_bytes() for path in (place.folder / name / "train").iterdir()} for name in STORES)
    assert len(one) == 3  # what it is, the captions, the images
    assert one == two


@pytest.mark.slow
def test_a_run_killed_while_it_extracts_and_while_it_trains_ends_with_the_same_bits(place, capsys):
    options = ("--set", "epochs=400")
    assert place.run("whole.safetensors", *options, store="whole_store") == 0
    command = place.command("own.safetensors", *options)

    process = start(*command)
    wait_until(lambda: list((place.folder / "store" / "train").glob("text-*.safetensors")), process)
    kill(process)
    assert not list((place.folder / "store" / "val").glob("images-*"))

    process = start(*command)
    wait_until((place.folder / "own.checkpoint.safetensors").exists, process)
    kill(process)
    assert not (place.folder / "own.safetensors").exists()

    assert place.run("own.safetensors", *options) == 0
    assert "training goes on from step " in capsys.readouterr().out
    assert same(place.state("own.safetensors"), place.state("whole.safetensors"))


@pytest.mark.slow
def test_two_processes_of_torchrun_learn_what_one_does(place):
    """46 captions in batches of 5: three and two each, and at an epoch's end one and none.

    They go on with a checkpoint of one process.
    """
    options = ("--set", "batch=5")
    assert place.run("two.safetensors", *options, "--set", "epochs=1") == 0
    process = start(*TORCHRUN, *place.command("two.safetensors", *options, store="another_store"))
    out, _ = finish(process)
    assert out.count("train: 23 images") == 1  # one extracts, the other waits
    assert out.count("training goes on from step 10, epoch 1") == 1
    assert out.count("written to") == 1
    assert place.run("one.safetensors", *options) == 0
    one, two = place.state("one.safetensors"), place.state("two.safetensors")
    begin = new_projection_of(place)
    for key, tensor in one.items():
        assert torch.allclose(tensor, two[key], atol=1e-5)
        assert not torch.allclose(tensor, begin[key], atol=1e-3)


def test_an_error_under_torchrun_is_told_and_ends_all(place):
    place.data = place.folder / "nowhere"
    _, error = finish(start(*TORCHRUN, *place.command("two.safetensors")), status=1)
    assert f"talk2dino: {place.data} does not exist, expected COCO's" in error


@pytest.mark.slow
def test_processes_that_cannot_save_end_with_the_firsts_sentence(place):
    (place.folder / "two.checkpoint.safetensors").mkdir()
    assert place.run("two.safetensors", "--extract-only") == 0
    _, error = finish(start(*TORCHRUN, *place.command("two.safetensors", "--fresh")), status=1)
    assert "two.checkpoint.safetensors cannot be written (Is a directory)" in error
    assert "gloo" not in error


def new_projection_of(place):
    """What the seed gives, before any step."""
    torch.manual_seed(read_recipe(place.recipe).seed)
    return Projection(24, 20, 48).state_dict()
