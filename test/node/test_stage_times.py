# SPDX-License-Identifier: Apache-2.0
"""Where a batch's time goes, in /diagnostics and only while the parameter asks for it."""

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from probe import checkerboard
from sensor_msgs.msg import Image

from talk2dino_ros.engine.runtime.stage_times import STAGES


@pytest.fixture(scope="module")
def process(start_node):
    return start_node("model:=mini", "vocabulary:=[cup, dog]", "diagnostics_period_s:=0.2", namespace="/stages")


@pytest.fixture(scope="module")
def probe(process, make_probe):
    probe = make_probe(process, namespace="/stages")
    probe.masks = probe.collect(Image, "talk2dino/mask")
    probe.diagnostics = probe.collect(DiagnosticArray, "/diagnostics")
    probe.wait_until_active()
    return probe


def values_after_a_mask(probe) -> dict[str, str]:
    """What the model's status says after another image has been segmented and its batch has ended."""
    for _ in range(2):  # the second image is taken after the first one's batch
        probe.mask_of(checkerboard(), probe.masks)
    probe.diagnostics.clear()
    probe.wait_for(lambda: probe.diagnostics, "diagnostics")
    status = next(each for each in probe.diagnostics[-1].status if each.name == "stages/talk2dino: model")
    return {pair.key: pair.value for pair in status.values}


def test_stage_times_are_shown_while_they_are_wanted(probe):
    assert not any("[ms]" in key for key in values_after_a_mask(probe))
    assert probe.set_parameter("stage_times", True).successful
    values = values_after_a_mask(probe)
    shown = [key.removesuffix(" p50 [ms]") for key in values if key.endswith(" p50 [ms]")]
    assert {"decode", "backbone", "publish", "points"} <= set(shown) <= set(STAGES)
    assert shown == sorted(shown, key=STAGES.index)
    for name in shown:
        assert 0 <= float(values[f"{name} p50 [ms]"]) <= float(values[f"{name} p99 [ms]"])
    assert float(values["backbone p50 [ms]"]) > float(values["decode p50 [ms]"])
    assert probe.set_parameter("stage_times", False).successful
    assert not any("[ms]" in key for key in values_after_a_mask(probe))


def test_diagnostics_say_what_computes_pamr(probe):
    assert values_after_a_mask(probe)["PAMR computed by"] == "numba"
