# SPDX-License-Identifier: Apache-2.0
"""ROS, its transport and the running graph as findings for `talk2dino doctor`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from talk2dino_ros.engine.doctor.health_finding import HealthFinding, Level, Section
from talk2dino_ros.segmenter.transport.middleware_facts import middleware_facts
from talk2dino_ros.segmenter.transport.running_graph import GraphReport, HeardTopic
from talk2dino_ros.segmenter.transport.transport_findings import transport_findings


def ros_sections(report: GraphReport, environment: Mapping[str, str] = os.environ) -> tuple[Section, Section]:
    """Say what this shell's ROS is, and what runs in it."""
    setup = (
        HealthFinding("ROS 2", environment.get("ROS_DISTRO") or "installed without ROS_DISTRO"),
        HealthFinding("middleware", report.middleware),
        HealthFinding("discovery", _discovery(environment)),
        *transport_findings(middleware_facts(report.middleware, environment), environment),
    )
    graph = (*_nodes(report), *map(_topic, report.topics), *_left_out(report))
    return Section("ROS", setup), Section("Running graph", graph)


def _discovery(environment: Mapping[str, str]) -> str:
    domain = f"domain {environment.get('ROS_DOMAIN_ID') or 0}"
    reach = environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE")
    if reach is None and environment.get("ROS_LOCALHOST_ONLY") == "1":
        reach = "LOCALHOST"
    return f"{domain}, range {reach}" if reach else domain


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
    seen = f"{topic.rate:.3g} images per second, {topic.statistics.lost} lost on their way"
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
