# SPDX-License-Identifier: Apache-2.0
"""Every Triton kernel is compiled for every GPU from Turing to Blackwell, on a machine that has none."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import triton

import talk2dino_ros

# Triton writes the same PTX for all of a family: it compiles for the first, and its assembler alone runs for the others
FAMILIES = ("75,86,87,89", "80", "90", "100,103,110,120,121")
ARCHITECTURES = ",".join(FAMILIES).split(",")
TESTS = Path(__file__).parents[2]
PACKAGE = Path(talk2dino_ros.__file__).parent
CUOBJDUMP = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"


def compiled_for(groups, folder):
    """{architecture: [{kernel, path}]}, made in processes that no test's interpreter or driver has touched."""
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRITON_")}
    environment |= {"TRITON_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    command = [sys.executable, "-m", "compiled_kernels", str(folder)]
    runs = [  # two at once, as the layouts of a kernel of a hundred loads take Triton seconds
        subprocess.Popen([*command, *some], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for some in (groups[::2], groups[1::2])
    ]
    found = {}
    for run in runs:
        printed, errors = run.communicate()
        assert run.returncode == 0, errors
        found |= json.loads(printed)
    return found


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    return compiled_for(FAMILIES, tmp_path_factory.mktemp("kernels") / "by_family")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_each_kernel_is_compiled_once_whatever_the_number_of_classes_and_the_size(compiled, architecture):
    # but for the last iteration, which writes another form
    assert sorted(found["kernel"] for found in compiled[architecture]) == [
        *("average", "average", "choose", "deviate", "spread")
    ]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_kernel_spills_registers_into_memory(compiled, architecture):
    for found in compiled[architecture]:
        usage = subprocess.run(
            [CUOBJDUMP, "-res-usage", f"{found['path']}.cubin"], capture_output=True, text=True, check=True
        ).stdout
        sizes = {name: int(size) for name, size in re.findall(r"(REG|STACK|LOCAL|SHARED):(\d+)", usage)}
        assert sizes["REG"] > 0, usage
        assert (sizes["STACK"], sizes["LOCAL"]) == (0, 0), usage
        assert sizes["SHARED"] <= 1024, usage  # of 64 KiB on Turing: what is there serves as cache


def ptx_of(kernels):
    return sorted(Path(f"{found['path']}.ptx").read_text() for found in kernels)


@pytest.mark.slow
def test_triton_itself_writes_the_same_for_each_gpu_of_a_family(compiled, tmp_path):
    others = [each for group in FAMILIES for each in group.split(",")[1:]]
    alone = compiled_for(others, tmp_path / "alone")
    assert [each for each in others if ptx_of(alone[each]) != ptx_of(compiled[each])] == []


def test_every_triton_kernel_of_the_package_is_tested():
    sources = [path for path in PACKAGE.rglob("*.py") if "@triton.jit" in path.read_text()]
    kernels = {name for path in sources for name in re.findall(r"@triton\.jit[^@]*?\ndef (\w+)", path.read_text())}
    assert {path.name for path in sources} == {"pamr_kernels.py", "decision_kernels.py"}
    assert {name for name in kernels if not name.startswith("_")} == {"average", "choose", "deviate", "spread"}
