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
    return start(folder, factor)[0].split()


def start(folder: Path, factor: float, before: tuple[str, ...] = (), **more: str) -> tuple[str, str]:
    """The same with more of an environment, started by a command; return what it printed, and its warnings."""
    (folder / "engine" / "runtime" / "vector_math.py").write_text(CONSTANT.format(factor=factor))
    # Python's own kept code goes by a file's size and second, and the files here are as long and written in one
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"XDG_CACHE_HOME": str(folder / "caches"), "NUMBA_CACHE_DIR": ""} | more
    command = [*before, sys.executable, "-m", "engine.inference.pamr.pamr_cpu"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return ended.stdout, ended.stderr


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


def test_where_no_folder_can_be_written_it_is_said_once_and_compiled_all_the_same(folder):
    """A container whose disk may be read alone; root may write wherever there is a disk."""
    function = folder / "engine" / "inference" / "pamr" / "pamr_cpu.py"
    function.write_text(
        FUNCTION.replace("@compiled\n", "@compiled\ndef other(value):\n    return value\n\n@compiled\n")
    )
    (function.parent / "__pycache__").write_text("a file where numba's second choice of a folder should be")
    nowhere = {"XDG_CACHE_HOME": "/proc/nowhere", "HOME": "/proc/nowhere"}
    printed, said = start(folder, 2.0, **nowhere)
    assert printed.split() == ["2.0", "0"]
    (line,) = said.splitlines()
    assert line.startswith("code that was compiled for this CPU cannot be kept (neither in /proc/nowhere/")
    assert line.endswith("make the folder writable, make room, or set XDG_CACHE_HOME to one that is")


def test_compiled_code_is_kept_in_the_users_caches_and_not_in_the_package(folder):
    """pip would leave it in site-packages, where the folder then hides the package of `pip install -e .`."""
    run(folder, 2.0)
    kept = [file.relative_to(folder).parts[:2] for file in folder.rglob("*.nb?")]
    assert set(kept) == {("caches", "talk2dino_ros")}


def test_a_full_disk_is_said_and_the_function_compiled_all_the_same(folder):
    printed, said = start(folder, 2.0, before=("sh", "-c", 'ulimit -f 0; exec "$@"', "sh"))
    assert printed.split() == ["2.0", "0"]
    (line,) = said.splitlines()
    assert "cannot be kept (in " in line
    assert "File too large" in line


@pytest.mark.parametrize(
    ("kind", "damaged"),
    [
        ("nbi", lambda content: content[: len(content) // 2]),
        ("nbc", lambda content: content[: len(content) // 2]),
        ("nbc", lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]),
    ],
    ids=["an index that is cut off", "code that is cut off", "a wrong bit of code"],
)
def test_a_damaged_file_is_said_and_kept_anew(folder, kind, damaged):
    run(folder, 2.0)
    for path in folder.rglob(f"*.{kind}"):
        path.write_bytes(damaged(path.read_bytes()))
    printed, said = start(folder, 2.0)
    assert printed.split() == ["2.0", "0"]
    assert "is damaged" in said
    assert run(folder, 2.0) == ["2.0", "1"]


def test_code_that_another_process_kept_for_other_types_meanwhile_is_not_taken(folder):
    """Both had found no file, took the same name, and the one's index came last and the other's code."""
    function = folder / "engine" / "inference" / "pamr" / "pamr_cpu.py"
    first = FUNCTION.replace("value * FACTOR", "value[0]").replace("1.0", 'np.full(2, 3, os.environ["KIND"])')
    function.write_text(f"import os\nimport numpy as np\n{first}")
    assert start(folder, 2.0, KIND="float32")[0].split() == ["3.0", "0"]
    (kept,) = folder.rglob("*.nbc")
    of_floats = kept.read_bytes()
    shutil.rmtree(folder / "caches")
    assert start(folder, 2.0, KIND="int32")[0].split() == ["3", "0"]
    kept.write_bytes(of_floats)
    assert start(folder, 2.0, KIND="int32")[0].split() == ["3", "0"]
    assert start(folder, 2.0, KIND="int32")[0].split() == ["3", "1"]
