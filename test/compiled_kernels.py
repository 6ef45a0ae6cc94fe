# SPDX-License-Identifier: Apache-2.0
"""As a program: compile the Triton kernels for GPUs that are not there, through Triton's own launcher.

python -m compiled_kernels FOLDER 75 90 ...

The package's functions run as they do on a GPU, on a driver that says which GPU to compile for and launches nothing.
Prints one JSON object: for each architecture, what was compiled [{kernel, cubin (a file in FOLDER)}].
"""

import json
import sys
from pathlib import Path

import torch
from triton.backends.compiler import GPUTarget
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


def compile_for(architecture, folder):
    """Run them with launches that end after the compilation; return what was compiled."""
    compiled, launch = {}, JITFunction.run

    def only_compile(self, *args, grid, warmup, **options):
        kernel = launch(self, *args, grid=grid, warmup=True, **options)
        compiled[kernel.hash] = (self.fn.__name__, kernel.asm["cubin"])
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
    return [_kept(folder / f"{architecture}_{key[:12]}.cubin", *found) for key, found in compiled.items()]


def _kept(path, name, cubin):
    path.write_bytes(cubin)
    return {"kernel": name, "cubin": str(path)}


if __name__ == "__main__":
    print(json.dumps({number: compile_for(int(number), Path(sys.argv[1])) for number in sys.argv[2:]}))
