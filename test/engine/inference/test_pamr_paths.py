# SPDX-License-Identifier: Apache-2.0
"""Which path of PAMR and of the decision a device takes, and what is said where it is not the fast one."""

import sys

import pytest
import torch
from fake_cuda import fake_cuda
from triton.runtime.jit import JITFunction

from talk2dino_ros.engine.inference.decision import decision_batch
from talk2dino_ros.engine.inference.decision.decision_batch import decide_batch
from talk2dino_ros.engine.inference.decision.decision_gpu import decide_gpu
from talk2dino_ros.engine.inference.pamr import pamr_paths
from talk2dino_ros.engine.inference.pamr.pamr_cpu import pamr_cpu
from talk2dino_ros.engine.inference.pamr.pamr_gpu import pamr_gpu
from talk2dino_ros.engine.inference.pamr.pamr_plain import pamr_plain

CUDA = torch.device("cuda")


@pytest.fixture(autouse=True)
def undecided():
    caches = pamr_paths._path, decision_batch._path
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def test_a_cpu_takes_the_compiled_path():
    assert pamr_paths.pamr_path(torch.device("cpu")) == pamr_paths.PamrPath(pamr_cpu, "numba")


def test_a_gpu_takes_tritons_kernels_and_compiles_them_once(caplog):
    with fake_cuda() as watch:
        for device in (CUDA, torch.device("cuda:0"), CUDA):
            assert pamr_paths.pamr_path(device) == pamr_paths.PamrPath(pamr_gpu, "Triton")
        assert [kernel for kernel, _, _ in watch.launches].count("deviate") == 1
        pamr_paths.pamr_path(torch.device("cuda:1"))
        assert watch.launches[-1][2] == torch.device("cuda:1")
    assert not caplog.records


def no_compiler(*_args, **_options):
    raise RuntimeError("Failed to find C compiler. Please specify via CC environment variable\nand more")


def no_triton(monkeypatch):
    monkeypatch.delitem(sys.modules, "talk2dino_ros.engine.inference.pamr.pamr_gpu")
    monkeypatch.setitem(sys.modules, "talk2dino_ros.engine.inference.pamr.pamr_kernels", None)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (lambda patch: patch.setattr(JITFunction, "run", no_compiler), "RuntimeError: Failed to find C compiler"),
        (no_triton, "ModuleNotFoundError: import of talk2dino_ros.engine.inference.pamr.pamr_kernels halted"),
    ],
)
def test_without_triton_or_a_compiler_the_plain_path_is_taken_with_one_warning(monkeypatch, caplog, missing, reason):
    with fake_cuda():
        missing(monkeypatch)
        for _ in range(3):
            path = pamr_paths.pamr_path(CUDA)
    assert path.refine is pamr_plain
    assert path.computed_by.startswith(f"plain PyTorch, as Triton does not run ({reason}")
    [record] = caplog.records
    assert f"PAMR runs in plain PyTorch on cuda:0, which is slower, as Triton does not run there ({reason}" in (
        record.getMessage()
    )
    assert "\n" not in record.getMessage()


def test_out_of_memory_is_raised_and_no_fallback_taken(monkeypatch):
    def no_memory(*_args, **_options):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with fake_cuda():
        monkeypatch.setattr(JITFunction, "run", no_memory)
        with pytest.raises(torch.OutOfMemoryError):
            pamr_paths.pamr_path(CUDA)
        monkeypatch.undo()
        assert pamr_paths.pamr_path(CUDA).computed_by == "Triton"  # it is tried again


def test_the_decision_takes_triton_s_kernel_and_without_triton_the_plain_path(monkeypatch, caplog):
    with fake_cuda() as watch:
        assert decision_batch.prepare_decision(torch.device("cuda:1")) is decide_gpu
        assert watch.launches[-1][0::2] == ("choose", torch.device("cuda:1"))
        monkeypatch.setattr(JITFunction, "run", no_compiler)
        assert decision_batch.prepare_decision(torch.device("cuda:0")) is decide_batch
    [record] = caplog.records
    assert "the decision runs in plain PyTorch on cuda:0" in record.getMessage()
