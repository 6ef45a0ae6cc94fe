# SPDX-License-Identifier: Apache-2.0
"""What this shell has set up for large images, middleware by middleware, as findings for `talk2dino doctor`."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from talk2dino_ros.engine.doctor.health_finding import HealthFinding, Level
from talk2dino_ros.ros.parameters.launch_arguments import BUILTIN_VARIABLE, CYCLONE_VARIABLE, profile_names
from talk2dino_ros.segmenter.transport.middleware_facts import (
    DEFAULT_SEGMENT,
    OUR_REQUEST,
    START_ROUTER,
    SYSCTL,
    ZENOH_SESSION_VARIABLE,
    ZENOH_VARIABLE,
    Middleware,
    profile_files,
)
from talk2dino_ros.segmenter.transport.transport_verdict import PAGE

SHARED_MEMORY = Path("/dev/shm")
LARGE_IMAGE = 1920 * 1080 * 3  # bytes


def transport_findings(middleware: Middleware, environment: Mapping[str, str]) -> Iterable[HealthFinding]:
    """Say what is set up; a driver's own shell is another one."""
    if middleware.profile_variable is not None:
        yield _fast_dds(environment)
        yield from _shared_memory()
    elif "cyclonedds" in middleware.name:
        yield _cyclone(middleware, environment)
        yield from _receive_limit(middleware)
    elif "zenoh" in middleware.name:
        yield from _router(middleware)
        yield _zenoh(middleware, environment)


def _fast_dds(environment: Mapping[str, str]) -> HealthFinding:
    used = next((name for name in profile_names(environment) if environment.get(name)), None)
    if used is not None:
        return _profile_file(used, environment[used], Path(environment[used].removeprefix("file://")))
    if environment.get(BUILTIN_VARIABLE):
        return HealthFinding("transport", f"{BUILTIN_VARIABLE}={environment[BUILTIN_VARIABLE]}")
    need = f"images above {DEFAULT_SEGMENT / 1e6:.2f} MB need it where the camera's driver starts ({PAGE})"
    return HealthFinding("transport", f"no profile in this shell; {need}", Level.NOTE)


def _profile_file(variable: str, value: str, path: Path) -> HealthFinding:
    if path.is_file():
        return HealthFinding("transport", f"{variable}={value}")
    return HealthFinding("transport", f"{variable}={value}, which is not a file", Level.WRONG, "correct the path")


def _shared_memory() -> Iterable[HealthFinding]:
    if SHARED_MEMORY.is_dir():
        free = shutil.disk_usage(SHARED_MEMORY).free
        is_small = free < 64 << 20
        remedy = "docker run --shm-size=1g, or config/fastdds_small.xml" if is_small else ""
        level = Level.NOTE if is_small else Level.OK
        yield HealthFinding("/dev/shm", f"{free / 2**20:.0f} MiB free", level, remedy)


def _cyclone(middleware: Middleware, environment: Mapping[str, str]) -> HealthFinding:
    value = environment.get(CYCLONE_VARIABLE, "")
    missing = [path for path in profile_files(environment) if not path.is_file()]
    if missing:
        return _profile_file(CYCLONE_VARIABLE, value, missing[0])
    if middleware.requested >= OUR_REQUEST or middleware.receive_buffer is None:
        return HealthFinding("transport", f"{CYCLONE_VARIABLE}={value}" if value else "Cyclone's own settings")
    need = f"images above {middleware.receive_buffer / 1e6:.2f} MB need it where they are received ({PAGE})"
    return HealthFinding("transport", f"no profile for large images in this shell; {need}", Level.NOTE)


def _receive_limit(middleware: Middleware) -> Iterable[HealthFinding]:
    if middleware.receive_limit is not None:
        is_small = 2 * middleware.receive_limit < LARGE_IMAGE
        said = (
            f"net.core.rmem_max is {middleware.receive_limit}, for {2 * middleware.receive_limit / 1e6:.2f} MB at most"
        )
        level = Level.NOTE if is_small else Level.OK
        yield HealthFinding("receive buffer", said, level, SYSCTL if is_small else "")


def _router(middleware: Middleware) -> Iterable[HealthFinding]:
    if middleware.has_router:
        yield HealthFinding("Zenoh router", "connected")
    elif middleware.has_router is False:
        said = "none is connected, and without one nodes do not find each other"
        yield HealthFinding("Zenoh router", said, Level.WRONG, START_ROUTER)


def _zenoh(middleware: Middleware, environment: Mapping[str, str]) -> HealthFinding:
    own_file = environment.get(ZENOH_SESSION_VARIABLE, "")
    if own_file:
        return _profile_file(ZENOH_SESSION_VARIABLE, own_file, Path(own_file))
    if middleware.shares_memory:
        return HealthFinding("transport", f"{ZENOH_VARIABLE}={environment[ZENOH_VARIABLE]}")
    need = f"large images of a best-effort camera may need it at both ends ({PAGE})"
    return HealthFinding("transport", f"no shared memory in this shell; {need}", Level.NOTE)
