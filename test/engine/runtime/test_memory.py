# SPDX-License-Identifier: Apache-2.0
"""What is freed goes back to the system, in a fresh process: memory that was used before hides what comes after."""

import platform
import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
    import torch
    from talk2dino_ros.engine.bench.measure import resident_bytes
    from talk2dino_ros.engine.runtime.memory import release_memory

    megabytes = lambda count: torch.ones(count * 2**18)
    del_me = megabytes(26)  # the size of a text tower's layers; freed once, glibc keeps such blocks for itself
    del del_me
    before = resident_bytes()
    blocks = [megabytes(24) for _ in range(12)]
    last = megabytes(1)  # above them on the heap
    with_blocks = resident_bytes()
    del blocks
    release_memory()
    print(with_blocks - before, resident_bytes() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this C library's heap is another")
def test_memory_that_glibc_would_keep_goes_back_to_the_system():
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], capture_output=True, text=True, check=True, timeout=300
    )
    with_blocks, after = map(int, run.stdout.split())
    assert with_blocks > 280e6
    assert after < 60e6
