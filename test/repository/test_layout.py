# SPDX-License-Identifier: Apache-2.0
"""The layout: a room for each concern, imports one way, each name once (docs/architecture.md)."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "talk2dino_ros"
MODULES = sorted(PACKAGE.rglob("*.py"))
ENGINE_MODULES = [path for path in MODULES if PACKAGE / "engine" in path.parents]
OUTER_MODULES = [path for path in MODULES if path not in ENGINE_MODULES]
MOST_FILES = 15  # of a folder
MOST_LINES = 300  # of a file

# Which rooms a room may import from, beside itself.
MAY_IMPORT = {
    "engine": set(),
    "perception": {"engine"},
    "ros": {"engine", "perception", "viz"},
    "viz": {"engine", "perception"},
    "segmenter": {"engine", "perception", "ros", "viz"},
    "goal": {"engine", "perception", "ros"},
    "memory": {"engine", "perception", "ros"},
    "client": {"engine", "ros"},
    "web": {"engine", "perception", "ros", "viz", "client"},
    "agents": {"client", "engine", "perception", "ros", "viz"},
    "trees": {"client"},
    "cli": {"agents", "engine", "perception", "ros", "viz", "demo", "segmenter", "web"},
    "demo": {"engine", "perception", "ros", "viz", "segmenter", "goal"},
}
# What is loaded of the engine with perception: what an error and a word are, and how loops are compiled. None of it
# needs torch.
FOR_PERCEPTION = {
    "errors",
    "vocabulary",
    "text",
    "text.class_entries",
    "text.class_syntax",
    "text.class_threshold",
    "text.counted",
    "text.safe_text",
    "files",
    "files.atomic_write",
    "files.bounded_parsers",
    "files.cache_folder",
    "files.regular_files",
    "runtime",
    "runtime.compiled",
}
# In these rooms the modules named here talk to ROS; all others are pure.
ROS_MODULES = {
    "goal": {
        "go_to_runner",
        "goal_main",
        "goal_node",
        "goal_messages",
        "goal_server",
        "goal_topics",
        "memory_client",
        "planner_client",
        "surroundings",
        "vocabulary_client",
    },
    "memory": {
        "image_input",
        "memory_main",
        "memory_messages",
        "memory_node",
        "memory_server",
        "memory_topics",
        "text_client",
    },
    "ros/bags": set(),
    "ros/conversions": {"bridge", "feature_messages", "place_messages", "status_messages"},
    "ros/messages": set(),
    "ros/tf": {"heard_transforms", "listener", "open_transforms", "tf2_adapter"},
    "ros/security": set(),
    "ros/watch": set(),
    "perception": set(),
    "viz": set(),
    "web": {"robot_map", "robot_source", "journey", "web_node", "web_main"},
}
PURE_MODULES = [
    path for room, ros in ROS_MODULES.items() for path in (PACKAGE / room).rglob("*.py") if path.stem not in ros
]

NETWORKS = {"open_clip", "openvino", "timm", "torch", "torchvision", "transformers"}
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

NOTHING_ELSE_OF_THE_ENGINE = f"""
prefix = "talk2dino_ros.engine."
loaded = {{name.removeprefix(prefix) for name in sys.modules if name.startswith(prefix)}}
assert loaded <= {FOR_PERCEPTION!r} and "torch" not in sys.modules, loaded
"""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path) for path in MODULES}


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the absolute name of every module that a file imports, at its top or inside of functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in NAMES else str(node.module)


def top_names(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_modules(path)}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def folder_of(module: str) -> str:
    is_package = (ROOT / module.replace(".", "/")).is_dir()
    return module if is_package else module.rpartition(".")[0]


def is_ros(name: str) -> bool:
    return name in ROS or name.endswith("_msgs")


def is_beside(name: str) -> bool:
    return name in {"benchmarks", "examples", "mujoco", "setup_env", "test", "tools"}


def run_python(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_package_has_only_the_known_folders() -> None:
    assert {path.name for path in PACKAGE.iterdir() if path.is_file()} == {"__init__.py", "py.typed"}
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(MAY_IMPORT)


def test_no_folder_has_too_many_modules() -> None:
    counts = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    assert {folder: count for folder, count in counts.items() if count > MOST_FILES} == {}


def test_no_file_is_too_long() -> None:
    beside = [path for folder in ("test", "tools", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in (*MODULES, *beside)}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


@pytest.mark.parametrize("paths", [MODULES, sorted((ROOT / "test").rglob("*.py"))], ids=["package", "tests"])
def test_module_names_are_unique(paths: list[Path]) -> None:
    counts = Counter(path.stem for path in paths if path.stem not in ("__init__", "__main__", "conftest"))
    assert {name: count for name, count in counts.items() if count > 1} == {}


def test_public_class_names_are_unique() -> None:
    counts = Counter(
        node.name
        for path in MODULES
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name: count for name, count in counts.items() if count > 1} == {}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_go_one_way(path: Path) -> None:
    room = room_of(module_name(path))
    rooms = {room_of(name) for name in imported_modules(path) if name.startswith(f"{PACKAGE.name}.")}
    assert rooms <= MAY_IMPORT.get(room, set()) | {room}


def test_no_two_folders_import_each_other() -> None:
    """A folder and the folders inside of it are one: engine/ holds what its rooms share and what joins them."""
    edges = {
        (folder_of(module_name(path)), folder_of(name))
        for path in MODULES
        for name in imported_modules(path)
        if name.startswith(f"{PACKAGE.name}.")
    }
    both_ways = {(one, other) for one, other in edges if (other, one) in edges and one < other}
    assert {pair for pair in both_ways if not pair[1].startswith(f"{pair[0]}.")} == set()


def test_perception_imports_only_class_names_and_errors_of_the_engine() -> None:
    modules = [module_name(path) for path in MODULES if PACKAGE / "perception" in path.parents]
    run_python(f"import sys, {', '.join(modules)}\n{NOTHING_ELSE_OF_THE_ENGINE}")


def test_the_engine_imports_where_ros_is_blocked() -> None:
    modules = [module_name(path) for path in ENGINE_MODULES]
    run_python(BLOCK_ROS_AND_IMPORT.format(ros=ROS, modules=modules))


def test_the_command_line_imports_where_ros_is_blocked() -> None:
    modules = [module_name(path) for path in MODULES if PACKAGE / "cli" in path.parents]
    run_python(BLOCK_ROS_AND_IMPORT.format(ros=ROS, modules=modules))


def test_the_errors_come_without_torch() -> None:
    run_python("import sys, talk2dino_ros.engine.errors\nassert 'torch' not in sys.modules")


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_robots_get_no_simulator_and_nothing_else_that_is_not_installed(path: Path) -> None:
    assert not {name for name in top_names(path) if is_beside(name)}


@pytest.mark.parametrize("path", OUTER_MODULES, ids=module_name)
def test_only_the_engine_imports_networks(path: Path) -> None:
    assert not top_names(path) & NETWORKS


@pytest.mark.parametrize("path", PURE_MODULES, ids=module_name)
def test_pure_modules_import_no_ros(path: Path) -> None:
    assert not {name for name in top_names(path) if is_ros(name)}
