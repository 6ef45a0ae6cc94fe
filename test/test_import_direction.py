# SPDX-License-Identifier: Apache-2.0
"""Imports go one way: launch -> node -> {parameters, conversions, points_of_interest, visualization} -> engine."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "talk2dino_ros"
MODULES = sorted(PACKAGE.rglob("*.py"))
ENGINE_MODULES = [path for path in MODULES if PACKAGE / "engine" in path.parents]
OUTER_MODULES = [path for path in MODULES if path not in ENGINE_MODULES]
# Of the packages that are no engine, what talks to ROS; all else in them is pure.
ROS_MODULES = {
    "space": {"depth_input", "spatial_messages"},
    "things": {"thing_messages"},
    "goal": {"goal_node", "lifecycle_node", "messages", "server", "surroundings", "vocabulary_client", "waits"},
    "tf": {"listener", "open_transforms", "pytransform3d_adapter", "tf2_adapter"},
}
PURE_MODULES = [PACKAGE / f"{name}.py" for name in ("class_ids", "points_of_interest", "visualization")] + [
    path for name, ros in ROS_MODULES.items() for path in (PACKAGE / name).glob("*.py") if path.stem not in ros
]

NETWORKS = {"open_clip", "timm", "torch", "torchvision", "transformers"}
ROS = {"ament_index_python", "builtin_interfaces", "cv_bridge", "launch", "launch_ros", "rcl_interfaces", "rclpy"}

BLOCK_ROS_AND_IMPORT = """
import importlib, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top in {ros!r} or top.endswith("_msgs"):
            raise ImportError(f"{{name}} is blocked: the engine imports no ROS")

sys.meta_path.insert(0, Blocked())
for name in {modules!r}:
    importlib.import_module(name)
"""


def imported_names(path: Path) -> Iterator[str]:
    """Yield the absolute name of every module that a file imports, at its top or inside of functions."""
    package = list(path.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield ".".join([*base, *([node.module] if node.module else [])])


def top_names(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_names(path)}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_ros(name: str) -> bool:
    return name in ROS or name.endswith("_msgs")


def run_python(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_engine_imports_where_ros_is_blocked() -> None:
    modules = [module_name(path) for path in ENGINE_MODULES]
    run_python(BLOCK_ROS_AND_IMPORT.format(ros=ROS, modules=modules))


def test_the_errors_come_without_torch() -> None:
    run_python("import sys, talk2dino_ros.engine.errors\nassert 'torch' not in sys.modules")


@pytest.mark.parametrize("path", OUTER_MODULES, ids=module_name)
def test_only_the_engine_imports_networks(path: Path) -> None:
    assert not top_names(path) & NETWORKS


@pytest.mark.parametrize("path", ENGINE_MODULES, ids=module_name)
def test_the_engine_imports_nothing_from_the_layers_above_it(path: Path) -> None:
    inner = {name for name in imported_names(path) if name.startswith(PACKAGE.name)}
    assert all(name.startswith(f"{PACKAGE.name}.engine") for name in inner), inner


@pytest.mark.parametrize("path", PURE_MODULES, ids=module_name)
def test_pure_modules_import_no_ros(path: Path) -> None:
    assert not {name for name in top_names(path) if is_ros(name)}
