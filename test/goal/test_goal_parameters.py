# SPDX-License-Identifier: Apache-2.0
"""config/goal.yaml says the same as the declarations, and ROS reads it."""

import re
from pathlib import Path

import pytest
from parameter_yaml import comments_of, values_of

from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.ros.parameters import parameter_set

FILE = Path(__file__).parents[2] / "config" / "goal.yaml"
FIELDS = parameter_set.fields_of(GoalParameters)


def test_the_parameter_file_has_every_parameter_in_the_declared_order():
    assert list(values_of(FILE)) == list(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_the_parameter_file_has_the_declared_default_and_text(name):
    value, default = values_of(FILE)[name], FIELDS[name].default
    assert (type(value), value) == (type(default), default)
    comment, metadata = comments_of(FILE)[name], FIELDS[name].metadata
    assert comment.startswith(metadata["text"])
    assert comment.endswith("(live)") == metadata["live"]
    assert metadata["low"] is None or f"Allowed: {metadata['low']} to {metadata['high']}." in comment


@pytest.mark.parametrize("namespace", ["/", "/robot"])
def test_ros_reads_the_parameter_file(namespace):
    rclpy = pytest.importorskip("rclpy", reason="ROS 2 is missing: rclpy cannot be imported")
    context = rclpy.Context()
    rclpy.init(args=["--ros-args", "--params-file", str(FILE)], context=context)
    try:
        node = rclpy.create_node("goal", namespace=namespace, context=context)
        parameter_set.declare(node, GoalParameters)
        assert parameter_set.read(node, GoalParameters) == GoalParameters()
        assert parameter_set.unknown_names(node, GoalParameters) == []
        node.destroy_node()
    finally:
        context.shutdown()


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [("stand_off_m", -1.0, "0.05 to 100.0"), ("occupied_from", 0, "1 to 100")],
)
def test_a_value_out_of_range_is_refused_with_the_range(name, value, allowed):
    with pytest.raises(parameter_set.ParameterError, match=f"{name} is {value}, expected {re.escape(allowed)}"):
        GoalParameters(**{name: value})


def test_parameters_that_contradict_each_other_are_refused():
    with pytest.raises(parameter_set.ParameterError, match="raise give_up_s"):
        GoalParameters(lost_timeout_s=5.0, give_up_s=4.0)
    with pytest.raises(parameter_set.ParameterError, match="raise stand_off_m"):
        GoalParameters(stand_off_m=0.3, robot_radius_m=0.4)
