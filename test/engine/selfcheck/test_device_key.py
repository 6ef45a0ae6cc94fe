# SPDX-License-Identifier: Apache-2.0
"""What a self-check holds for: each of these makes another key."""

import pytest
import torch

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.selfcheck import device_key as module
from talk2dino_ros.engine.selfcheck.device_key import device_key, driver_version

# as the proprietary and the open kernel module of NVIDIA's driver write it
PROPRIETARY = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version:  gcc\n"
)
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  560.35.03  Release Build  (dvs-builder@U16)\n"


@pytest.fixture(scope="module")
def mini():
    return load_segmenter("mini", device="cpu", text_cache_dir="none")


def key_of(segmenter, size=(64, 64)):
    return device_key(segmenter, None, size)


@pytest.mark.parametrize(("text", "version"), [(PROPRIETARY, "550.54.15"), (OPEN, "560.35.03"), ("", "")])
def test_the_drivers_version_is_read_from_its_own_file(tmp_path, monkeypatch, text, version):
    (tmp_path / "version").write_text(text)
    monkeypatch.setattr(module, "DRIVER", tmp_path / "version")
    assert driver_version() == version


def test_without_a_driver_there_is_no_version(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "DRIVER", tmp_path / "version")
    assert driver_version() == ""


def test_the_same_has_the_same_key_whatever_options_choose_no_other_path(mini):
    assert key_of(mini) == key_of(mini.with_options(background=0.6, refine="pamr", unlabeled_id=0))


def test_another_library_is_another_key(mini, monkeypatch):
    before = key_of(mini)
    monkeypatch.setattr(module, "version_of", lambda package: "9.9")
    assert key_of(mini) != before


def test_another_size_model_and_number_of_threads_is_another_key(mini, of_threads):
    before = key_of(mini)
    assert key_of(mini, (64, 128)) != before
    with of_threads(torch.get_num_threads() + 1):
        assert key_of(mini) != before


def test_a_gpus_key_has_its_name_and_its_driver(mini, tmp_path, monkeypatch):
    (tmp_path / "version").write_text(PROPRIETARY)
    monkeypatch.setattr(module, "DRIVER", tmp_path / "version")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA A2")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 6))
    monkeypatch.setattr(type(mini), "device", "cuda:0")
    assert {"device": "NVIDIA A2", "driver": "550.54.15", "capability": "(8, 6)"}.items() <= key_of(mini).items()
