# SPDX-License-Identifier: Apache-2.0
"""Devices and precisions, with the machine's abilities replaced."""

from types import SimpleNamespace

import pytest
import torch

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.models import precision as precision_module
from talk2dino_ros.engine.models.precision import choose_precision, resolve_precision
from talk2dino_ros.engine.runtime import devices
from talk2dino_ros.engine.runtime.cuda_reason import NO_DRIVER
from talk2dino_ros.engine.runtime.devices import gpu_uuid, resolve_device, with_index

VIT = SimpleNamespace(name="vit", bf16_on_cpu=True)
CNN = SimpleNamespace(name="cnn", bf16_on_cpu=False)


@pytest.fixture
def gpus(monkeypatch):
    """Give the machine this many GPUs of a compute capability."""

    def have(count, capability=(9, 0)):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)

    return have


@pytest.mark.parametrize(
    ("asked", "count", "given"),
    [
        ("auto", 0, "cpu"),
        ("auto", 1, "cuda"),
        ("cpu", 2, "cpu"),
        ("cuda", 1, "cuda"),
        ("cuda:0", 1, "cuda:0"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_device_is_what_was_asked_for_and_auto_prefers_a_gpu(gpus, asked, count, given):
    gpus(count)
    assert resolve_device(asked) == given


@pytest.mark.parametrize(("device", "given"), [("cuda", "cuda:1"), ("cuda:0", "cuda:0"), ("cpu", "cpu")])
def test_the_current_gpu_is_named_as_it_may_be_another_in_the_next_thread(monkeypatch, device, given):
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    assert with_index(device) == given


@pytest.mark.parametrize(("uuid", "given"), [("1b2c-3d", "GPU-1b2c-3d"), (None, "")])
def test_a_gpu_has_the_name_that_nvml_knows_it_by_where_torch_tells_it(monkeypatch, uuid, given):
    properties = SimpleNamespace() if uuid is None else SimpleNamespace(uuid=uuid)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    assert gpu_uuid("cuda:1") == given
    assert gpu_uuid("cpu") == ""


@pytest.mark.parametrize(("asked", "count", "last"), [("cuda:1", 1, 0), ("cuda:2", 2, 1)])
def test_a_gpu_of_a_number_that_is_not_there_is_refused_with_those_that_are(gpus, asked, count, last):
    gpus(count)
    said = f"device {asked} was asked for, expected one of cuda:0 to cuda:{last}, which PyTorch sees here"
    with pytest.raises(ModelError, match=said):
        resolve_device(asked)


@pytest.mark.parametrize("asked", ["cuda", "cuda:0"])
def test_a_gpu_where_none_can_be_used_is_refused_with_the_reason_and_the_remedy(gpus, monkeypatch, asked):
    gpus(0)
    monkeypatch.setattr(devices, "why_no_cuda", lambda: "the driver sleeps; wake it")
    said = f"device {asked} was asked for, expected a GPU that PyTorch can use, but the driver sleeps; wake it, or use"
    with pytest.raises(ModelError, match=said):
        resolve_device(asked)


@pytest.mark.parametrize(
    ("reason", "is_said"), [("the driver is old; update it", True), (f"{NO_DRIVER}; install one", False)]
)
def test_auto_says_why_a_gpu_that_is_there_is_not_taken_and_nothing_where_there_is_none(
    gpus, monkeypatch, caplog, reason, is_said
):
    gpus(0)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(devices, "why_no_cuda", lambda: reason)
    assert resolve_device("auto") == "cpu"
    said = [record.getMessage() for record in caplog.records]
    expected = "device auto takes the CPU, as the driver is old, expected a GPU that PyTorch can use; update it"
    assert said == ([expected] if is_said else [])


@pytest.mark.parametrize("asked", ["", "gpu", "cuda:", "cuda:x", "CPU", "cuda:-1", "cuda:0 "])
def test_an_unknown_device_is_refused_with_the_choices(asked):
    with pytest.raises(ModelError, match=f"device is {asked!r}, expected auto, cpu, cuda or cuda:N"):
        resolve_device(asked)


@pytest.mark.parametrize(
    ("asked", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_named_precision_is_taken_as_it_is(asked, dtype, device):
    assert resolve_precision(asked, device, CNN) is dtype


@pytest.mark.parametrize(
    ("capability", "dtype"), [((7, 5), torch.float16), ((8, 7), torch.bfloat16), ((9, 0), torch.bfloat16)]
)
def test_auto_on_a_gpu_is_bf16_from_ampere_on(gpus, capability, dtype):
    gpus(1, capability)
    assert resolve_precision("auto", "cuda:0", VIT) is dtype


@pytest.mark.parametrize(
    ("model", "backend", "has_bf16", "chosen"),
    [
        (VIT, "openvino", True, (torch.bfloat16, "the CPU computes in it")),
        (VIT, "openvino", False, (torch.float32, "the CPU does not compute in bf16")),
        (VIT, "torch", True, (torch.float32, "on a CPU torch is the plain path")),
        (CNN, "openvino", True, (torch.float32, "on a CPU cnn is as exact as it can be")),
    ],
)
def test_auto_on_a_cpu_is_bf16_by_openvino_where_cpu_and_model_gain(monkeypatch, model, backend, has_bf16, chosen):
    monkeypatch.setattr(precision_module, "cpu_computes_in", lambda _precision: has_bf16)
    assert choose_precision("auto", "cpu", model, backend) == chosen


def test_an_unknown_precision_is_refused_with_the_choices():
    with pytest.raises(ModelError, match="precision is 'int8', expected auto, fp32, bf16, fp16"):
        resolve_precision("int8", "cpu", VIT)
