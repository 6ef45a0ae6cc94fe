# SPDX-License-Identifier: Apache-2.0
"""The packages of examples/, built by colcon as they are, against the goal node in a scripted world.

The wheels of ROS 2 have no rclcpp. Where there is none, the C++ example meets as much of its interface as it uses, on
rcl (`rclcpp_on_rcl`): its messages, the middleware and the nodes are the real ones.
"""

import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from geometry_msgs.msg import Vector3
from node_process import DEADLINE_S, REPOSITORY, NodeProcess
from scripted_world import ScriptedWorld, place_of, tracked
from talk2dino_msgs.msg import GoToState, TrackedObject

from setup_env.workspace import COLCON

EXAMPLES = [REPOSITORY / "examples" / name for name in ("planner_cpp", "planner_python")]
NO_RCLCPP = f"-Drclcpp_DIR={Path(__file__).parent / 'rclcpp_on_rcl'}"
PLACES = ((4.0, 3.0), (-2.0, 0.0))


def colcon(*arguments: str | Path, folder: Path) -> str:
    command = [sys.executable, "-c", COLCON, "--log-base", folder / "log", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def has_rclcpp() -> bool:
    try:
        return bool(get_package_prefix("rclcpp"))
    except PackageNotFoundError:
        return False


def libraries() -> dict[str, str]:
    """Say where ROS's libraries are to a program that no Python has started: the wheels' setup files do not."""
    folders = [f"{prefix}/lib" for prefix in os.environ["AMENT_PREFIX_PATH"].split(":")]
    return {"LD_LIBRARY_PATH": ":".join([os.environ.get("LD_LIBRARY_PATH", ""), *folders])}


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The prefix of both packages."""
    folder = tmp_path_factory.mktemp("examples")
    options = ["--merge-install", "--base-paths", *EXAMPLES, "--cmake-args", "-DBUILD_TESTING=OFF"]
    colcon("build", *options, *([] if has_rclcpp() else [NO_RCLCPP]), folder=folder)
    return folder / "install"


@pytest.fixture(scope="module")
def world(context, tmp_path_factory):
    """A goal node and its scripted world."""
    process = NodeProcess(
        ["stand_off_m:=1.0"], "/robot", tmp_path_factory.mktemp("goal") / "log.txt", "talk2dino_ros.goal.goal_main"
    )
    world = ScriptedWorld(context, "/robot", process)
    world.wait_until_heard()
    yield world
    world.destroy()
    process.stop()


@pytest.fixture
def start(installed, tmp_path):
    """Return a function that starts an example; gives its process and the file with what it says."""
    processes = []

    def start(package: str, program: str, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
        log = tmp_path / "log.txt"
        command = [installed / "lib" / package / program, *arguments, "--ros-args", "-r", "__ns:=/robot"]
        with log.open("w") as output:
            processes.append(subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | libraries()))
        return processes[-1], log

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_the_tour_goes_to_each_word_in_turn(world, start):
    world.objects = [tracked(*PLACES[0]), tracked(*PLACES[1], number=2, name="plant")]
    process, log = start("planner_python", "tour.py", "cup", "plant")
    world.wait_for(lambda: world.goals or process.poll() is not None, "the first goal")
    assert process.poll() is None, log.read_text()
    world.robot = place_of(world.goals[0])
    world.wait_for(lambda: len(world.goals) > 1, "the second goal")
    world.robot = place_of(world.goals[1])
    world.wait_for(lambda: process.poll() is not None, "the end")
    assert process.wait(DEADLINE_S) == 0, log.read_text()
    assert world.asked[0] == (["cup", "plant"], [])
    assert re.findall(r"^(\w+): reached", log.read_text(), re.MULTILINE) == ["cup", "plant"]
    assert [round(math.dist(place_of(goal)[:2], at), 5) for goal, at in zip(world.goals, PLACES, strict=True)] == [1, 1]


@pytest.mark.slow
def test_ctrl_c_of_the_tour_stops_the_robot(world, start):
    world.objects = [tracked(*PLACES[0])]
    world.robot = (0.0, 0.0, 0.0)
    process, log = start("planner_python", "tour.py", "cup")
    world.wait_for(lambda: log.read_text() or process.poll() is not None, "the tour's beginning")
    assert process.poll() is None, log.read_text()
    process.send_signal(signal.SIGINT)
    world.wait_for(lambda: process.poll() is not None, "the end")
    assert process.wait(DEADLINE_S) == 0, log.read_text()
    assert log.read_text().splitlines() == ["cup: looking for it; Ctrl-C stops the robot", "cup: cancelled."]
    world.wait_for(lambda: world.states[-1] == GoToState.CANCELLED, "the go_to's end")


@pytest.mark.slow
def test_the_planner_goes_to_the_largest_that_is_sure(world, start):
    world.robot = (0.0, 0.0, 0.0)
    world.goals.clear()
    world.objects = [
        tracked(1.5, 0.0, number=1, extent=Vector3(z=0.1)),
        tracked(4.0, 3.0, number=2, extent=Vector3(z=0.3)),
        tracked(0.0, 3.0, number=3, extent=Vector3(z=0.9), state=TrackedObject.TENTATIVE),
        tracked(0.0, -3.0, number=4, extent=Vector3(z=0.9), name="dog"),
    ]
    process, log = start("planner_cpp", "planner", "--ros-args", "-p", "class_name:=cup")
    world.wait_for(lambda: world.goals or process.poll() is not None, "a goal")
    assert process.poll() is None, log.read_text()
    assert place_of(world.goals[0]) == pytest.approx((3.2, 2.4, math.atan2(3, 4)), abs=1e-5)
    world.wait_for(lambda: "(3.20, 2.40)" in log.read_text(), "the planner's word on it")
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE_S) == 0, log.read_text()


def test_colcon_at_the_repositorys_root_ignores_the_examples(tmp_path):
    assert colcon("list", "--names-only", "--base-paths", REPOSITORY, folder=tmp_path).split() == ["talk2dino_ros"]
