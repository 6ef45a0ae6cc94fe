# SPDX-License-Identifier: Apache-2.0
"""Which number format a CPU is the faster in: by its instructions, and by a measurement that is remembered."""

import json

import pytest
import torch

from talk2dino_ros.engine.runtime import cpu_bf16, cpuinfo
from talk2dino_ros.engine.runtime.cpu_bf16 import FILE_NAME, gains_by_bf16, measure, measured

CPUS = {
    "an Intel with AMX": "model name : Xeon\nflags : fpu avx2 avx512f avx512_bf16 amx_bf16 amx_tile",
    "an AMD without": "model name : AMD EPYC\nflags : fpu avx2 avx512f avx512_bf16",
    "an older one": "model name : Core i7\nflags : fpu avx2",
    "an Arm with bf16": "CPU part : 0xd40\nFeatures : fp asimd i8mm bf16",
    "an older Arm": "CPU part : 0xd0b\nFeatures : fp asimd",
}


@pytest.fixture
def cpu(monkeypatch, tmp_path):
    """Make Linux describe another CPU, to a PyTorch that says nothing."""

    def be(name):
        (tmp_path / "cpuinfo").write_text("processor : 0\n" + CPUS[name] + "\n")
        monkeypatch.setattr(cpuinfo, "CPUINFO", tmp_path / "cpuinfo")
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)

    return be


@pytest.fixture
def times(monkeypatch, tmp_path):
    """An empty cache folder, and a measurement that gives these times and counts its calls."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for limit in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA"):  # of `make test-cpus`
        monkeypatch.delenv(limit, raising=False)
    found = {"fp32_s": 0.03, "bf16_s": 0.01, "calls": 0}

    def measure():
        found["calls"] += 1
        return {name: found[name] for name in ("fp32_s", "bf16_s")}

    monkeypatch.setattr(cpu_bf16, "measure", measure)
    return found


@pytest.mark.parametrize(
    ("name", "instructions"),
    [
        ("an Intel with AMX", "AMX"),
        ("an AMD without", "AVX-512 with bf16"),
        ("an Arm with bf16", "Arm's bf16"),
    ],
)
def test_a_cpu_with_bf16_instructions_that_is_faster_with_them_takes_bf16(cpu, times, name, instructions):
    cpu(name)
    said = f"the CPU has {instructions}, and bf16 was measured 3.0 times as fast as fp32"
    assert gains_by_bf16() == (True, said)
    times["fp32_s"] = 0.011
    (cpu_bf16.standard_folder() / FILE_NAME).unlink()
    assert gains_by_bf16() == (False, said.replace("3.0", "1.1"))


@pytest.mark.parametrize("name", ["an older one", "an older Arm"])
def test_a_cpu_without_such_instructions_is_not_measured(cpu, times, name):
    cpu(name)
    assert gains_by_bf16() == (False, "the CPU has none of amx_bf16, avx512_bf16, bf16")
    assert not times["calls"]


def test_pytorchs_answer_is_used_where_linux_has_none(monkeypatch, tmp_path):
    monkeypatch.setattr(cpuinfo, "CPUINFO", tmp_path / "none")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"bf16": True}, raising=False)
    assert cpuinfo.cpu_has("bf16")
    assert not cpuinfo.cpu_has("amx_bf16")


def test_measurements_are_cached_by_cpu_threads_and_limits(cpu, times, of_threads, monkeypatch):
    cpu("an AMD without")
    with of_threads(2):
        assert measured() == measured() == {"fp32_s": 0.03, "bf16_s": 0.01}
        assert times["calls"] == 1
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
        measured()
        monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
        cpu("an Intel with AMX")
        measured()
        assert times["calls"] == 3
    with of_threads(1):
        measured()
    assert times["calls"] == 4
    with of_threads(2):
        measured()
    assert times["calls"] == 4


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: "\x00" + text,
        lambda text: "[1, 2]",
        lambda text: text.replace("0.01", "-0.01"),
        lambda text: text.replace("0.01", '"fast"'),
        lambda text: text.replace("0.01", "NaN"),
        lambda text: text.replace("0.01", "1" + 400 * "0"),
        lambda text: text.replace("bf16_s", "other"),
    ],
)
def test_a_damaged_cache_is_a_miss_and_is_written_anew(times, damage):
    measured()
    file = cpu_bf16.standard_folder() / FILE_NAME
    file.write_text(damage(file.read_text()))
    assert measured() == measured() == {"fp32_s": 0.03, "bf16_s": 0.01}
    assert times["calls"] == 2
    assert list(json.loads(file.read_text()).values()) == [{"fp32_s": 0.03, "bf16_s": 0.01}]


def test_a_cache_that_cannot_be_written_is_said_and_does_no_harm(times, tmp_path, caplog):
    (tmp_path / "cache").write_text("no folder")
    assert measured() == {"fp32_s": 0.03, "bf16_s": 0.01}
    assert caplog.messages[0].startswith("the CPU's speed in bf16 cannot be remembered (")


def test_a_measurement_gives_a_time_for_each_format():
    times = measure()
    assert set(times) == {"fp32_s", "bf16_s"}
    assert all(0 < seconds < 60 for seconds in times.values())
