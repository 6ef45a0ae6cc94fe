# SPDX-License-Identifier: Apache-2.0
"""What computes, with the machine replaced."""

from types import SimpleNamespace

import pytest
import torch

from talk2dino_ros.engine.doctor import device_findings
from talk2dino_ros.engine.doctor.device_findings import devices
from talk2dino_ros.engine.doctor.health_finding import Level
from talk2dino_ros.engine.runtime.cuda_reason import NO_DRIVER

MACHINE = {"cpu": "AMD EPYC", "cores": 2, "memory_gib": 23.5, "load_average_1min": 0.4}


def found(what, **changes):
    return next((each for each in devices(MACHINE | changes).findings if each.what == what), None)


@pytest.fixture
def reason(monkeypatch):
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    return lambda text: monkeypatch.setattr(device_findings, "why_no_cuda", lambda: text)


def test_a_busy_machine_is_noted_as_its_times_are_not_its_own(reason):
    reason(f"{NO_DRIVER}; install it")
    assert found("load") is None
    assert found("load", load_average_1min=8.0).said.startswith("8.0 on 2 cores")
    assert found("processor").said == "AMD EPYC, 2 cores, 23.5 GiB"


def test_a_gpu_that_cannot_be_used_is_told_from_none(reason):
    reason(f"{NO_DRIVER}; install it")
    assert found("GPU").remedy == "to use one: install it"
    reason("the NVIDIA driver is for CUDA up to 11.4 and PyTorch is not; update the driver")
    assert found("GPU").said == "none: the NVIDIA driver is for CUDA up to 11.4 and PyTorch is not"
    assert found("GPU").remedy == "update the driver"


@pytest.fixture
def gpu(reason, monkeypatch):
    reason("")
    properties = SimpleNamespace(name="NVIDIA A2", total_memory=15 << 30, major=8, minor=6)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(device_findings, "driver_version", lambda: "550.54.15")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: properties)


def test_a_gpu_is_named_with_its_memory_and_driver(gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (3 << 30, 15 << 30))
    assert found("CUDA").said == "12.8, driver 550.54.15"
    assert found("cuda:0").said == "NVIDIA A2, 15.0 GiB, compute capability 8.6, 3.0 GiB free"


def test_a_gpu_that_does_not_answer_is_wrong(gpu, monkeypatch):
    def fail(index):
        raise RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel errors might be reported later")

    monkeypatch.setattr(torch.cuda, "mem_get_info", fail)
    assert found("cuda:0").level is Level.WRONG
    assert found("cuda:0").said.endswith("; CUDA error: unspecified launch failure")
