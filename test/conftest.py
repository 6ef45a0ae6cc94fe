# SPDX-License-Identifier: Apache-2.0
"""What all tests share: warnings are errors, but for those inside of other people's packages."""

from __future__ import annotations  # Ubuntu 24.04's pytest, which a sourced ROS brings, knows no TerminalReporter

import gc
import logging
import os
import signal
import tempfile
from pathlib import Path

import pytest
from ros_domain import take_domain

# as `pytest --durations=0` tells; a worker takes a file at a time (Makefile)
LONGEST = (
    "engine/inference/test_triton_kernels.py",
    "repository/test_installed_alone.py",
    "benchmarks/",
    "engine/train/",
    "cli/test_evaluate.py",
    "node/test_vocabulary_services.py",
    "node/",
    "engine/onnx/",
    "engine/selfcheck/",
    "cli/",
    "demo/",
    "engine/evaluate/",
    "engine/bench/",
    "engine/openvino/",
)


def pytest_configure(config: pytest.Config) -> None:
    # what an earlier run or the user's own node left in the text cache must not answer for the code under test
    caches = tempfile.TemporaryDirectory(prefix="talk2dino_test_caches_")
    if "PYTEST_XDIST_WORKER" in os.environ:
        share_slow_results(Path(os.environ["XDG_CACHE_HOME"]), Path(caches.name))
    os.environ["XDG_CACHE_HOME"] = caches.name
    # but compiled code is known by the sum of its sources, and takes many seconds to make
    os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "numba"))
    config.add_cleanup(caches.cleanup)
    keep_to_one_ros_domain(config)
    if "PYTEST_XDIST_WORKER" in os.environ:
        # threads of several workers that wait for each other on the same processors do nothing else; a test of threads
        # asks for its own
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    # a shell starts what runs in the background deaf to Ctrl-C, which every node that a test starts would inherit
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # lark, which rclpy's type support imports where the ROS of the PyPI wheels is used
    config.addinivalue_line("filterwarnings", "ignore:module 'sre_.*' is deprecated:DeprecationWarning")
    # a test's own service is no better than anybody's: where its asker's reader is not found yet, the asker asks again
    config.addinivalue_line("filterwarnings", "ignore:failed to send response:RuntimeWarning")


def share_slow_results(of_run: Path, of_worker: Path) -> None:
    """Give a worker the run's folders of what takes seconds: encoders that OpenVINO has converted, and self-checks."""
    (of_worker / "talk2dino_ros").mkdir()
    for name in ("openvino", "self_check"):
        shared = of_run / "talk2dino_ros" / name
        shared.mkdir(parents=True, exist_ok=True)
        (of_worker / "talk2dino_ros" / name).symlink_to(shared, target_is_directory=True)


def keep_to_one_ros_domain(config: pytest.Config) -> None:
    """Keep this process and those that it starts on this machine, and apart from all other workers and runs."""
    domain, taken = take_domain()
    config.add_cleanup(taken.close)
    os.environ["ROS_DOMAIN_ID"] = str(domain)
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    if os.environ.get("ROS_DISTRO") == "humble":
        os.environ["ROS_LOCALHOST_ONLY"] = "1"
    else:
        os.environ.pop("ROS_LOCALHOST_ONLY", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders and files that take longest, so that no worker is left with one of them at the end."""
    here = Path(__file__).parent
    begins = {item.path: item.path.relative_to(here).as_posix() for item in items}
    rank = {
        path: next((n for n, long in enumerate(LONGEST) if name.startswith(long)), len(LONGEST))
        for path, name in begins.items()
    }
    items.sort(key=lambda item: rank[item.path])


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, as tests of nodes wait most of the time; each takes memory for a torch."""
    return min(len(os.sched_getaffinity(0)) + 1, 8)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.option.markexpr == "not slow":
        terminalreporter.write_line("The tests marked slow were left out: `make test-all` runs them too.")


def pytest_collection_finish() -> None:
    # what all modules together have imported stays for good: each later collection would look through it once more
    gc.collect()
    gc.freeze()


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What this project says: what others say, as asyncio of an earlier test's garbage, comes at any time."""
    caplog.handler.addFilter(logging.Filter("talk2dino"))
    return caplog
