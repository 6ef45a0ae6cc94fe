# SPDX-License-Identifier: Apache-2.0
"""What a machine says of its own heat, in files and an NVML made by hand."""

import sys
from types import ModuleType

import pytest

from talk2dino_ros.ros.watch.alarm import AlarmLevel
from talk2dino_ros.ros.watch.throttling import LOOKS, MANY, UNKNOWN_GPU, Throttling

UUID = "GPU-1234"


def put(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def nvml(monkeypatch):
    """An NVML whose bits the test sets."""
    module = ModuleType("pynvml")
    module.__spec__ = sys.__spec__  # as of one that is installed
    module.bits = 0

    def handle_of(uuid):
        if uuid != UUID:
            raise LookupError(uuid)
        return "handle"

    module.nvmlInit = lambda: None
    module.nvmlDeviceGetHandleByUUID = handle_of
    module.nvmlDeviceGetCurrentClocksEventReasons = lambda handle: module.bits
    monkeypatch.setitem(sys.modules, "pynvml", module)
    return module


@pytest.fixture
def without_nvml(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)


@pytest.mark.parametrize(
    ("bits", "reasons"),
    [
        (0x1, []),  # idle
        (0x4, []),  # the power cap, in which a GPU works that has much to do
        (0x20, ["too hot (software thermal slowdown)"]),
        (0x48, ["hardware slowdown", "too hot (hardware thermal slowdown)"]),
        (0x80, ["power brake, as the supply cannot give more"]),
    ],
)
def test_a_gpu_says_why_its_clocks_are_held_down(tmp_path, nvml, bits, reasons):
    nvml.bits = bits
    throttling = Throttling("cuda:0", UUID, tmp_path)
    assert (throttling.source, throttling.look()) == ("NVML", reasons)


def test_an_older_nvml_has_the_same_under_its_former_name(tmp_path, nvml):
    nvml.nvmlDeviceGetCurrentClocksThrottleReasons = lambda handle: 0x40
    del nvml.nvmlDeviceGetCurrentClocksEventReasons
    assert Throttling("cuda:0", UUID, tmp_path).look() == ["too hot (hardware thermal slowdown)"]


def test_a_gpu_that_is_lost_in_the_midst_says_nothing(tmp_path, nvml):
    throttling = Throttling("cuda:0", UUID, tmp_path)

    def lost(handle):
        raise RuntimeError("GPU is lost")

    nvml.bits = None  # which no bit can be read of
    assert throttling.look() == []
    nvml.nvmlDeviceGetCurrentClocksEventReasons = lost
    assert Throttling("cuda:0", UUID, tmp_path).source == UNKNOWN_GPU


@pytest.mark.parametrize("uuid", ["", "GPU-another"])
def test_a_gpu_that_nvml_does_not_know_says_what_to_install(tmp_path, nvml, uuid):
    throttling = Throttling("cuda:0", uuid, tmp_path)
    assert (throttling.source, throttling.look(), throttling.alarm()) == (UNKNOWN_GPU, [], None)


def test_without_nvml_nothing_breaks(tmp_path, without_nvml):
    assert Throttling("cuda:0", UUID, tmp_path).source == UNKNOWN_GPU


def test_a_jetsons_alerts_are_read_and_its_fan_is_none(tmp_path, without_nvml):
    for number, (kind, state) in enumerate([("pwm-fan", 3), ("gpu-throttle-alert", 0), ("hot-surface-alert", 0)]):
        put(tmp_path, f"class/thermal/cooling_device{number}/type", f"{kind}\n")
        put(tmp_path, f"class/thermal/cooling_device{number}/cur_state", f"{state}\n")
    throttling = Throttling("cuda:0", "", tmp_path)
    assert (throttling.source, throttling.look()) == ("the board's thermal alerts", [])
    put(tmp_path, "class/thermal/cooling_device1/cur_state", "1\n")
    assert throttling.look() == ["gpu-throttle"]


def test_a_cpus_hot_moments_count_while_they_grow(tmp_path):
    path = put(tmp_path, "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "7\n")
    put(tmp_path, "devices/system/cpu/cpu11/thermal_throttle/package_throttle_count", "9\n")
    throttling = Throttling("cpu", "", tmp_path)
    assert (throttling.source, throttling.look()) == ("the CPU's count of hot moments", [])
    path.write_text("8\n")
    assert throttling.look() == ["too hot (it counts such moments itself)"]
    assert throttling.look() == []


@pytest.mark.parametrize("text", ["", "nonsense\n", "\xff"])
def test_a_file_that_cannot_be_read_says_nothing(tmp_path, text):
    path = put(tmp_path, "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "7\n")
    throttling = Throttling("cpu", "", tmp_path)
    path.write_text(text, encoding="latin-1")
    assert throttling.look() == []
    path.unlink()
    assert throttling.look() == []


def test_where_nothing_can_be_read_that_is_said(tmp_path):
    throttling = Throttling("cpu", "", tmp_path)
    assert (throttling.source, throttling.look(), throttling.alarm()) == ("not known on this machine", [], None)


def test_many_looks_in_heat_are_an_alarm_and_a_few_are_not(tmp_path, nvml):
    throttling = Throttling("cuda:0", UUID, tmp_path)
    nvml.bits = 0x40
    for _ in range(MANY - 1):
        throttling.look()
    assert throttling.alarm() is None
    throttling.look()
    alarm = throttling.alarm()
    assert (alarm.watchdog, alarm.level) == ("throttling", AlarmLevel.WARN)
    assert alarm.text.startswith(
        "cuda:0 runs slower than it could: too hot (hardware thermal slowdown), in 10 of the last 10 looks, expected "
    )
    nvml.bits = 0
    for _ in range(LOOKS):
        throttling.look()
    assert throttling.alarm() is None
