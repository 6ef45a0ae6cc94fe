# SPDX-License-Identifier: Apache-2.0
"""Requests to set parameters: one whose type is none is refused, where rclpy's own service would raise."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import ParameterType, SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically

from talk2dino_ros.engine.text.class_entries import shorten

LAST_TYPE = ParameterType.PARAMETER_STRING_ARRAY
Answer = Callable[[Any, Any], Any]


def refusing_unknown_types(service_type: Any, callback: Answer) -> Answer:
    """Wrap the callback of a service that sets parameters; return that of any other as it is."""
    if service_type not in (SetParameters, SetParametersAtomically):
        return callback

    @functools.wraps(callback)
    def answer(request: Any, response: Any) -> Any:
        wrong = next((each for each in request.parameters if each.value.type > LAST_TYPE), None)
        return callback(request, response) if wrong is None else _refused(wrong, request, response)

    return answer


def _refused(wrong: Any, request: Any, response: Any) -> Any:
    refusal = SetParametersResult(
        successful=False,
        reason=f"the parameter {shorten(wrong.name)} has a value of the type {wrong.value.type}, expected 0 to "
        f"{LAST_TYPE} (rcl_interfaces/ParameterType); nothing was set, ask again with another",
    )
    if isinstance(response, SetParameters.Response):
        response.results = [refusal] * len(request.parameters)
    else:
        response.result = refusal
    return response
