# SPDX-License-Identifier: Apache-2.0
"""Why a GPU or CPU runs slower than it could, where the machine says so; it never fails where it does not. Pure.

An NVIDIA GPU says it through NVML, where the Python package nvidia-ml-py is installed. A Jetson has cooling devices in
/sys whose alerts are on while its clocks are held down, and an Intel CPU counts its hot moments there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from talk2dino_ros.ros.watch.alarm import Alarm, AlarmLevel

SYS = Path("/sys")
# NVML's bits of current clocks event reasons. The power cap is left out: a GPU that works hard reaches it all the time.
HELD_DOWN = {
    0x08: "hardware slowdown",
    0x20: "too hot (software thermal slowdown)",
    0x40: "too hot (hardware thermal slowdown)",
    0x80: "power brake, as the supply cannot give more",
}
LOOKS, MANY = 30, 10  # one a second: a clock that is held down for a moment is no news
UNKNOWN_GPU = "not known: install the Python package nvidia-ml-py"

# Returns why the device is held down now, nothing where it is not.
Reader = Callable[[], list[str]]


class Throttling:
    """What holds a device down. source: what says so, or why nothing does, in words.

    device: as torch names it. gpu_uuid: NVML's name of it, "" for a CPU or where it is not known.
    """

    def __init__(self, device: str, gpu_uuid: str = "", sys: Path = SYS) -> None:
        self._device = device
        self._readers, self.source = _readers_of(device, gpu_uuid, sys)
        self._looks: deque[list[str]] = deque(maxlen=LOOKS)

    def look(self) -> list[str]:
        """Look once; return why the device is held down now, nothing where it is not, or nobody says so."""
        reasons = [reason for read in self._readers for reason in read()]
        self._looks.append(reasons)
        return reasons

    def alarm(self) -> Alarm | None:
        """Return an alarm where the device was held down in many of the last looks."""
        held = [reasons for reasons in self._looks if reasons]
        if len(held) < MANY:
            return None
        return Alarm(
            "throttling",
            AlarmLevel.WARN,
            f"{self._device} runs slower than it could: {', '.join(held[-1])}, in {len(held)} of the last "
            f"{len(self._looks)} looks, expected none; look at its cooling and power supply (nvidia-smi -q -d "
            "PERFORMANCE, tegrastats)",
        )


def _readers_of(device: str, gpu_uuid: str, sys: Path) -> tuple[list[Reader], str]:
    readers: list[Reader] = []
    sources = []
    alerts, counts = _alerts(sys), _heat_counts(sys)
    if device.startswith("cuda"):
        if (clocks := _gpu_clocks(gpu_uuid)) is not None:
            readers.append(clocks)
            sources.append("NVML")
        elif not alerts:
            sources.append(UNKNOWN_GPU)
    elif counts:
        readers.append(_heat(counts))
        sources.append("the CPU's count of hot moments")
    if alerts:
        readers.append(lambda: [kind.removesuffix("-alert") for kind, state in alerts if _number(state)])
        sources.append("the board's thermal alerts")
    return readers, ", ".join(sources) or "not known on this machine"


def _alerts(sys: Path) -> list[tuple[str, Path]]:
    """Return the kinds of a Jetson's thermal alerts, each with the file of its state."""
    kinds = [(_text(path), path) for path in sorted((sys / "class" / "thermal").glob("cooling_device*/type"))]
    return [
        (kind, path.with_name("cur_state"))
        for kind, path in kinds
        if kind.endswith("-throttle-alert") or kind == "hot-surface-alert"
    ]


def _heat_counts(sys: Path) -> list[Path]:
    return sorted((sys / "devices" / "system" / "cpu").glob("cpu[0-9]*/thermal_throttle/*_throttle_count"))


def _heat(counts: list[Path]) -> Reader:
    before = [sum(map(_number, counts))]

    def read() -> list[str]:
        now = sum(map(_number, counts))
        has_grown = now > before[0]
        before[0] = now
        return ["too hot (it counts such moments itself)"] if has_grown else []

    return read


def _gpu_clocks(uuid: str) -> Reader | None:
    """Return what asks NVML for a GPU; None where it cannot be asked."""
    if not uuid or find_spec("pynvml") is None:
        return None
    try:
        nvml = import_module("pynvml")
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
        ask = getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
        ask = ask or nvml.nvmlDeviceGetCurrentClocksThrottleReasons  # its name before version 12.535
        ask(handle)
    except Exception:  # NVML's errors, and whatever an old or a Jetson's library lacks
        return None
    return lambda: _held_down(ask, handle)


def _held_down(ask: Callable[[Any], int], handle: Any) -> list[str]:
    with suppress(Exception):  # the GPU may be lost, which the model says
        bits = ask(handle)
        return [text for bit, text in HELD_DOWN.items() if bits & bit]
    return []


def _text(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="ascii").strip()
    return ""


def _number(path: Path) -> int:
    text = _text(path)
    return int(text) if text.isdecimal() else 0
