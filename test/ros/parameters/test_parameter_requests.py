# SPDX-License-Identifier: Apache-2.0
"""Found by `python -m benchmarks.fuzz.live_nodes`: rclpy raises for a type that is none."""

import pytest

pytest.importorskip("rclpy")

from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically

from talk2dino_ros.ros.parameters.parameter_requests import refusing_unknown_types


def known(request, response):
    return (request, response)


def asked(service, *types):
    values = [Parameter(name=f"p{number}", value=ParameterValue(type=each)) for number, each in enumerate(types)]
    return service.Request(parameters=values)


def test_a_type_that_is_none_refuses_the_whole_request_with_its_name():
    answer = refusing_unknown_types(SetParameters, known)(asked(SetParameters, 3, 255), SetParameters.Response())
    assert [result.successful for result in answer.results] == [False, False]
    assert all("'p1' has a value of the type 255, expected 0 to 9" in result.reason for result in answer.results)


def test_the_atomic_service_answers_with_its_one_result():
    service = SetParametersAtomically
    answer = refusing_unknown_types(service, known)(asked(service, 10), service.Response())
    assert not answer.result.successful
    assert "'p0' has a value of the type 10" in answer.result.reason


def test_requests_of_known_types_and_other_services_go_on():
    request, response = asked(SetParameters, 0, 9), SetParameters.Response()
    assert refusing_unknown_types(SetParameters, known)(request, response) == (request, response)
    assert refusing_unknown_types(GetParameters, known) is known
