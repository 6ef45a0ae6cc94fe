# SPDX-License-Identifier: Apache-2.0
"""The segmenter's executable, whose model never returns from a red image: it hangs where no signal is heard."""

import ctypes
import sys

import numpy as np

from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.segmenter.segmenter_main import main

RED = (255, 0, 0)
segment = Segmenter.segment


def hang() -> None:
    """Lock a mutex of the C library twice, which waits for itself for ever."""
    print("the model hangs", flush=True)
    libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    for _ in range(2):
        libc.pthread_mutex_lock(mutex)


def segment_or_hang(self, images, *args, **options):
    first = images[0] if isinstance(images, list) else images
    if np.array_equal(first[0, 0], RED):
        hang()
    return segment(self, images, *args, **options)


if __name__ == "__main__":
    Segmenter.segment = segment_or_hang
    sys.exit(main())
