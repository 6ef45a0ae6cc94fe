# SPDX-License-Identifier: Apache-2.0
"""Which ROS 2 the set-up chooses, from pretended environments and prefixes."""

from pathlib import Path

import pytest

from setup_env.errors import SetupError
from setup_env.situation import (
    CHOICE,
    Situation,
    check_platform,
    check_python_of_ros,
    find_situation,
    missing_ros_packages,
)

ROOT = Path("/home/ann/talk2dino_ros")
WHEELS = Situation("jazzy")
JAZZY = Situation("jazzy", (Path("/opt/ros/jazzy"),))


def test_without_a_ros_the_wheels_of_jazzy_serve() -> None:
    assert find_situation({}, ROOT) == WHEELS
    assert not WHEELS.sourced


def test_the_wheels_that_were_asked_for_stay_until_others_are(tmp_path: Path) -> None:
    assert find_situation({"ROS": "kilted"}, tmp_path) == Situation("kilted")
    (tmp_path / CHOICE).parent.mkdir()
    (tmp_path / CHOICE).write_text("kilted")
    assert find_situation({}, tmp_path) == Situation("kilted")
    assert find_situation({"ROS": "jazzy"}, tmp_path) == WHEELS


def test_wheels_of_a_dropped_ros_are_replaced_by_those_of_jazzy(tmp_path: Path) -> None:
    (tmp_path / CHOICE).parent.mkdir()
    (tmp_path / CHOICE).write_text("iron")
    assert find_situation({}, tmp_path) == WHEELS


@pytest.mark.parametrize("asked", ["foxy", "Jazzy", "lyrical"])
def test_a_ros_without_wheels_is_an_error_that_names_those_that_have_some(asked: str) -> None:
    with pytest.raises(
        SetupError, match=rf"^ROS={asked} was asked for.* only wheels of jazzy and kilted: `make setup ROS=jazzy`"
    ):
        find_situation({"ROS": asked}, ROOT)


def test_another_ros_than_the_sourced_one_cannot_be_asked_for() -> None:
    environment = {"ROS_DISTRO": "jazzy", "ROS_VERSION": "2", "AMENT_PREFIX_PATH": "/opt/ros/jazzy"}
    assert find_situation(environment | {"ROS": "jazzy"}, ROOT) == JAZZY
    with pytest.raises(
        SetupError, match=r"ROS=kilted was asked for, but jazzy is sourced: leave ROS out.*that sources none"
    ):
        find_situation(environment | {"ROS": "kilted"}, ROOT)


def test_a_sourced_ros_is_used() -> None:
    environment = {"ROS_DISTRO": "jazzy", "ROS_VERSION": "2", "AMENT_PREFIX_PATH": "/opt/ros/jazzy"}
    assert find_situation(environment, ROOT) == JAZZY
    assert JAZZY.sourced


def test_an_overlay_and_its_underlay_both_count() -> None:
    environment = {"ROS_DISTRO": "kilted", "AMENT_PREFIX_PATH": "/home/ann/ws/install/nav:/opt/ros/kilted"}
    prefixes = find_situation(environment, ROOT).prefixes
    assert prefixes == (Path("/home/ann/ws/install/nav"), Path("/opt/ros/kilted"))


def test_the_set_ups_own_prefixes_are_not_a_sourced_ros() -> None:
    own = f"{ROOT}/install/talk2dino_msgs:{ROOT}/.venv"
    assert find_situation({"AMENT_PREFIX_PATH": own}, ROOT) == WHEELS
    assert find_situation({"ROS_DISTRO": "kilted", "ROS_VERSION": "2", "AMENT_PREFIX_PATH": own}, ROOT) == WHEELS
    environment = {"ROS_DISTRO": "jazzy", "AMENT_PREFIX_PATH": f"{own}:/opt/ros/jazzy"}
    assert find_situation(environment, ROOT) == JAZZY


def test_the_prefixes_of_another_clone_are_not_a_sourced_ros(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/pyvenv.cfg").touch()
    clone = f"{tmp_path}/install/talk2dino_msgs:{tmp_path}/.venv"
    assert find_situation({"ROS_DISTRO": "kilted", "AMENT_PREFIX_PATH": clone}, ROOT) == WHEELS
    environment = {"ROS_DISTRO": "jazzy", "AMENT_PREFIX_PATH": f"{clone}:/opt/ros/jazzy"}
    assert find_situation(environment, ROOT) == JAZZY


def test_a_ros_that_is_named_and_not_sourced_is_an_error_with_both_ways_out() -> None:
    with pytest.raises(SetupError, match=r"source /opt/ros/jazzy/setup.bash.*unset ROS_DISTRO"):
        find_situation({"ROS_DISTRO": "jazzy"}, ROOT)


def test_ros_1_is_refused() -> None:
    with pytest.raises(SetupError, match="ROS 1"):
        find_situation({"ROS_DISTRO": "noetic", "ROS_VERSION": "1", "AMENT_PREFIX_PATH": "/x"}, ROOT)


@pytest.mark.parametrize("minor", [10, 11, 12, 13, 14])
def test_wheels_serve_python_3_10_to_3_14(minor: int) -> None:
    check_platform(WHEELS, (3, minor), "x86_64")


def test_older_and_newer_pythons_are_refused_without_a_ros() -> None:
    with pytest.raises(SetupError, match=r"Python 3\.9 is too old"):
        check_platform(WHEELS, (3, 9), "x86_64")
    with pytest.raises(SetupError, match=r"no ROS 2 wheels for Python 3\.15"):
        check_platform(WHEELS, (3, 15), "x86_64")


def test_arm_is_sent_to_the_official_packages() -> None:
    with pytest.raises(SetupError, match=r"aarch64.*official apt packages"):
        check_platform(WHEELS, (3, 12), "aarch64")


def test_a_sourced_ros_runs_on_arm_and_on_newer_pythons() -> None:
    check_platform(JAZZY, (3, 12), "aarch64")
    check_platform(Situation("lyrical", (Path("/opt/ros/lyrical"),)), (3, 14), "x86_64")


def test_the_python_must_be_the_one_the_ros_was_built_for(tmp_path: Path) -> None:
    (tmp_path / "lib/python3.12/site-packages/rclpy").mkdir(parents=True)
    situation = Situation("jazzy", (tmp_path,))
    check_python_of_ros(situation, (3, 12))
    with pytest.raises(SetupError, match=r"built for python3\.12, but this is python3\.11.*PYTHON=/usr/bin/python3"):
        check_python_of_ros(situation, (3, 11))


def test_a_ros_without_rclpy_names_the_package(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="sudo apt install ros-jazzy-rclpy"):
        check_python_of_ros(Situation("jazzy", (tmp_path,)), (3, 12))


def test_missing_packages_come_as_apt_names(tmp_path: Path) -> None:
    (tmp_path / "share/std_msgs").mkdir(parents=True)
    situation = Situation("jazzy", (tmp_path,))
    assert missing_ros_packages(situation, ["std_msgs", "vision_msgs"]) == ["ros-jazzy-vision-msgs"]


@pytest.mark.parametrize(
    ("distro", "name"), [("humble", "FASTRTPS"), ("jazzy", "FASTRTPS"), ("kilted", "FASTDDS"), ("rolling", "FASTDDS")]
)
def test_each_ros_reads_the_profile_from_its_own_variable(distro: str, name: str) -> None:
    assert Situation(distro).profiles_variable == f"{name}_DEFAULT_PROFILES_FILE"
