# SPDX-License-Identifier: Apache-2.0
"""Every parameter of the nodes at the ends of its range and beyond: allowed, or refused in one sentence."""

import dataclasses
import math

import pytest

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.memory.memory_parameters import MemoryParameters
from talk2dino_ros.ros.parameters.parameter_field import is_allowed
from talk2dino_ros.ros.parameters.parameter_set import ParameterError, fields_of
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters

RANGED = [
    pytest.param(table, field, id=f"{table.__name__}-{name}")
    for table in (Parameters, GoalParameters, MemoryParameters)
    for name, field in fields_of(table).items()
    if field.metadata["low"] is not None
]
ALL = [
    pytest.param(table, field, id=f"{table.__name__}-{name}")
    for table in (Parameters, GoalParameters, MemoryParameters)
    for name, field in fields_of(table).items()
]


def typed(field, value):
    return float(value) if isinstance(field.default, float) else int(value)


def beyond(field, value, direction):
    return (
        math.nextafter(value, direction)
        if isinstance(field.default, float)
        else int(value + math.copysign(1, direction))
    )


def attempt(table, name, value):
    """The table with a value, or the sentence that refuses it."""
    try:
        return table(**{name: value})
    except Talk2DinoError as error:
        return str(error)


@pytest.mark.parametrize(("table", "field"), RANGED)
def test_both_ends_are_allowed_and_what_is_next_to_them_is_not(table, field):
    low, high, beside = (field.metadata[key] for key in ("low", "high", "beside"))
    assert low <= high
    for value in (low, high, *(() if beside is None else (beside,))):
        assert is_allowed(field, typed(field, value))
    for value in (beyond(field, low, -math.inf), beyond(field, high, math.inf)):
        assert value == beside or not is_allowed(field, value)
        with pytest.raises(ParameterError, match=f"^{field.name} is .*, expected .*; set it so$"):
            table(**{field.name: value}) if value != beside else pytest.fail("beside")


@pytest.mark.parametrize(("table", "field"), RANGED)
def test_an_end_is_taken_or_refused_beside_the_others_in_one_sentence(table, field):
    """Some ends do not go with the defaults of others, such as near_m above far_m."""
    for key in ("low", "high"):
        value = typed(field, field.metadata[key])
        made = attempt(table, field.name, value)
        assert getattr(made, field.name, None) == value or (field.name in made and "\n" not in made)


@pytest.mark.parametrize(("table", "field"), ALL)
def test_nan_and_other_types_are_refused(table, field):
    wrong = [math.nan, math.inf, -math.inf] if isinstance(field.default, float) else []
    wrong += [
        None,
        [],
        {},
        object(),
        b"",
        *(value for value in (1, 1.0, "1", True) if type(value) is not type(field.default)),
    ]
    for value in wrong:
        with pytest.raises(ParameterError, match=f"^{field.name} is "):
            table(**{field.name: value})


@pytest.mark.parametrize(("table", "field"), ALL)
def test_all_choices_are_allowed_and_others_refused(table, field):
    for choice in field.metadata["choices"]:
        assert is_allowed(field, choice)
    if field.metadata["choices"]:
        other = "other" if isinstance(field.default, str) else 12345
        with pytest.raises(ParameterError, match=f"{field.name} is {other!r}, expected"):
            table(**{field.name: other})


@pytest.mark.parametrize("table", [Parameters, GoalParameters, MemoryParameters])
def test_the_default_of_each_field_is_of_a_type_that_ros_has(table):
    for field in dataclasses.fields(table):
        assert type(field.default) in (bool, int, float, str, tuple)
