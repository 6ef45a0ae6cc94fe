# SPDX-License-Identifier: Apache-2.0
"""Whether this CPU computes a ViT sooner in bf16 than in fp32: by its instructions, and by a short measurement.

What instructions promise is not what every processor, virtual machine and build of PyTorch keeps. The measurement takes
a fraction of a second and is remembered in the user's cache folder, for this CPU and this PyTorch.
"""

import json
import logging
import math
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.files.cache_folder import standard_folder
from talk2dino_ros.engine.runtime.cpuinfo import cpu_has, cpu_model
from talk2dino_ros.engine.runtime.packed_linear import PackedLinear, can_pack

# the quickest first
INSTRUCTIONS = {"amx_bf16": "AMX", "avx512_bf16": "AVX-512 with bf16", "bf16": "Arm's bf16"}
GAIN = 1.2  # bf16 rounds to 8 bits, and has to be worth it
FILE_NAME = "cpu_bf16_1.json"  # the number is that of its layout
ROWS, WIDTH, ROUNDS = 261, 768, 5  # a quarter of what a ViT-B has at 448x448
Times = dict[str, float]

logger = logging.getLogger("talk2dino")


def gains_by_bf16() -> tuple[bool, str]:
    """Tell whether bf16 is the faster on this CPU, by GAIN or more, and why in words."""
    name = next((each for each in INSTRUCTIONS if cpu_has(each)), None)
    if name is None:
        return False, f"the CPU has none of {', '.join(INSTRUCTIONS)}"
    times = measured()
    gain = times["fp32_s"] / times["bf16_s"]
    return gain >= GAIN, f"the CPU has {INSTRUCTIONS[name]}, and bf16 was measured {gain:.1f} times as fast as fp32"


def measured() -> Times:
    """Return the seconds of two layers in each format, `fp32_s` and `bf16_s`, from the cache where they are there.

    A cache that is damaged or cannot be read is a miss; one that cannot be written is said and does no harm.
    """
    subject = _subject()
    known = _read()
    if subject not in known:
        known[subject] = measure()
        _write(known)
    return known[subject]


@torch.inference_mode()
def measure() -> Times:
    """Time a ViT-B's MLP in each format, in turn; the fastest of each counts, as other programs only add to it."""
    sides = {"fp32_s": _mlp(torch.float32), "bf16_s": _mlp(torch.bfloat16)}
    best = dict.fromkeys(sides, math.inf)
    for _ in range(1 + ROUNDS):  # the first warms up and is never the fastest
        for name, call in sides.items():
            start = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def _mlp(dtype: torch.dtype) -> Callable[[], object]:
    layers: list[nn.Module] = [nn.Linear(*sizes).to(dtype) for sizes in ((WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH))]
    if dtype == torch.bfloat16 and can_pack():
        layers = [PackedLinear(layer) for layer in layers if isinstance(layer, nn.Linear)]
    return partial(nn.Sequential(*layers), torch.ones(ROWS, WIDTH, dtype=dtype))


def _subject() -> str:
    """Name all that the times depend on."""
    limits = [f"{key}={os.environ[key]}" for key in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA") if key in os.environ]
    return ", ".join([cpu_model(), f"{torch.get_num_threads()} threads", f"torch {torch.__version__}", *limits])


def _path() -> Path:
    return standard_folder() / FILE_NAME


def _read() -> dict[str, Times]:
    try:
        table = json.loads(_path().read_bytes())
        return {subject: _checked(times) for subject, times in table.items()}
    except (OSError, RuntimeError, ValueError, ArithmeticError, TypeError, LookupError, AttributeError):  # no home, too
        return {}


def _checked(times: Times) -> Times:
    found = {name: float(times[name]) for name in ("fp32_s", "bf16_s")}
    if not all(math.isfinite(value) and value > 0 for value in found.values()):
        raise ValueError(f"{found} are no times")
    return found


def _write(table: dict[str, Times]) -> None:
    try:
        _path().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_path(), json.dumps(table, indent=1).encode())
    except (OSError, RuntimeError) as error:
        logger.warning("the CPU's speed in bf16 cannot be remembered (%s), and is measured at each start", error)
