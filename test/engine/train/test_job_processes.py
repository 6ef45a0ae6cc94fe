# SPDX-License-Identifier: Apache-2.0
"""`talk2dino train` in processes that are killed, and in several, by torchrun; test_cluster.py has the cluster."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tiny_talk2dino import tiny_talk2dino
from training_features import same
from training_job import Place

from talk2dino_ros.engine.models.projection import Projection
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.train.recipe import read_recipe

TEST = Path(__file__).parents[2]
BATCH = ("--set", "batch=5")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")  # at a port that is free


def environment():
    path = os.pathsep.join([str(TEST), str(TEST.parent), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """For what runs in this process, as for the others: equal bits are promised for equal numbers of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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


@pytest.fixture(scope="module")
def torchrun(tmp_path_factory, photos, tiny_weights):
    """Three commands in two processes, one after the other, as starting them takes longer than all else.

    Yields the places of the first and of the third, what was printed, and what was told as an error.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "tiny", tiny_talk2dino())
        names = ("learns", "cannot_save", "has_no_data")
        learns, cannot_save, has_no_data = (
            Place(tmp_path_factory.mktemp(name), photos, tiny_weights, 30) for name in names
        )
        assert learns.run("two.safetensors", *BATCH, "--set", "epochs=1") == 0
        (cannot_save.folder / "two.checkpoint.safetensors").mkdir()
        has_no_data.data = has_no_data.folder / "nowhere"
        process = start(
            *TORCHRUN,
            *learns.command("two.safetensors", *BATCH, store="another_store"),
            "++",
            *cannot_save.command("two.safetensors", "--fresh")[2:],
            "++",
            *has_no_data.command("two.safetensors")[2:],
        )
        out, error = finish(process, status=1)
        yield SimpleNamespace(learns=learns, has_no_data=has_no_data, out=out, error=error)


@pytest.mark.slow
def test_two_processes_of_torchrun_learn_what_one_does(torchrun):
    """46 captions in batches of 5: three and two each, and at an epoch's end one and none.

    They go on with a checkpoint of one process.
    """
    place, out = torchrun.learns, torchrun.out
    assert out.count("train: 23 images") == 2  # one extracts, the other waits; so in the second command
    assert out.count("training goes on from step 10, epoch 1") == 1
    assert out.count("written to") == 1
    assert place.run("one.safetensors", *BATCH) == 0
    one, two = place.state("one.safetensors"), place.state("two.safetensors")
    begin = new_projection_of(place)
    for key, tensor in one.items():
        assert torch.allclose(tensor, two[key], atol=1e-5)
        assert not torch.allclose(tensor, begin[key], atol=1e-3)


@pytest.mark.slow
def test_what_goes_wrong_in_one_process_ends_all_with_its_sentence(torchrun):
    assert f"talk2dino: {torchrun.has_no_data.data} does not exist, expected COCO's" in torchrun.error
    told = "two.checkpoint.safetensors cannot be written (it is a folder, and only a regular file is replaced)"
    assert told in torchrun.error
    assert "gloo" not in torchrun.error
    assert torchrun.out.count("statuses 0 1 1") == 2


def new_projection_of(place):
    """What the seed gives, before any step."""
    torch.manual_seed(read_recipe(place.recipe).seed)
    return Projection(24, 20, 48).state_dict()
