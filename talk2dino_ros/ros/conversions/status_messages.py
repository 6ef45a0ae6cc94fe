# SPDX-License-Identifier: Apache-2.0
"""A status of /diagnostics from alarms and values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from talk2dino_ros.engine.text.safe_text import safe_text
from talk2dino_ros.ros.watch.alarm import alarm_values, summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from talk2dino_ros.ros.watch.alarm import Alarm


def diagnostic_status(
    name: str, alarms: Sequence[Alarm], otherwise: str, values: Mapping[str, object], hardware_id: str = ""
) -> DiagnosticStatus:
    """Make one status of /diagnostics: level and message of the worst alarm, `otherwise` where there is none.

    Its texts are made safe to show, as they may quote what came with a message.
    """
    level, message = summary(alarms, otherwise)
    status = DiagnosticStatus(
        name=safe_text(name), level=bytes([level]), message=safe_text(message), hardware_id=hardware_id
    )
    told = {**values, **alarm_values(alarms)}
    status.values = [KeyValue(key=safe_text(key), value=safe_text(str(value))) for key, value in told.items()]
    return status
