# SPDX-License-Identifier: Apache-2.0
"""ROS, its transport and the running graph as findings for `talk2dino doctor`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from talk2dino_ros.engine.doctor.health_finding import HealthFinding, Level, Section
from talk2dino_ros.ros.parameters.launch_arguments import BUILTIN_VARIABLE, profile_names
from talk2dino_ros.segmenter.transport.running_graph import GraphReport, HeardTopic
from talk2dino_ros.segmenter.transport.transport_verdict import DEFAULT_SEGMENT, PAGE

SHARED_MEMORY = Path("/dev/shm")


def ros_sections(report: GraphReport, environment: Mapping[str, str] = os.environ) -> tuple[Section, Section]:
    """Say what this shell's ROS is, and what runs in it."""
    setup = (
        HealthFinding("ROS 2", environment.get("ROS_DISTRO") or "installed without ROS_DISTRO"),
        HealthFinding("middleware", report.middleware),
        HealthFinding("discovery", _discovery(environment)),
        *(_profile(environment) if "fastrtps" in report.middleware else ()),
    )
    graph = (*_nodes(report), *map(_topic, report.topics), *_left_out(report))
    return Section("ROS", setup), Section("Running graph", graph)


def _discovery(environment: Mapping[str, str]) -> str:
    domain = f"domain {environment.get('ROS_DOMAIN_ID') or 0}"
    reach = environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE")
    if reach is None and environment.get("ROS_LOCALHOST_ONLY") == "1":
        reach = "LOCALHOST"
    return f"{domain}, range {reach}" if reach else domain


def _profile(environment: Mapping[str, str]) -> Iterable[HealthFinding]:
    """Say which shared-memory profile this shell has; a driver's own shell is another one."""
    names = profile_names(environment)
    used = next((name for name in names if environment.get(name)), None)
    need = f"images above {DEFAULT_SEGMENT / 1e6:.2f} MB need it where the camera's driver starts ({PAGE})"
    if used is None and environment.get(BUILTIN_VARIABLE):
        yield HealthFinding("transport", f"{BUILTIN_VARIABLE}={environment[BUILTIN_VARIABLE]}")
    elif used is None:
        yield HealthFinding("transport", f"no profile in this shell; {need}", Level.NOTE)
    elif Path(environment[used].removeprefix("file://")).is_file():
        yield HealthFinding("transport", f"{used}={environment[used]}")
    else:
        yield HealthFinding(
            "transport", f"{used}={environment[used]}, which is no file", Level.WRONG, "correct the path"
        )
    if SHARED_MEMORY.is_dir():
        free = shutil.disk_usage(SHARED_MEMORY).free
        is_small = free < 64 << 20
        remedy = "docker run --shm-size=1g, or config/fastdds_small.xml" if is_small else ""
        level = Level.NOTE if is_small else Level.OK
        yield HealthFinding("/dev/shm", f"{free / 2**20:.0f} MiB free", level, remedy)


def _nodes(report: GraphReport) -> Iterable[HealthFinding]:
    if not report.nodes:
        yield HealthFinding("segmenter", "none runs in this domain", Level.NOTE)
    for name in report.nodes:
        statuses = [each for each in report.statuses if each[0].startswith(f"{name.lstrip('/')}:")]
        if not statuses:
            yield HealthFinding(name, "runs, and wrote no /diagnostics meanwhile", Level.NOTE)
        for status, level, message in statuses:
            if level:
                yield HealthFinding(status, "warns:", Level.WRONG, message)
            else:
                yield HealthFinding(status, message)


def _topic(topic: HeardTopic) -> HealthFinding:
    publishers = ", ".join(topic.publishers)
    seen = f"{topic.rate:.1f} images per second, {topic.statistics.lost} lost on their way"
    shape = f", {topic.image_size[1]}" if topic.image_size else ""
    said = f"from {publishers}: {seen}{shape}"
    if topic.verdict is None or topic.verdict.is_well:
        return HealthFinding(topic.topic, said)
    return HealthFinding(topic.topic, said, Level.WRONG, topic.verdict.text)


def _left_out(report: GraphReport) -> Iterable[HealthFinding]:
    if report.left_out:
        yield HealthFinding("not listened to", ", ".join(report.left_out), Level.NOTE)
    if not report.topics:
        yield HealthFinding("images", "nobody publishes any", Level.NOTE)
