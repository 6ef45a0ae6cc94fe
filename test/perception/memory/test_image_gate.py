# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from memory_story import pose_at

from talk2dino_ros.perception.memory.image_gate import ImageGate, RejectedImageError

SECOND = 10**9


def covariance(x: float, y: float, xy: float = 0.0) -> list[float]:
    values = np.zeros((6, 6))
    values[0, 0], values[1, 1], values[0, 1], values[1, 0] = x, y, xy, xy
    values[5, 5] = 9.0  # of the heading, which is not asked about
    return values.ravel().tolist()


def reason(check, *arguments) -> str:
    try:
        check(*arguments)
    except RejectedImageError as error:
        return error.reason
    return ""


def test_an_image_counts_only_beside_a_sure_and_recent_localisation():
    gate = ImageGate(0.5, 3.0)
    assert reason(gate.check_localisation, 0) == "no localisation"
    gate.set_covariance(10 * SECOND, covariance(0.2, 0.1))
    assert reason(gate.check_localisation, 14 * SECOND) == ""
    assert reason(gate.check_localisation, 16 * SECOND) == "no localisation"
    gate.set_covariance(20 * SECOND, covariance(0.26, 0.0))  # 0.51 m
    assert reason(gate.check_localisation, 20 * SECOND) == "localisation uncertain"
    gate.set_covariance(20 * SECOND, covariance(0.2, 0.2, xy=0.1))  # 0.3 along the diagonal: 0.55 m
    assert reason(gate.check_localisation, 20 * SECOND) == "localisation uncertain"
    gate.set_covariance(20 * SECOND, covariance(np.nan, 0.0))
    assert reason(gate.check_localisation, 20 * SECOND) == "localisation uncertain"


def test_the_image_after_a_jump_is_left_out_and_the_next_one_is_not():
    gate = ImageGate(0.5, 3.0)
    checks = [(0.0, 0.0), (1.0, 2.9), (2.0, 6.0), (3.0, 6.1), (2.5, 6.1)]
    reasons = [reason(gate.check_motion, "", int(stamp * SECOND), pose_at(x)) for stamp, x in checks]
    assert reasons == ["", "", "localisation jumped", "", ""]
    assert reason(gate.check_motion, "other", 3 * SECOND, pose_at(50)) == ""  # each camera by itself


def test_a_clock_that_jumps_back_is_no_jump_of_the_robot():
    gate = ImageGate(0.5, 3.0)
    assert reason(gate.check_motion, "", 100 * SECOND, pose_at()) == ""
    assert reason(gate.check_motion, "", 1 * SECOND, pose_at(40)) == ""


def test_images_that_come_at_once_may_differ_by_what_localisation_corrects():
    gate = ImageGate(0.5, 3.0)
    assert [reason(gate.check_motion, "", 0, pose_at(x)) for x in (0.0, 0.2)] == ["", ""]


def test_rejected_images_are_counted_by_reason():
    gate = ImageGate(0.5, 3.0)
    for name in ("no depth", "no depth", "no transform"):
        gate.reject(RejectedImageError(name, "a sentence"))
    assert gate.rejected == {"no depth": 2, "no transform": 1}
    with pytest.raises(RejectedImageError, match="leave the parameter pose_topic empty"):
        gate.check_localisation(0)
