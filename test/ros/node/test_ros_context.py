# SPDX-License-Identifier: Apache-2.0
"""ROS starts also where it can write no log file, and says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from talk2dino_ros.client.client_errors import ClientError
from talk2dino_ros.client.connected_client import connected_client
from talk2dino_ros.ros.node.ros_context import arguments_for_log, log_folder, ros_context
from talk2dino_ros.ros.node.run_node import StartError


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"ROS_LOG_DIR": "/logs", "ROS_HOME": "/ros", "HOME": "/me"}, "/logs"),
        ({"ROS_LOG_DIR": "~/logs", "HOME": "/me"}, "/me/logs"),
        ({"ROS_LOG_DIR": "", "ROS_HOME": "/ros", "HOME": "/me"}, "/ros/log"),
        ({"HOME": "/me"}, "/me/.ros/log"),
    ],
)
def test_the_log_folder_is_that_of_ros(environment, folder):
    assert log_folder(environment) == Path(folder)


def test_arguments_stay_as_they_are_where_a_log_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "new" / "log"))
    assert arguments_for_log(["a", "--ros-args", "-p", "b:=1"]) == (["a", "--ros-args", "-p", "b:=1"], "")
    assert list((tmp_path / "new" / "log").iterdir()) == []


def test_ros_starts_without_a_log_file_where_none_can_be_written(tmp_path):
    nowhere = tmp_path / "file"
    nowhere.touch()  # root may write wherever there is a folder
    program = "from talk2dino_ros.ros.node.ros_context import ros_context\nwith ros_context([]): print('up')"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "ROS_LOG_DIR": str(nowhere / "log")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.stdout == "up\n", run.stderr
    assert run.stderr.startswith(f"no log file can be written in {nowhere}/log (")


@pytest.mark.parametrize("start", [ros_context, lambda args: connected_client("a_client", args)])
def test_what_ros_refuses_is_said_in_one_sentence(start):
    with (
        pytest.raises(StartError, match=r"^ROS refuses the arguments .*'-r __ns:=a b'.*; correct what it names$"),
        start(["--ros-args", "-r", "__ns:=a b"]),
    ):
        pass


@pytest.mark.parametrize(("role", "usual"), [("segmenter", "talk2dino"), ("goal", "goal"), ("memory", "memory")])
def test_a_client_of_a_node_that_cannot_be_is_refused(role, usual):
    told = f"^{role} is 'a b', expected a node's name such as '{usual}' or '/robot/{usual}'; correct it$"
    with pytest.raises(ClientError, match=told), connected_client("a_client", [], **{role: "a b"}):
        pass
