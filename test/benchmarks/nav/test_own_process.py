# SPDX-License-Identifier: Apache-2.0
"""What draws runs in a process of its own: OSMesa and Triton, which other tests use, crash in one."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.nav.sim_world import SimulationError, check_drawing

HERE = Path(__file__).parent
NO_OSMESA = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("OpenGL"):
            raise ImportError("libOSMesa is not there")
sys.meta_path.insert(0, Blocked())
from benchmarks.nav.sim_world import main
main()
"""


def run_python(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "MUJOCO_GL"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, env=environment)


@pytest.mark.parametrize("cases", ["world_cases.py", "simulator_cases.py"])
def test_cases_that_draw_pass(cases: str) -> None:
    try:
        check_drawing()
    except SimulationError as missing:
        pytest.skip(str(missing))
    if cases == "simulator_cases.py" and not importlib.util.find_spec("rclpy"):
        pytest.skip("rclpy is not installed")
    result = run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / cases))
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_process_that_draws_imports_no_torch() -> None:
    if not importlib.util.find_spec("rclpy"):
        pytest.skip("rclpy is not installed")
    code = "import sys, benchmarks.nav.simulator; sys.exit(bool({'torch', 'triton'} & set(sys.modules)))"
    assert run_python("-c", code).returncode == 0


@pytest.mark.parametrize(
    ("module", "value", "words"),
    [
        ("benchmarks.nav.simulator", "mask_timeout_s:=30", "simulator: mask_timeout_s cannot start with its value"),
        ("benchmarks.nav.simulator", "control_rate_hz:=0.0", "from 1.0 to 1000.0"),
        ("benchmarks.nav.simulator", "seed:=1.5", "seed cannot start"),
        (
            "talk2dino_ros.demo.photo_camera",
            "rate_hz:=5",
            "photo_camera: the argument -p rate_hz:=5 has 5 in",
        ),
        ("talk2dino_ros.demo.photo_camera", "photo:=nobody", "photo is 'nobody', expected one of astronaut, chelsea,"),
        ("talk2dino_ros.demo.photo_camera", "hold_s:=-1.0", "from 0.0 to 86400.0"),
    ],
)
def test_a_wrong_parameter_is_answered_with_one_sentence(module: str, value: str, words: str) -> None:
    if not importlib.util.find_spec("rclpy"):
        pytest.skip("rclpy is not installed")
    result = run_python("-m", module, "--ros-args", "-p", value)
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if "rmw_fastrtps" not in line]
    assert len(lines) == 1, result.stderr
    assert words in lines[0]


def test_without_osmesa_one_sentence_says_what_to_install() -> None:
    result = run_python("-c", NO_OSMESA)
    assert result.returncode == 1
    assert result.stderr.startswith("the simulated world cannot be drawn by osmesa on this machine")
    assert "sudo apt install libosmesa6" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_check_that_fails_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "nonsense")
    with pytest.raises(SimulationError, match=r"cannot be drawn by nonsense on this machine.*libosmesa6"):
        check_drawing()
