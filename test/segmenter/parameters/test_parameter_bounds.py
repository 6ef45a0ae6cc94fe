# SPDX-License-Identifier: Apache-2.0
"""Each parameter of both nodes at each end of its range, with and without depth: images give masks, goals are given."""

import dataclasses

import numpy as np
import pytest
from scripted_pipeline import Bench, depth_of, image

from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.goal.grid import Grid, GridRules
from talk2dino_ros.goal.stand_off import FreeSpace, Pose, free_stand_off_pose
from talk2dino_ros.goal.task.choice import Candidate, GoToRequest
from talk2dino_ros.goal.task.go_to_states import GoalView
from talk2dino_ros.goal.task.go_to_task import GoToTask
from talk2dino_ros.ros.parameters.parameter_set import fields_of
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters

# What else has to be so where a parameter is at one end of its range.
COMPANIONS = {
    "near_m": {"far_m": 1000.0},
    "far_m": {"near_m": 0.0},
    "confirm_detections": {"confirm_window": 100},
    "confirm_window": {"confirm_detections": 1},
    "keep_confidence": {"new_confidence": 1.0},
    "new_confidence": {"keep_confidence": 0.0},
    "lost_timeout_s": {"give_up_s": 3600.0},
    "give_up_s": {"lost_timeout_s": 0.1},
    "stand_off_m": {"robot_radius_m": 0.05},
    "robot_radius_m": {"stand_off_m": 10.0},
}


def ends_of(table: type) -> list[tuple[str, object]]:
    """Return each parameter with each end of its range, or each of its choices."""
    ends: list[tuple[str, object]] = []
    for name, field in fields_of(table).items():
        about = field.metadata
        values = [*about["choices"]] or [
            each for each in (about["low"], about["high"], about["beside"]) if each is not None
        ]
        if isinstance(field.default, bool):
            values = [False, True]
        ends += [(name, type(field.default)(value)) for value in values]
    return ends


def made(table: type, name: str, value: object) -> object:
    """Return the parameters with one at its end, and others so that they go together with it."""
    if (name, value) == ("near_m", 1000.0):
        value = 999.0  # far_m ends there too
    companions = COMPANIONS.get(name, {})
    if name in ("mask_width", "mask_height"):
        companions = {"mask_height" if name == "mask_width" else "mask_width": 3 if value else 0}
    return table(**{**companions, name: value})


def values_of(parameters: object) -> dict[str, object]:
    return {field.name: getattr(parameters, field.name) for field in dataclasses.fields(parameters)}


def seen_with(parameters: Parameters, depth) -> Bench:
    """Let a pipeline see three images of one camera, with everybody listening."""
    bench = Bench(**values_of(parameters))
    bench.front.has_overlay_listener = bench.front.has_cloud_listener = True
    bench.depths["front"].depth = depth
    rgb = image(red=7, height=24, width=32)
    rgb[6:18, 8:20] = (200, 30, 30)
    for _ in range(3):
        bench.process(front=rgb)
    bench.pipeline.enable(False)
    bench.process(front=rgb)
    return bench


def depths() -> dict[str, object]:
    ramp = np.linspace(0.5, 6.0, 24 * 32, dtype=np.float32).reshape(24, 32)
    holes = np.where(np.arange(24 * 32).reshape(24, 32) % 3, ramp, np.nan)
    return {
        "no depth": None,
        "a slope": depth_of(ramp),
        "holes": depth_of(holes),
        "nothing but holes": depth_of(ramp * np.nan),
    }


ENDS = ends_of(Parameters)


@pytest.mark.parametrize("kind", depths())
@pytest.mark.parametrize(("name", "value"), ENDS, ids=[f"{name}={value}" for name, value in ENDS])
def test_at_each_end_of_a_parameter_of_the_segmenter_nothing_is_lost(name, value, kind):
    bench = seen_with(made(Parameters, name, value), depths()[kind])
    whats = [what for camera, what in bench.whats()]
    assert whats.count("mask") == 4
    assert whats.count("points") == 3
    assert whats.count("cloud") == 4
    assert all("has no position" in what for what, _ in bench.problems), bench.problems


GOAL_ENDS = ends_of(GoalParameters)


@pytest.mark.parametrize(("name", "value"), GOAL_ENDS, ids=[f"{name}={value}" for name, value in GOAL_ENDS])
def test_at_each_end_of_a_parameter_of_the_goal_node_there_is_a_goal_or_a_reason(name, value):
    settings = made(GoalParameters, name, value)
    go_to_request = GoToRequest("cup", 0, 0, settings.stand_off_m, settings.timeout_s, True, settings.robot_radius_m)
    rules = GridRules(
        settings.occupied_from, settings.opaque_from, settings.unknown_is_free, settings.robot_radius_m
    )  # fmt: skip
    grid = Grid(np.zeros((120, 120), np.int8), 0.1, -6.0, -6.0)
    space = FreeSpace(grid, rules, settings.search_radius_m, settings.sight_margin_m)

    def place(candidate, toward, stand_off_m):
        return free_stand_off_pose(candidate.point, candidate.radius_m, toward, stand_off_m, space)

    task = GoToTask(go_to_request, settings)
    task.start_searching(0.0)
    for step in range(4):
        candidate = Candidate(1, 0.9, (1.0 + step, 0.5, 0.0), 0.1, step + 1)
        view = GoalView([candidate], {1})
        task.update(view, lambda: Pose(0.0, 0.0, 0.0), place, float(step))
        task.tick(Pose(0.0, 0.0, 0.0), float(step))
    assert task.goal is not None or "seen, but" in task.message or "below min_confidence" in task.doubt
    task.tick(None, 1e6)
    assert task.is_ended
