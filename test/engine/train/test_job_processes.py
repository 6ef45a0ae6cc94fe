# SPDX-License-Identifier: Apache-2.0
"""`talk2dino train` in processes that are killed, and in several, by torchrun; test_cluster.py has the cluster."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from held_program import HELD_PROGRAM
from training_features import same

from talk2dino_ros.engine.models.projection import Projection
from talk2dino_ros.engine.train.recipe import read_recipe

TEST = Path(__file__).parents[2]
TRAIN = "talk2dino_ros.engine.train"
# At a port that is free. One for each test: two of the three end in an error, which ends torchrun and all of its group.
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def environment():
    path = os.pathsep.join([str(TEST), str(TEST.parent), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def one_thread(of_threads):
    """For what runs in this process, as for the others: equal bits are promised for equal numbers of threads."""
    with of_threads(1):
        yield


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


@pytest.mark.slow
def test_a_run_killed_in_extraction_and_training_resumes_to_the_same_bits(place, capsys):
    options = ("--set", "epochs=400")
    assert place.run("whole.safetensors", *options, store="whole_store") == 0
    command = place.command("own.safetensors", *options)

    marker = place.folder / "marker"
    process = start(HELD_PROGRAM, f"{TRAIN}.features.store_folder", "StoreFolder", "write", 1, marker, *command[1:])
    wait_until(marker.exists, process)
    kill(process)
    assert list((place.folder / "store" / "train").glob("text-*.safetensors"))
    assert not list((place.folder / "store").rglob("images-*"))

    marker.unlink()
    process = start(HELD_PROGRAM, f"{TRAIN}.trainer", "Trainer", "save", 1, marker, *command[1:])
    wait_until(marker.exists, process)
    kill(process)
    assert (place.folder / "own.checkpoint.safetensors").exists()
    assert not (place.folder / "own.safetensors").exists()

    assert place.run("own.safetensors", *options) == 0
    assert "training goes on from step " in capsys.readouterr().out
    assert same(place.state("own.safetensors"), place.state("whole.safetensors"))


@pytest.mark.slow
def test_two_torchrun_processes_learn_what_one_does(place):
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


@pytest.mark.slow
def test_an_error_under_torchrun_ends_all_processes_with_its_sentence(place):
    place.data = place.folder / "nowhere"
    _, error = finish(start(*TORCHRUN, *place.command("two.safetensors")), status=1)
    assert f"talk2dino: {place.data} does not exist, expected COCO's" in error


@pytest.mark.slow
def test_processes_that_cannot_save_end_with_the_firsts_sentence(place):
    (place.folder / "two.checkpoint.safetensors").mkdir()
    assert place.run("two.safetensors", "--extract-only") == 0
    _, error = finish(start(*TORCHRUN, *place.command("two.safetensors", "--fresh")), status=1)
    assert "two.checkpoint.safetensors cannot be written (it is a folder, and only a regular file is replaced)" in error
    assert "gloo" not in error


def new_projection_of(place):
    """What the seed gives, before any step."""
    torch.manual_seed(read_recipe(place.recipe).seed)
    return Projection(24, 20, 48).state_dict()
