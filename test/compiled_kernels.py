# SPDX-License-Identifier: Apache-2.0
"""As a program: compile the Triton kernels for GPUs that are not there, through Triton's own launcher.

python -m compiled_kernels FOLDER 80 75,86 ...

The package's functions run as they do on a GPU, on a driver that says which GPU to compile for and launches nothing.
Of architectures joined by a comma, Triton compiles for the first, and its PTX is assembled for the others: for most it
would write the same, and what registers each has is the assembler's business.
Prints one JSON object: for each architecture, what was compiled [{kernel, path (of two files, .ptx and .cubin)}].
"""

import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

import torch
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import CUDABackend
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from talk2dino_ros.engine.inference.decision import Decision, decision_gpu
from talk2dino_ros.engine.inference.decision.decision_table import DecisionTable
from talk2dino_ros.engine.inference.pamr import pamr_gpu

# images, classes, own and refined size: what Triton would specialise (1, multiples of 16) and what not
SHAPES = (
    (1, 1, (480, 640), (480, 640)),
    (2, 7, (37, 41), (481, 641)),
    (16, 16, (720, 1280), (720, 1280)),
    (1, 150, (1, 1), (1, 1)),
)


class Compiled(NamedTuple):
    """A kernel as text and as a program."""

    name: str
    ptx: str
    cubin: bytes


class Driver:
    """A driver of a GPU of one architecture, such as 90."""

    def __init__(self, architecture):
        self.architecture = architecture

    def get_current_target(self):
        return GPUTarget("cuda", self.architecture, 32)

    def get_current_device(self):
        return 0

    def get_current_stream(self, _device):
        return 0


def compile_for(architecture):
    """Run them with launches that end after the compilation; return each kernel once, in no order."""
    compiled, launch = {}, JITFunction.run

    def only_compile(self, *args, grid, warmup, **options):
        kernel = launch(self, *args, grid=grid, warmup=True, **options)
        compiled[kernel.hash] = Compiled(self.fn.__name__, kernel.asm["ptx"], kernel.asm["cubin"])
        return kernel

    driver.set_active(Driver(architecture))
    for kernel in (pamr_gpu.spread, pamr_gpu.deviate, pamr_gpu.average, decision_gpu.choose):
        kernel.device_caches.clear()  # which are by the device's index
    JITFunction.run = only_compile
    try:
        for images, classes, own, size in SHAPES:
            scores = torch.empty(images, classes, *own)
            pamr_gpu.pamr_gpu(torch.empty(images, 3, *size), scores)
            table = DecisionTable.of([(Decision(None, 1.0, 255), {})] * images, classes, "cpu")
            decision_gpu.decide_gpu(scores, size, table, align_corners=True)
            decision_gpu.decide_gpu(scores.view(-1)[1:].view(1, -1, 1, 1), size, table, align_corners=False)
    finally:
        JITFunction.run = launch
    return list(compiled.values())


def assemble_for(architecture, kernel):
    """Run Triton's last step, the assembler, on the PTX that it wrote for another GPU of the family."""
    backend = CUDABackend(GPUTarget("cuda", architecture, 32))
    ptx = re.sub(r"\.target sm_\d+", f".target sm_{architecture}", kernel.ptx)
    return Compiled(kernel.name, ptx, backend.make_cubin(ptx, {}, backend.parse_options({}), architecture))


def kept(folder, architecture, kernels):
    """Write down what was compiled for an architecture."""
    paths = [folder / f"{architecture}_{number}" for number in range(len(kernels))]
    for path, kernel in zip(paths, kernels, strict=True):
        path.with_suffix(".ptx").write_text(kernel.ptx)
        path.with_suffix(".cubin").write_bytes(kernel.cubin)
    return [{"kernel": kernel.name, "path": str(path)} for path, kernel in zip(paths, kernels, strict=True)]


def compile_groups(groups, folder):
    """Compile for the first of each group and assemble for its others."""
    found = {}
    for first, *others in groups:
        kernels = compile_for(first)
        found[first] = kept(folder, first, kernels)
        found |= {each: kept(folder, each, [assemble_for(each, kernel) for kernel in kernels]) for each in others}
    return found


if __name__ == "__main__":
    numbers = [[int(number) for number in group.split(",")] for group in sys.argv[2:]]
    print(json.dumps(compile_groups(numbers, Path(sys.argv[1]))))
