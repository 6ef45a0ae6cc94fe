# SPDX-License-Identifier: Apache-2.0
"""What is compiled is kept, and made anew when any file that went into it has changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[3] / "talk2dino_ros" / "engine"
# A package whose compiled function takes a constant from another file, beside the real compiled.py.
CONSTANT = "FACTOR = {factor}\n"
FUNCTION = """
from engine.runtime.compiled import compiled
from engine.runtime.vector_math import FACTOR

@compiled
def scaled(value):
    return value * FACTOR

print(scaled(1.0), sum(scaled.stats.cache_hits.values()))
"""


def run(folder: Path, factor: float) -> list[str]:
    """Write the constant, call the function in a fresh process; return its value and how often the cache served."""
    (folder / "engine" / "runtime" / "vector_math.py").write_text(CONSTANT.format(factor=factor))
    # Python's own kept code goes by a file's size and second, and the files here are as long and written in one
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"XDG_CACHE_HOME": str(folder / "caches"), "NUMBA_CACHE_DIR": ""}
    command = [sys.executable, "-m", "engine.inference.pamr.pamr_cpu"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the package of one compiled function."""
    engine = tmp_path / "engine"
    (engine / "inference" / "pamr").mkdir(parents=True)
    (engine / "runtime").mkdir()
    for package in (engine, engine / "runtime", engine / "inference", engine / "inference" / "pamr"):
        (package / "__init__.py").touch()
    shutil.copy(ENGINE / "runtime" / "compiled.py", engine / "runtime")
    (engine / "inference" / "pamr" / "pamr_cpu.py").write_text(FUNCTION)
    return tmp_path


def test_a_changed_constant_of_another_file_recompiles_the_function(folder):
    assert run(folder, 2.0) == ["2.0", "0"]
    assert run(folder, 2.0) == ["2.0", "1"]
    assert run(folder, 3.0) == ["3.0", "0"]


def test_compiled_code_is_kept_in_the_users_caches_and_not_in_the_package(folder):
    """pip would leave it in site-packages, where the folder then hides the package of `pip install -e .`."""
    run(folder, 2.0)
    kept = [file.relative_to(folder).parts[:2] for file in folder.rglob("*.nb?")]
    assert set(kept) == {("caches", "talk2dino_ros")}
