# SPDX-License-Identifier: Apache-2.0
"""Tests as other CPUs see them: the libraries listen to what they are told, and a failure in one run is not lost."""

import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tools import on_other_cpus
from tools.on_other_cpus import CPUS, busy_loops, main

KERNELS = """
import torch
print(torch.backends.cpu.get_cpu_capability(), torch.ops.mkldnn._is_mkldnn_bf16_supported())
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="only x86's instructions can be limited")
def test_pytorch_and_onednn_take_the_code_of_a_cpu_with_avx2():
    run = subprocess.run(
        [sys.executable, "-c", KERNELS], env=os.environ | CPUS["AVX2"], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["AVX2", "False"]


@pytest.mark.parametrize(("failing", "status"), [((), 0), (("AVX2",), 1), (("busy",), 1)])
def test_every_setting_is_run_and_one_failure_is_the_result(monkeypatch, capsys, failing, status):
    runs = []

    def succeeds(name, arguments, environment):
        runs.append((name, tuple(arguments), environment))
        return name not in failing

    monkeypatch.setattr(on_other_cpus, "succeeds", succeeds)
    monkeypatch.setattr(on_other_cpus, "LOOP", ("sleep", "60"))
    assert main(["test/engine"]) == status
    assert runs == [(name, ("test/engine",), each) for name, each in {**CPUS, "busy": {}}.items()]
    assert capsys.readouterr().out.endswith(f"failed: {', '.join(failing)}\n" if failing else "all passed\n")


def test_loops_run_meanwhile_and_no_longer(monkeypatch):
    started = []

    class Loop(SimpleNamespace):
        def __init__(self, command):
            super().__init__(command=command, done=[])
            started.append(self)

        def kill(self):
            self.done.append("kill")

        def wait(self):
            self.done.append("wait")

    monkeypatch.setattr(subprocess, "Popen", Loop)
    with busy_loops(2):
        assert [loop.done for loop in started] == [[], []]
    assert [loop.done for loop in started] == [["kill", "wait"], ["kill", "wait"]]
