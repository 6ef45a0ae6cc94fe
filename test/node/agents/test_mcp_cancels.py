# SPDX-License-Identifier: Apache-2.0
"""A drive of the MCP server ends with the call, with the client, and with the client's process."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import anyio.from_thread
import pytest
from mcp_agent import Agent, mcp_command
from node_process import DEADLINE_S, REPOSITORY
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from spinning_thread import SpinningThread
from talk2dino_msgs.action import GoTo
from talk2dino_msgs.msg import GoToState

from talk2dino_ros.ros.node.enduring_executor import EnduringExecutor

NAMESPACE = "/cancels"
ALLOWED = ("--allow-go-to", "cup")
DRIVE = {"word": "cup", "wait_s": 100.0}
# the SDK's client as a program of its own, which a signal can take away
CLIENT = """
import anyio, json, os, sys
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

async def main():
    command, *rest = json.loads(sys.argv[1])
    server = StdioServerParameters(command=command, args=rest, env=dict(os.environ), cwd=os.getcwd())
    async with Client(stdio_client(server)) as client:
        await client.call_tool("go_to", json.loads(sys.argv[2]))

anyio.run(main)
"""


class DrivingRobot:
    """A goal node of its own, which drives until it is told to stop. events: what it was told, in its order.

    A goal that comes while it drives is the one before once more, of a client that the answer has not reached.
    """

    def __init__(self, context):
        self.events = []
        self._stop = None
        self.node = Node("goal", context=context, namespace=NAMESPACE, use_global_arguments=False)
        options = {"cancel_callback": self._cancel, "callback_group": ReentrantCallbackGroup()}
        self._action = ActionServer(self.node, GoTo, "goal/go", self._drive, **options)
        # one whose answer cannot be given, as its asker has not been found yet, asks again
        self._executor = EnduringExecutor(print, context=context)
        self._executor.add_node(self.node)
        self._thread = SpinningThread(self._executor)

    def wait_for(self, event, what):
        """Wait for the next event, which has to be this one."""
        end_s = time.monotonic() + DEADLINE_S
        while not self.events:
            assert time.monotonic() < end_s, f"waited in vain for {what}"
            time.sleep(0.01)
        assert self.events.pop(0) == event

    def destroy(self):
        self._thread.end()
        self._action.destroy()
        self.node.destroy_node()

    async def _drive(self, handle):
        if self._stop is None or self._stop.done():
            self.events.append("drives")
        else:
            self._stop.set_result("abort")
        stop = self._stop = Future(executor=self._executor)
        handle.publish_feedback(GoTo.Feedback(state=GoToState(value=GoToState.SEEN), message="on the way"))
        getattr(handle, await stop)()
        return GoTo.Result(state=GoToState(value=GoToState.CANCELLED), message="cancelled")

    def _cancel(self, _handle):
        self.events.append("is cancelled")
        self._stop.set_result("canceled")
        return CancelResponse.ACCEPT


@pytest.fixture(scope="module")
def robot(context):
    robot = DrivingRobot(context)
    yield robot
    robot.destroy()


@pytest.fixture
def stderr(tmp_path):
    """A file for the server's stderr, in which no traceback may be in the end."""
    with (tmp_path / "stderr.txt").open("w") as file:
        yield file
    assert "Traceback" not in (tmp_path / "stderr.txt").read_text(), (tmp_path / "stderr.txt").read_text()


def server_of(client):
    """A descriptor that becomes readable when the client's server, its only child, has ended."""
    (child,) = Path(f"/proc/{client.pid}/task/{client.pid}/children").read_text().split()
    return os.pidfd_open(int(child))


def test_a_cancelled_call_and_a_client_that_leaves_stop_the_robot(robot, stderr):
    with anyio.from_thread.start_blocking_portal() as portal, ExitStack() as stack:
        agent = Agent(portal, NAMESPACE, *ALLOWED, errlog=stderr)
        stack.enter_context(portal.wrap_async_context_manager(agent.client))
        call = agent.begin("go_to", **DRIVE)
        robot.wait_for("drives", "the drive")
        call.cancel()  # the SDK sends notifications/cancelled
        robot.wait_for("is cancelled", "the end of the drive with the call")
        waits_no_more = agent.told("go_to", **{**DRIVE, "wait_s": 0.0})  # the server serves on
        robot.wait_for("drives", "the next drive")
        assert not waits_no_more["is_over"]
        stack.close()  # stdin is closed: there is no call that could be cancelled
        robot.wait_for("is cancelled", "the end of the drive with the client")
    assert robot.events == []


def test_a_client_that_is_killed_stops_the_robot(robot, stderr):
    command = json.dumps([*mcp_command(NAMESPACE), *ALLOWED])
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, command, json.dumps(DRIVE)],
        cwd=REPOSITORY,
        env=dict(os.environ),
        stderr=stderr,
    )
    robot.wait_for("drives", "the drive")
    server = server_of(client)
    client.send_signal(signal.SIGKILL)
    client.wait()
    robot.wait_for("is cancelled", "the end of the drive with the client's process")
    assert select.select([server], [], [], DEADLINE_S)[0], "the server goes on"
    os.close(server)
    assert robot.events == []


def test_a_client_that_reads_no_more_stops_the_robot(robot, stderr):
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
    server = subprocess.Popen(
        [*mcp_command(NAMESPACE), *ALLOWED],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )

    def send(method, **fields):
        server.stdin.write(json.dumps({"jsonrpc": "2.0", "method": method, **fields}) + "\n")
        server.stdin.flush()

    send("initialize", id=1, params=hello)
    server.stdout.readline()
    send("notifications/initialized")
    send("tools/call", id=2, params={"name": "go_to", "arguments": DRIVE})
    robot.wait_for("drives", "the drive")
    server.stdout.close()
    send("tools/list", id=3)
    robot.wait_for("is cancelled", "the end of the drive with the pipe")
    server.stdin.close()
    assert server.wait(DEADLINE_S) == 0
    assert robot.events == []
