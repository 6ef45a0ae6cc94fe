# SPDX-License-Identifier: Apache-2.0
"""What ROS takes a value for: each against ROS itself."""

import pytest

from talk2dino_ros.ros.parameters.ros_values import KINDS, kind_of, value_of

VALUES = (
    "y", "Y", "yes", "Yes", "YES", "yEs", "n", "N", "no", "No", "on", "On", "off", "OFF", "true", "True", "tRue",
    "false", "0", "-0", "7", "+7", "08", "010", "0x10", "0X1f", "0x", "-0x10", "0b1", "0o7", "1_000", "1,5", "--1",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "99999999999999999999", "0xffffffffffffffff",
    "1.", ".5", ".", "1.5", "-1.5e3", "1e3", "1E+3", "1e", "e3", "1e999", "-1e999", "1e-3", "0x1p3", "0x1.8p1", "nan",
    "NaN", "nan(1)", "nana", "inf", "Infinity", "-inf", "infinit", ".inf", "-.INF", ".nan", ".NaN", "+.nan", "-.inf",
    ".iNf", "~", "null", "None", "12h", "3d printer", "1:30", "2024-01-01", "no entry", "cup", "=", "<<",
)  # fmt: skip


def test_every_value_is_taken_for_what_ros_takes_it_for_and_has_the_value_that_ros_reads():
    rclpy = pytest.importorskip("rclpy")
    from rclpy.node import Node

    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    words = [word for number, value in enumerate(VALUES) for word in ("-p", f"v{number}:={value}")]
    node = Node(
        "values", context=context, use_global_arguments=False, start_parameter_services=False,
        cli_args=["--ros-args", *words], allow_undeclared_parameters=True,
        automatically_declare_parameters_from_overrides=True,
    )  # fmt: skip
    read = {value: node.get_parameter(f"v{number}").value for number, value in enumerate(VALUES)}
    node.destroy_node()
    rclpy.shutdown(context=context)
    assert {value: kind_of(value) for value in VALUES} == {value: KINDS[type(found)] for value, found in read.items()}
    own = {value: value_of(value, kind_of(value)) for value in VALUES}
    assert {value: repr(found) for value, found in own.items()} == {value: repr(found) for value, found in read.items()}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("y", "a bool"),
        ("08", "a float"),
        ("1e3", "a float"),
        ("0x10", "an int"),
        ("nan", "a float"),
        ("yes sir", "a text"),
    ],
)
def test_texts_that_yaml_reads_as_other_types_need_quotes(text, kind):
    assert kind_of(text) == kind
