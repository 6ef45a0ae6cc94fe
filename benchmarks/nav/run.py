# SPDX-License-Identifier: Apache-2.0
"""Run one seeded world: the simulator, the segmenter, the goal node and the Nav2 stub, each a process."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.nav.floor_plan import INSCRIBED, LETHAL
from benchmarks.nav.go_to_client import NavigationClient
from benchmarks.nav.metrics import SEARCH_RADIUS_M, SIGHT_MARGIN_M, Leg, LegMetrics, evaluate_leg
from benchmarks.nav.room import PHOTOS, Room, furnish
from benchmarks.nav.sim_world import aspects, check_drawing
from talk2dino_ros.demo.processes import check_alive, node_process
from talk2dino_ros.ros.node.ros_context import ros_context

NAMESPACE = "/demo_nav"  # a robot on the same network is not touched: clock, transforms and diagnostics are in it too
TARGETS = {"coffee cup": "coffee", "cat": "chelsea"}  # which photograph shows it
START_TIMEOUT_S = 1800.0  # a first start may download weights, with its own progress bar
GIVE_UP_S = 600.0
MASK = ("-r", "mask:=talk2dino/mask")  # for the simulator
SEGMENTER = {
    "use_sim_time": True,
    "target_frame": "map",
    "transform_timeout_s": 1.0,
    "image_reliability": "reliable",
}
GOAL = {
    "use_sim_time": True,
    "occupied_from": INSCRIBED,
    "opaque_from": LETHAL,
    "robot_radius_m": 0.0,  # the costmap is inflated
    "search_radius_m": SEARCH_RADIUS_M,
    "sight_margin_m": SIGHT_MARGIN_M,
    "require_costmap": True,
    "segmenter_timeout_s": 120.0,
    "lost_timeout_s": 20.0,  # real time, and a slow machine takes its time for an image
    "give_up_s": GIVE_UP_S,
}


@dataclass(frozen=True)
class DriveOutcome:
    """Results of one world."""

    room: Room
    legs: list[Leg]
    verdicts: list[LegMetrics]
    wall_s: float  # real time, start and end of the processes included


def run_world(
    seed: int, words: Sequence[str], *, model: str = "mini", refine: str = "none", log_level: str = "info"
) -> DriveOutcome:
    """Go to each word's object in turn in the world of this seed.

    Raises SimulationError where it cannot be drawn, DemoError where something does not come.
    """
    check_drawing()
    began_s = time.monotonic()
    room = furnish(seed, aspects(PHOTOS))
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(node_process(module, *names_in(NAMESPACE), "--log-level", log_level, *parameters))
            for name, (module, parameters) in _nodes(seed, model, refine).items()
        }
        stack.enter_context(ros_context())
        client = NavigationClient(NAMESPACE, lambda: check_all(processes))
        client.wait_until_ready(START_TIMEOUT_S)
        legs = [client.go_to(word, TARGETS[word]) for word in words]
    return DriveOutcome(room, legs, [evaluate_leg(room, leg) for leg in legs], time.monotonic() - began_s)


def _nodes(seed: int, model: str, refine: str) -> dict[str, tuple[str, list[str]]]:
    """Return each process's module and arguments; what is gone to is added to the vocabulary by the goal node."""
    segmenter = {**SEGMENTER, "model": model, "refine": refine, "vocabulary": "[person, rocket]"}
    return {
        "simulator": ("benchmarks.nav.simulator", [*MASK, *ros_parameters({"seed": seed})]),
        "segmenter": ("talk2dino_ros.segmenter.segmenter_main", ros_parameters(segmenter)),
        "goal node": ("talk2dino_ros.goal.goal_main", ros_parameters(GOAL)),
        "Nav2 stub": ("benchmarks.nav.nav2_stub", ros_parameters({"use_sim_time": True})),
    }


def names_in(namespace: str) -> tuple[str, ...]:
    """Return the arguments that put a process into a namespace, with all that is else shared by robots."""
    shared = ("tf", "tf_static", "clock", "diagnostics")
    return "-r", f"__ns:={namespace}", *(part for name in shared for part in ("-r", f"/{name}:={name}"))


def check_all(processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Raise DemoError where one of the processes has ended."""
    for name, process in processes.items():
        check_alive(name, process)


def ros_parameters(values: Mapping[str, object]) -> list[str]:
    """Return the arguments that set parameters."""
    return [part for name, value in values.items() for part in ("-p", f"{name}:={value}")]
