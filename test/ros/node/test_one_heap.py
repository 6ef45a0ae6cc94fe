# SPDX-License-Identifier: Apache-2.0
"""What threads have freed goes back to the system, in a fresh process, as heaps are made once."""

import platform
import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
    import ctypes, threading
    from talk2dino_ros.ros.node.run_node import share_one_heap
    from talk2dino_ros.ros.watch.own_memory import own_bytes

    share_one_heap()
    c = ctypes.CDLL(None)
    c.malloc.restype, c.malloc.argtypes, c.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

    def take(size, count):
        blocks = [c.malloc(size) for _ in range(count)]
        for block in blocks:
            ctypes.memset(block, 1, size)
        for block in blocks:
            c.free(block)

    take(24 << 20, 1)  # freed once, glibc keeps up to twice as much at a heap's end
    before = own_bytes()
    threads = [threading.Thread(target=take, args=(100_000, 200)) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    c.malloc_trim(0)
    print(own_bytes() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this C library's heap is another")
def test_no_thread_keeps_a_heap_of_its_own():
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], capture_output=True, text=True, check=True, timeout=300
    )
    assert int(run.stdout) < 16e6  # 20 MB in each thread's heap
