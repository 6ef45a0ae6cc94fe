# SPDX-License-Identifier: Apache-2.0
"""A Python package that is missing is told of in one sentence, by the command and by nodes; a bug stays a traceback."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from talk2dino_ros.ros.missing_package import OTHERWISE, PAGE, REMEDIES, missing_package

ROOT = Path(__file__).parents[2]
TORCH = ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")


def test_any_package_that_is_missing_is_named_with_what_to_do():
    assert missing_package(TORCH) == f"the Python package torch is missing, expected it here; {OTHERWISE}"
    assert missing_package(ImportError("no such name", name="talk2dino_msgs.msg")).endswith(REMEDIES["talk2dino_msgs"])


@pytest.mark.parametrize(
    "bug",
    [
        ImportError("cannot import name 'x' from 'torch'", name="torch"),
        ModuleNotFoundError("No module named 'talk2dino_ros.gone'", name="talk2dino_ros.gone"),
        ImportError("no name"),
    ],
    ids=str,
)
def test_a_bug_is_no_missing_package(bug):
    assert missing_package(bug) == ""


def test_the_page_needs_what_its_list_of_requirements_has():
    lines = (ROOT / "tools" / "requirements" / "web.txt").read_text().splitlines()
    assert f"(pip install {' '.join(line for line in lines if not line.startswith('#'))})" in PAGE


def test_the_command_says_which_package_is_missing():
    code = (
        "import sys; sys.modules['safetensors'] = None; from talk2dino_ros.cli.main import main; sys.exit(main(['x']))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    told = f"talk2dino: the Python package safetensors is missing, expected it here; {OTHERWISE}\n"
    assert run.returncode == 1
    assert told in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("module", "name"), [("talk2dino_ros.demo", "demo"), ("talk2dino_ros.demo.photo_camera", "photo_camera")]
)
def test_the_demo_and_its_camera_say_which_package_is_missing(module, name):
    code = "import runpy, sys; sys.modules['rclpy'] = None; sys.argv = ['x']; "
    code += f"runpy.run_module({module!r}, run_name='__main__')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    told = f"{name}: the Python package rclpy is missing, expected it here; {REMEDIES['rclpy']}\n"
    assert (run.returncode, run.stderr) == (1, told)


def test_a_node_that_cannot_load_its_model_for_want_of_a_package_says_so_and_stays_unconfigured():
    lifecycle = pytest.importorskip("rclpy.lifecycle", reason="ROS 2 is missing: rclpy cannot be imported")
    from talk2dino_ros.ros.node.managed_node import ManagedNode

    def configure():
        raise TORCH

    told = []
    node = SimpleNamespace(get_logger=lambda: SimpleNamespace(error=told.append), is_ending=False)
    assert ManagedNode._guarded(node, configure) == lifecycle.TransitionCallbackReturn.FAILURE
    assert told == [missing_package(TORCH)]
