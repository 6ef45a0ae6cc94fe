# SPDX-License-Identifier: Apache-2.0
"""Run tests as other CPUs and busier machines would see them: `make test-cpus`; `make test-cpus TESTS=test/engine`.

The libraries that compute are told to leave newer instructions alone, which makes them take the code that an older CPU
takes (x86; elsewhere they do not listen). Then all tests run as they are, beside a loop on every processor.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# oneDNN: bf16 layers; ATen: PyTorch's own loops; MKL: its products in fp32 (on Intel); OpenBLAS: NumPy's
CPUS = {
    "AVX-512 without AMX": {
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16",
        "ATEN_CPU_CAPABILITY": "avx512",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        "OPENBLAS_CORETYPE": "SkylakeX",
    },
    "AVX2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
}
COMPUTING = ("test/engine", "test/cli/test_train.py", "test/cli/test_encode.py", "test/cli/files/test_segment.py")
LOOP = (sys.executable, "-c", "while True: pass")


def main(arguments: Sequence[str]) -> int:
    """Run all; arguments: pytest's, in place of the tests that compute and of all tests. Returns 1 if any failed."""
    failed = [name for name, environment in CPUS.items() if not succeeds(name, arguments or COMPUTING, environment)]
    with busy_loops(os.cpu_count() or 1):
        if not succeeds("busy", arguments, {}):
            failed.append("busy")
    print(f"failed: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0


def succeeds(name: str, arguments: Sequence[str], environment: dict[str, str]) -> bool:
    """Run pytest in an environment with these variables; tells whether all tests passed."""
    print(f"\n{name}: {' '.join(f'{key}={value}' for key, value in environment.items())}", flush=True)
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, env=os.environ | environment, check=False).returncode == 0


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Keep so many processors busy meanwhile."""
    loops = [subprocess.Popen(LOOP) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
