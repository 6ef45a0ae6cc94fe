# SPDX-License-Identifier: Apache-2.0
"""The environment's parts that can be tried without installing: constraints, repair, stamps, shell files, failures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from setup_env.activation import shell_text, underlay_text
from setup_env.environment import Environment
from setup_env.errors import SetupError
from setup_env.progress import Progress, remedy_for, run
from setup_env.requirements import constraints_beside_ros, constraints_with_wheels, distribution_of
from setup_env.situation import CHOICE, Situation, find_situation
from setup_env.stamps import fingerprint, is_fresh, write_stamp
from setup_env.system import ros_dependencies
from setup_env.wheel_repair import repair_cmake_files
from setup_env.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
WHEELS = Situation("jazzy")
JAZZY = Situation("jazzy", (Path("/opt/ros/jazzy"),))
BUILT_ELSEWHERE = """\
set(a "/opt/python/cp312-cp312/include/python3.12")
set(b "/opt/python/cp312-cp312/lib/python3.12/site-packages/numpy/_core/include;/usr/include")
"""


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("PyYAML==6.0.3", "pyyaml"),
        ("setuptools<80  # why", "setuptools"),
        ("typing_extensions==4.16.0 ; python_version < '3.11'", "typing-extensions"),
        ("# a comment", ""),
        ("", ""),
    ],
)
def test_the_name_in_a_requirement_is_normalised(line: str, name: str) -> None:
    assert distribution_of(line) == name


def test_beside_a_ros_the_distributions_numpy_and_pytest_are_left_alone() -> None:
    lock = "numpy==2.2.6 ; python_version < '3.11'\nnumpy==2.4.6\npytest==9.2.0\npytest-xdist==3.8.0\ntorch==2.14.0\n"
    constraints = constraints_beside_ros(lock, {"numpy": "1.26.4", "pytest": "7.4.4"}).splitlines()
    assert constraints == ["torch==2.14.0", "numpy>=1.26.4,<2", "pytest>=7.4.4,<8"]
    assert constraints_beside_ros(lock, {"numpy": "2.3.5"}).splitlines() == ["torch==2.14.0", "numpy>=2.3.5,<3"]


def test_the_repair_points_cmake_at_this_machine_and_is_done_once(tmp_path: Path) -> None:
    file = tmp_path / "share/rosidl_generator_py/cmake/extras.cmake"
    file.parent.mkdir(parents=True)
    file.write_text(BUILT_ELSEWHERE)
    assert repair_cmake_files(tmp_path, "/py/include", "/np/include") == 1
    assert file.read_text() == 'set(a "/py/include")\nset(b "/np/include;/usr/include")\n'
    assert repair_cmake_files(tmp_path, "/py/include", "/np/include") == 0


def test_the_repair_takes_out_what_the_machine_of_the_wheels_linked_with(tmp_path: Path) -> None:
    """As Fast DDS's targets name it, in the wheels of Jazzy and of Kilted."""
    file = tmp_path / "share/fastdds/cmake/fastdds-shared-targets.cmake"
    file.parent.mkdir(parents=True)
    file.write_text(
        'INTERFACE_LINK_LIBRARIES "fastcdr;-lpthread;dl;/usr/lib64/libtinyxml2.so;\\$<\\$<BOOL:1>:OpenSSL::SSL>"\n'
    )
    assert repair_cmake_files(tmp_path, "/py/include", "/np/include") == 1
    assert file.read_text() == 'INTERFACE_LINK_LIBRARIES "fastcdr;-lpthread;dl;\\$<\\$<BOOL:1>:OpenSSL::SSL>"\n'


def test_a_fingerprint_sees_content_names_and_facts(tmp_path: Path) -> None:
    one = tmp_path / "one.txt"
    one.write_text("a")
    before = fingerprint([one], "3.11")
    assert fingerprint([one], "3.11") == before
    assert fingerprint([one], "3.12") != before
    one.write_text("b")
    assert fingerprint([one], "3.11") != before
    renamed = one.rename(tmp_path / "two.txt")
    renamed.write_text("a")
    assert fingerprint([renamed], "3.11") != before


def test_a_stamp_is_fresh_for_its_own_key_only(tmp_path: Path) -> None:
    stamp = tmp_path / "install/.built_from"
    assert not is_fresh(stamp, "key")
    write_stamp(stamp, "key")
    assert is_fresh(stamp, "key")
    assert not is_fresh(stamp, "other")


def test_another_ros_or_place_makes_another_environment() -> None:
    situations = (WHEELS, JAZZY, Situation("kilted"))
    environments = [*(Environment(ROOT, situation) for situation in situations), Environment(ROOT.parent, WHEELS)]
    assert len({environment.identity for environment in environments}) == 4
    assert len({environment.key for environment in environments}) == 4


def test_wheels_of_another_ros_replace_the_environment_and_what_was_built_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("setup_env.environment.run_plain", lambda command: Path(command[-1]).mkdir())
    for distro in ("jazzy", "kilted"):
        environment = Environment(tmp_path, Situation(distro))
        environment.create(Progress(1))
        assert (tmp_path / CHOICE).read_text() == distro
        assert find_situation({}, tmp_path) == environment.situation
        assert not (tmp_path / "install").exists()
        half_filled = tmp_path / ".venv" / distro
        half_filled.touch()
        (tmp_path / "install").mkdir()
        environment.create(Progress(1))
        assert half_filled.exists()
        assert (tmp_path / "install").exists()
    assert not (tmp_path / ".venv" / "jazzy").exists()


@pytest.mark.parametrize(("distro", "version"), [("jazzy", "7.1.6"), ("kilted", "9.1.2")])
def test_the_wheels_of_each_ros_are_held_to_its_versions(distro: str, version: str) -> None:
    lines = constraints_with_wheels(ROOT / "tools" / "requirements", distro).splitlines()
    assert [line for line in lines if distribution_of(line) == "ros-rclpy"] == [f"ros-rclpy=={version}"]
    assert [line for line in lines if distribution_of(line) == "torch"]


def test_variables_of_a_foreign_ros_do_not_reach_the_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/opt/ros/humble/lib/python3.10/site-packages")
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/opt/ros/humble")
    monkeypatch.setenv("ROS_DISTRO", "humble")
    variables = Environment(ROOT, WHEELS).variables()
    assert "PYTHONPATH" not in variables
    assert variables["ROS_DISTRO"] == "jazzy"
    assert variables["AMENT_PREFIX_PATH"] == str(ROOT / ".venv")


def test_a_sourced_ros_stays_active(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/opt/ros/jazzy/lib/python3.12/site-packages")
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/opt/ros/jazzy")
    variables = Environment(ROOT, JAZZY).variables()
    assert variables["PYTHONPATH"] == "/opt/ros/jazzy/lib/python3.12/site-packages"
    assert variables["AMENT_PREFIX_PATH"] == "/opt/ros/jazzy"
    assert variables["PATH"].startswith(f"{ROOT}/.venv/bin:")


def test_a_folder_that_the_set_up_did_not_make_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / ".venv" / "mine.txt"
    precious.parent.mkdir()
    precious.write_text("mine")
    with pytest.raises(SetupError, match="was not made by this set-up"):
        Environment(tmp_path, WHEELS).create(Progress(1))
    assert precious.read_text() == "mine"


def test_the_underlay_names_its_ros_also_in_a_shell_that_knew_another(tmp_path: Path) -> None:
    for distro in ("kilted", "jazzy"):
        (tmp_path / distro).write_text(underlay_text(tmp_path, distro))
    script = f'. "{tmp_path}/kilted"; . "{tmp_path}/jazzy"; echo "$ROS_DISTRO $ROS_VERSION"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "jazzy 2\n"


def test_the_underlay_is_sourced_twice_without_doubling_the_paths(tmp_path: Path) -> None:
    prefix = tmp_path / "a folder" / ".venv"
    prefix.mkdir(parents=True)
    file = prefix / "local_setup.sh"
    file.write_text(underlay_text(prefix, "jazzy"))
    script = f'. "{file}"; . "{file}"; echo "$AMENT_PREFIX_PATH"; echo "$PATH"'
    done = subprocess.run(
        ["sh", "-c", script], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [str(prefix), f"{prefix}/bin:/usr/bin:/bin"]


def test_the_fast_dds_profile_is_the_users_own_or_fits_the_shared_memory(tmp_path: Path) -> None:
    (tmp_path / "install").mkdir()
    (tmp_path / "install/setup.bash").write_text("")
    file = tmp_path / "setup.bash"
    file.write_text(shell_text(tmp_path, JAZZY))
    shown = f'source "{file}"; echo "$FASTRTPS_DEFAULT_PROFILES_FILE"'
    df = tmp_path / "df"  # stands before the real one in the PATH
    df.touch(mode=0o755)
    for shm_kib, given, expected in (
        (262144, {}, f"{tmp_path}/config/fastdds.xml"),
        (65536, {}, f"{tmp_path}/config/fastdds_small.xml"),
        (65536, {"FASTRTPS_DEFAULT_PROFILES_FILE": "/my.xml"}, "/my.xml"),
    ):
        df.write_text(f"#!/bin/sh\necho Filesystem 1024-blocks Used\necho shm {shm_kib} 0\n")
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **given}
        done = subprocess.run(["bash", "-c", shown], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected


def test_a_failed_step_shows_its_last_lines_the_log_and_what_to_do(tmp_path: Path) -> None:
    progress = Progress(2)
    progress.begin("Installing")
    code = "print('No space left on device'); raise SystemExit(3)"
    log = tmp_path / "log" / "setup.log"
    with pytest.raises(SetupError) as caught:
        run([sys.executable, "-c", code], progress, log=log, cwd=tmp_path, environment=dict(os.environ))
    text = str(caught.value)
    assert text.startswith("[1/2] Installing failed (exit status 3):\nNo space left on device\n")
    assert str(log) in text
    assert "make room" in text


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("Temporary failure in name resolution ... ERROR: ResolutionImpossible", "check the network"),
        ("ERROR: No matching distribution found for torch==2.14.0", "lock.txt"),
        ("ERROR: ResolutionImpossible: for help visit", "lock.txt"),
        ("fatal error: Python.h: No such file or directory", "python3-dev"),
        ("No CMAKE_CXX_COMPILER could be found", "sudo apt install g++"),
        ("something else", ""),
    ],
)
def test_known_failures_come_with_a_remedy(output: str, remedy: str) -> None:
    assert remedy in remedy_for(output)
    assert bool(remedy_for(output)) == bool(remedy)


def test_stub_packages_are_built_only_where_no_ros_brings_the_real_packages() -> None:
    assert Workspace(Environment(ROOT, WHEELS)).base_paths == [
        ".",
        "talk2dino_msgs",
        "tools/tf2_msgs",
        "tools/vision_msgs",
    ]
    assert Workspace(Environment(ROOT, JAZZY)).base_paths == [".", "talk2dino_msgs"]


def test_the_nodes_for_behavior_trees_are_built_where_their_library_is(tmp_path: Path) -> None:
    workspace = Workspace(Environment(ROOT, Situation("jazzy", (tmp_path / "underlay", tmp_path))))
    assert workspace.base_paths == [".", "talk2dino_msgs"]
    (tmp_path / "share" / "behaviortree_cpp").mkdir(parents=True)
    assert workspace.base_paths == [".", "talk2dino_msgs", "talk2dino_bt"]


def test_the_ros_packages_to_look_for_are_those_of_package_xml() -> None:
    wanted = ros_dependencies(ROOT / "package.xml")
    assert {"rclpy", "vision_msgs", "sensor_msgs", "tf2_ros_py"} <= set(wanted)
    assert not {"talk2dino_msgs", "python3-numpy", "cv_bridge"} & set(wanted)
