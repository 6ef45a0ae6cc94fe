# SPDX-License-Identifier: Apache-2.0
"""SROS 2's settings: what ROS would take for "off" is refused, and an enclave that is none is told."""

import os
import re

import pytest

from talk2dino_ros.ros.security.security_settings import (
    FILES,
    KEYSTORE,
    OVERRIDE,
    SecurityError,
    check_security,
    enclave_of,
)

ON = {"ROS_SECURITY_ENABLE": "true", "ROS_SECURITY_STRATEGY": "Enforce"}
GOAL = ["--ros-args", "--enclave", "/talk2dino/goal"]


@pytest.fixture
def keystore(tmp_path):
    """A keystore with two enclaves, as `ros2 security` lays it out."""
    for name in ("goal", "reader"):
        folder = tmp_path / "enclaves" / "talk2dino" / name
        folder.mkdir(parents=True)
        for file in FILES:
            (folder / file).write_text("a key")
    return tmp_path


@pytest.mark.parametrize("value", ["", "false", "False", "0", "off", "NO"])
def test_where_security_is_off_nothing_is_asked_for(value):
    check_security({"ROS_SECURITY_ENABLE": value, "ROS_SECURITY_STRATEGY": "Enforce"}, [])
    check_security({}, [])


@pytest.mark.parametrize("value", ["True", "TRUE", "1", "yes", "on", " true", "true\x1b[2J"])
def test_what_ros_would_take_for_off_is_refused(value):
    shown = re.escape(repr(value))
    with pytest.raises(SecurityError, match=rf"ROS_SECURITY_ENABLE is {shown}, expected true or false .*; correct it"):
        check_security({"ROS_SECURITY_ENABLE": value}, [])


@pytest.mark.parametrize("value", ["enforce", "ENFORCE", "Enforced", "strict"])
def test_what_ros_would_take_for_permissive_is_refused(value):
    with pytest.raises(SecurityError, match=f"ROS_SECURITY_STRATEGY is '{value}', expected Enforce or Permissive"):
        check_security(ON | {"ROS_SECURITY_STRATEGY": value}, GOAL)


@pytest.mark.parametrize("strategy", ["", "Permissive"])
def test_where_nothing_is_enforced_a_node_may_start_without_a_keystore(strategy):
    check_security(ON | {"ROS_SECURITY_STRATEGY": strategy}, GOAL)


def test_enforcing_without_a_keystore_is_told(tmp_path):
    with pytest.raises(
        SecurityError, match=r"ROS_SECURITY_KEYSTORE is not set, expected .*Enforce .*; set it \(docs/sec"
    ):
        check_security(ON, GOAL)
    with pytest.raises(
        SecurityError, match=r"KEYSTORE is '/nowhere', which has no folder 'enclaves', expected a keystore"
    ):
        check_security(ON | {KEYSTORE: "/nowhere"}, GOAL)
    (tmp_path / "enclaves").touch()
    with pytest.raises(SecurityError, match="which has no folder 'enclaves'"):
        check_security(ON | {KEYSTORE: str(tmp_path)}, GOAL)


def test_an_enclave_that_is_not_there_is_told_with_those_that_are(keystore):
    environment = ON | {KEYSTORE: str(keystore)}
    check_security(environment, GOAL)
    with pytest.raises(
        SecurityError, match=r"no enclave '/talk2dino/gaol', expected one of /talk2dino/goal, /talk2dino/r"
    ):
        check_security(environment, ["--ros-args", "--enclave", "/talk2dino/gaol"])
    with pytest.raises(
        SecurityError, match=r"the enclave is 'goal', expected a name such as /talk2dino/goal; begin it"
    ):
        check_security(environment, ["--ros-args", "-e", "goal"])
    with pytest.raises(
        SecurityError, match=r"the enclave '/' has no file identity_ca.cert.pem, cert.pem, key.pem, .*again"
    ):
        check_security(environment, [])


def test_an_enclave_without_one_of_its_files_is_told(keystore):
    (keystore / "enclaves/talk2dino/goal/permissions.p7s").unlink()
    with pytest.raises(SecurityError, match=r"'/talk2dino/goal' has no file permissions.p7s, expected the 6 files"):
        check_security(ON | {KEYSTORE: str(keystore)}, GOAL)


def test_a_key_in_a_token_is_a_key(keystore):
    key = keystore / "enclaves/talk2dino/goal/key.pem"
    key.rename(key.with_suffix(".p11"))
    check_security(ON | {KEYSTORE: str(keystore)}, GOAL)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read every file; test_a_key_that_is_a_folder runs for root too")
def test_a_key_that_this_user_may_not_read_is_told(keystore):
    (keystore / "enclaves/talk2dino/goal/key.pem").chmod(0)
    with pytest.raises(
        SecurityError, match=r"key.pem' cannot be read \(Permission denied\), expected .* change its owner"
    ):
        check_security(ON | {KEYSTORE: str(keystore)}, GOAL)


def test_a_key_that_is_a_folder_is_told(keystore):
    key = keystore / "enclaves/talk2dino/goal/key.pem"
    key.unlink()
    key.mkdir()
    with pytest.raises(SecurityError, match=r"key.pem' cannot be read \(Is a directory\), expected a file"):
        check_security(ON | {KEYSTORE: str(keystore)}, GOAL)


@pytest.mark.parametrize(
    ("arguments", "environment", "enclave"),
    [
        ([], {}, "/"),
        (["--enclave", "/not_for_ros"], {}, "/"),
        (["--ros-args", "--enclave", "/a", "-p", "x:=1", "-e", "/b"], {}, "/b"),
        (["--ros-args", "-p", "x:=1", "--", "--enclave", "/c"], {}, "/"),
        (["--ros-args", "--enclave"], {}, "/"),
        (["--ros-args", "--enclave", "/a"], {OVERRIDE: "/d"}, "/d"),
    ],
)
def test_the_enclave_is_the_one_that_ros_takes(arguments, environment, enclave):
    assert enclave_of(environment, arguments) == enclave
