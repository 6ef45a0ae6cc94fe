# SPDX-License-Identifier: Apache-2.0
"""What ROS refuses under SROS 2 is one sentence, also where it has no words for it; the rest is passed on."""

import pytest

from talk2dino_ros.ros.security.secured import permitted, secured_start
from talk2dino_ros.ros.security.security_settings import SecurityError


class RCLError(RuntimeError):
    """The name of rclpy's own, which is no public one."""


@pytest.fixture
def _secured(monkeypatch):
    monkeypatch.setenv("ROS_SECURITY_ENABLE", "true")
    monkeypatch.delenv("ROS_SECURITY_STRATEGY", raising=False)


@pytest.mark.usefixtures("_secured")
def test_a_start_that_ros_refuses_is_told_with_its_enclave_and_domain(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "7")
    words = (
        r"^ROS refuses the start in the enclave '/talk2dino/goal' \(error creating node: it does not say why\), "
        r"expected a certificate that .*, permissions for this node, its namespace and ROS_DOMAIN_ID 7, .*says how$"
    )
    with pytest.raises(SecurityError, match=words), secured_start(["--ros-args", "--enclave", "/talk2dino/goal"]):
        raise RCLError("error creating node: error not set, at /project/src/rcl/node.c:249")


@pytest.mark.usefixtures("_secured")
def test_a_name_that_is_not_permitted_is_told():
    words = (
        r"^ROS does not let the node publish on /mask \(failed to create publisher\), expected an enclave that permits"
    )
    with pytest.raises(SecurityError, match=words), permitted("publish on /mask"):
        raise RCLError("failed to create publisher, at /project/src/rcl/publisher.c:1\nand more")


@pytest.mark.usefixtures("_secured")
def test_other_errors_are_passed_on():
    for error in (RuntimeError("a fault"), SecurityError("a sentence"), ValueError("a value")):
        with pytest.raises(type(error), match=str(error)), secured_start([]), permitted("publish"):
            raise error


def test_without_security_ros_has_its_own_word(monkeypatch):
    monkeypatch.delenv("ROS_SECURITY_ENABLE", raising=False)
    with pytest.raises(RCLError), secured_start([]), permitted("publish"):
        raise RCLError("failed")
