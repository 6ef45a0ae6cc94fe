# SPDX-License-Identifier: Apache-2.0
"""Curves, as TensorBoard itself reads them."""

import subprocess
import sys

import pytest

from talk2dino_ros.engine.train.curves import open_curves

WITHOUT_TENSORBOARD = """
import sys
from pathlib import Path
sys.modules["tensorboard"] = None
from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.train.curves import open_curves
try:
    with open_curves(Path("curves"), 0):
        pass
except TrainingError as error:
    print(error)
"""


def points(folder, name):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, pytest.approx(event.value)) for event in events.Scalars(name)]


def test_a_resumed_run_replaces_curves_written_after_its_checkpoint(tmp_path):
    with open_curves(tmp_path, 0) as note:
        for step in (50, 100, 150):
            note("loss/train", step / 10, step)
    assert points(tmp_path, "loss/train") == [(50, 5.0), (100, 10.0), (150, 15.0)]
    with open_curves(tmp_path, 100) as note:
        note("loss/train", 7.0, 150)
    assert points(tmp_path, "loss/train") == [(50, 5.0), (100, 10.0), (150, 7.0)]


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_curves(None, 0) as note:
        note("loss/train", 1.0, 50)
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_tensorboard_is_told_so():
    done = subprocess.run([sys.executable, "-c", WITHOUT_TENSORBOARD], capture_output=True, text=True, check=False)
    assert "--tensorboard curves needs a package that is missing here" in done.stdout
    assert "pip install tensorboard" in done.stdout
