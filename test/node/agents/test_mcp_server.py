# SPDX-License-Identifier: Apache-2.0
"""The MCP server as a process, by the SDK's own client over stdio, with the real segmenter and goal node."""

import base64
import json
import signal
import subprocess
import time
from contextlib import ExitStack
from io import BytesIO

import anyio.from_thread
import pytest
from mcp_agent import Agent, mcp_command
from node_process import DEADLINE_S, REPOSITORY
from PIL import Image
from robot_world import DEPTH_M, HEIGHT, WIDTH

NAMESPACE = "/agents"
COMMAND = mcp_command(NAMESPACE)


@pytest.fixture(scope="module")
def make_agent(robot, tmp_path_factory):
    """Return a function that starts a server, with a client that has a person or not."""
    log = tmp_path_factory.mktemp("mcp") / "stderr.txt"
    with log.open("w") as errlog, anyio.from_thread.start_blocking_portal() as portal, ExitStack() as stack:

        def make(*arguments, **options):
            agent = Agent(portal, NAMESPACE, *arguments, errlog=errlog, **options)
            stack.enter_context(portal.wrap_async_context_manager(agent.client))
            return agent

        yield make
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="module")
def agent(make_agent, robot):
    return make_agent("--allow-go-to", "cup; mug: cup, mug", "--confirm-go-to")


def test_the_tools_say_what_they_do(agent):
    tools = {tool.name: tool for tool in agent._portal.call(agent.client.list_tools).tools}
    assert set(tools) == {"look", "find", "list", "set_words", "go_to", "cancel"}
    assert all(len(tool.description) > 40 for tool in tools.values())
    assert [name for name, tool in tools.items() if not tool.annotations.read_only_hint] == [
        "set_words",
        "go_to",
        "cancel",
    ]
    assert "confirmed" not in tools["go_to"].input_schema["properties"]  # the person's, not the model's


def test_look_gives_a_picture_and_what_is_in_it(agent):
    result = agent.call("look", longest_side=128)
    text, picture = result.content
    seen = Image.open(BytesIO(base64.b64decode(picture.data)))
    assert (picture.mime_type, seen.format, seen.size) == ("image/jpeg", "JPEG", (128, 85))
    view = json.loads(text.text)
    assert view == result.structured_content
    assert view["size"] == [WIDTH, HEIGHT]
    assert view["looked_for"] == ["cup", "dog", "table"]
    cups = [region for region in view["regions"] if region["name"] == "cup"]
    assert cups[0]["position"]["x"] == pytest.approx(0.5 + DEPTH_M, abs=0.05)
    assert cups[0]["position"]["frame"] == "odom"


def test_find_tells_what_is_in_view_and_what_is_remembered(agent):
    found, end_s = agent.told("find", word="cup"), time.monotonic() + DEADLINE_S
    while not (found["tracked"] and found["tracked"][0]["state"] == "confirmed"):
        assert time.monotonic() < end_s, found
        found = agent.told("find", word="cup")  # in the next image
    assert (found["is_looked_for"], bool(found["in_view"])) == (True, True)
    assert found["presence"] in ("in view", "not sure")  # of one image, and the regions are of another
    assert found["why"].startswith(f"'cup': {found['presence']}: its best score is 0.")
    assert found["tracked"][0]["state"] == "confirmed"
    assert found["remembered"][0]["position"] == {"x": 4.0, "y": 1.0, "z": 0.0, "frame": "map"}
    found = agent.told("find", word="submarine")
    assert (found["is_looked_for"], found["in_view"], found["notes"]) == (False, [], ["1 places"])
    assert (found["presence"], found["why"]) == ("not looked for", "")


def test_list_tells_words_objects_and_places(agent):
    listed = agent.told("list")
    assert [(each["name"], each["kind"]) for each in listed["classes"]] == [
        ("cup", "class"),
        ("dog", "class"),
        ("table", "distractor"),
    ]
    assert "cup" in {each["name"] for each in listed["objects"]}
    assert set(listed["places"]) == {"cup", "dog"}


def test_a_person_is_asked_before_a_mask_changes_and_not_for_a_question(agent):
    agent.asked.clear()
    agent.told("set_words", words=["?mug"])
    assert agent.asked == []
    agent.says = True
    listed = agent.told("set_words", words=["mug"], change="remove")
    assert "mug" in {each["name"] for each in listed["classes"]}
    assert listed["notes"][0].startswith("not removed, as nothing active is written so: 'mug'; active classes: cup = ")
    agent.asked.clear()
    agent.says = False
    assert "has not confirmed" in agent.refusal("set_words", words=["?mug"], change="remove")
    assert agent.asked == ["remove the robot's words: ?mug? It looks for now: cup, dog, table, mug"]
    agent.says = True
    listed = agent.told("set_words", words=["?mug"], change="remove")
    assert "mug" not in {each["name"] for each in listed["classes"]}


def test_the_robot_goes_to_what_is_allowed_without_a_question(agent, robot):
    agent.asked.clear()
    report = agent.told("go_to", word="cup", stand_off_m=1.0, wait_s=DEADLINE_S)
    assert (report["state"], report["is_over"], agent.asked) == ("REACHED", True, [])
    assert report["position"]["x"] == pytest.approx(0.5 + DEPTH_M, abs=0.05)
    robot.robot = (0.0, 0.0, 0.0)


def test_a_person_is_asked_where_the_robot_would_go_elsewhere(agent):
    agent.asked.clear()
    agent.says = False
    for word in ("unicorn", "cup: person"):
        assert "has not confirmed" in agent.refusal("go_to", word=word)
    agent.says = True
    while (report := agent.told("go_to", word="unicorn", wait_s=0.5))["state"] == "STARTING":
        pass  # each call waits on for the same drive
    assert (report["is_over"], report["state"]) == (False, "SEARCHING")
    assert agent.asked[:3] == [
        "Send the robot to: unicorn?",
        "Send the robot to: cup: person?",
        "Send the robot to: unicorn?",
    ]
    assert agent.told("cancel")["state"] == "CANCELLED"


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("look", {"camera": "nowhere"}, "has no camera 'nowhere', expected one of ''; choose one"),
        ("find", {"word": "a, b: c\x00"}, "control"),
        ("set_words", {"words": ["!wall"] * 300}, "at most 100 items"),
        ("set_words", {"words": ["?mug" * 100]}, "399 characters, expected at most 100"),
        ("find", {"word": "x" * 10_000_000}, "at most 1000 characters"),
    ],
)
def test_rubbish_is_answered_with_a_sentence(agent, tool, arguments, why):
    text = agent.refusal(tool, **arguments)
    assert why in text
    assert len(text) < 2000


def test_without_a_person_only_what_is_allowed_is_done(make_agent):
    strict = make_agent("--allow-go-to", "cup", has_person=False)
    assert strict.refusal("go_to", word="person").endswith("sent to 'person', expected one of: cup")
    assert "--allow-set-words" in strict.refusal("set_words", words=["sofa"])


def test_stdout_has_the_protocol_alone_and_ctrl_c_ends_it(robot, tmp_path):
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
    lines = [
        "rubbish",
        '{"jsonrpc": "2.0", "id": 7}',
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}),
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list", "arguments": {}}}),
    ]
    with (tmp_path / "stderr.txt").open("w") as stderr:
        process = subprocess.Popen(
            COMMAND, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    process.stdin.write("\n".join(lines) + "\n")
    process.stdin.flush()
    answers = []
    while 2 not in [answer.get("id") for answer in answers]:
        answers.append(json.loads(process.stdout.readline()))
    assert all(answer["jsonrpc"] == "2.0" for answer in answers)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, rest) == (0, "")
    assert "Traceback" not in (tmp_path / "stderr.txt").read_text()


def test_a_wrong_start_is_one_sentence():
    wrong, output = [*COMMAND, "--allow-go-to", "a\x01b"], {"capture_output": True, "text": True}
    done = subprocess.run(wrong, cwd=REPOSITORY, timeout=DEADLINE_S, check=False, **output)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("talk2dino mcp: the class")
