# SPDX-License-Identifier: Apache-2.0
"""What all tests share: warnings are errors, but for those inside of other people's packages."""

import gc
import os
import signal
import tempfile

import pytest


def pytest_configure(config: pytest.Config) -> None:
    # what an earlier run or the user's own node left in the text cache must not answer for the code under test
    caches = tempfile.TemporaryDirectory(prefix="talk2dino_test_caches_")
    os.environ["XDG_CACHE_HOME"] = caches.name
    config.add_cleanup(caches.cleanup)
    # a shell starts what runs in the background deaf to Ctrl-C, which every node that a test starts would inherit
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # lark, which rclpy's type support imports where the ROS of the PyPI wheels is used
    config.addinivalue_line("filterwarnings", "ignore:module 'sre_.*' is deprecated:DeprecationWarning")


def pytest_collection_finish() -> None:
    # what all modules together have imported stays for good: each later collection would look through it once more
    gc.collect()
    gc.freeze()
