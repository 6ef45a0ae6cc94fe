# SPDX-License-Identifier: Apache-2.0
"""Write the SROS 2 policies of security/ from the running nodes: `python3 -m tools.security_policies`.

A policy for each node, and one for each kind of who talks to them. docs/security.md says how they are switched on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import rclpy

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "security"
DEADLINE_S = 180.0
QUIET_S = 2.0  # without a change: DDS tells of a node's topics one by one

# The nodes: file, name, module, and the parameters with which all of its topics are there.
NODES = {
    "segmenter": ("talk2dino", "talk2dino_ros.segmenter.segmenter_main", ("model:=mini", "target_frame:=map")),
    "goal": ("goal", "talk2dino_ros.goal.goal_main", ()),
    "memory": ("memory", "talk2dino_ros.memory.memory_main", ("pose_topic:=amcl_pose", "folder:={folder}")),
    "web": ("web", "talk2dino_ros.web.robot.web_main", ("port:=0",)),
}
# What a node subscribes to only while it needs it, in the words of a policy.
NOW_AND_THEN = {"goal": frozenset({"talk2dino/presence"})}
ALL_NODES = ("use_sim_time:=true",)
# The last that a node subscribes to as it becomes active.
LAST = {"segmenter": "image", "goal": "talk2dino/objects", "memory": "amcl_pose", "web": "/diagnostics"}

# Who may call what, by the last part of the name: the tool stops where a service is in none of them.
READING = {
    *("get_vocabulary", "is_in_view", "find", "view"),
    *("get_state", "get_available_states", "get_available_transitions", "get_transition_graph"),
    *("describe_parameters", "get_parameter_types", "get_parameters", "list_parameters", "get_type_description"),
}
WORKING = {
    *("set_vocabulary", "enable", "encode_text", "check_transport", "record_problem"),
    *("go_to", "cancel", "go"),
    *("forget", "correct"),
}
MANAGING = {"change_state", "set_parameters", "set_parameters_atomically"}
READER = "Who reads what the nodes publish, such as a planner, and changes nothing."
OPERATOR = "Who may change the words, send the robot, and let the memory forget."
MANAGER = "A lifecycle manager, and who may set parameters."
INPUTS = "Who gives the nodes what they work on, and does what they ask for: cameras, TF, maps, the clock, the planner."
COMMAND_LINE = "_ros2cli_*"  # the nodes of `ros2 service call` and the like

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Written by tools/security_policies.py from the running nodes; docs/security.md says how to use it. -->
<!-- {text} -->
<policy version="0.2.0">
  <enclaves>
    <enclave path="/talk2dino/{enclave}">
      <profiles>
"""
TAIL = """      </profiles>
    </enclave>
  </enclaves>
</policy>
"""


@dataclass(frozen=True)
class Rights:
    """What a node does, by the names that a policy has: `~/mask`, `image` in the namespace, `/tf`."""

    publish: frozenset[str] = frozenset()
    subscribe: frozenset[str] = frozenset()
    reply: frozenset[str] = frozenset()
    request: frozenset[str] = frozenset()
    execute: frozenset[str] = frozenset()
    call: frozenset[str] = frozenset()

    def __or__(self, other: Rights) -> Rights:
        names = [field.name for field in fields(Rights)]
        return Rights(*(getattr(self, name) | getattr(other, name) for name in names))


ELEMENTS = {"publish": "topic", "subscribe": "topic", "reply": "service", "request": "service"}
ELEMENTS |= {"execute": "action", "call": "action"}


# What a node does only when it is asked to, so that no graph has it while nobody asks: the page, for who looks.
ON_DEMAND = {
    "web": Rights(
        subscribe=frozenset(
            {
                *("image", "costmap", "/tf", "/tf_static", "memory/heat"),
                *(f"talk2dino/{name}" for name in ("mask", "objects", "overlay", "points_of_interest", "presence")),
            }
        ),
        request=frozenset({"memory/find", "talk2dino/get_vocabulary", "talk2dino/set_vocabulary"}),
        call=frozenset({"goal/go"}),
    )
}


def rights_in_graph(observer: Any, name: str, namespace: str) -> Rights:
    """Return what a node has in the ROS graph that this observer, another node, sees."""

    def names(ask: Callable[[str, str], list[tuple[str, list[str]]]]) -> frozenset[str]:
        return frozenset(_in_policy(found, name, namespace) for found, _types in ask(name, namespace))

    publish, reply = names(observer.get_publisher_names_and_types_by_node), names(_services(observer))
    execute = frozenset(each.removesuffix("/_action/send_goal") for each in reply if each.endswith("/send_goal"))
    parts = tuple(f"{action}/_action/" for action in execute)
    return Rights(
        publish=frozenset(each for each in publish if not each.startswith(parts)) if parts else publish,
        subscribe=names(observer.get_subscriber_names_and_types_by_node),
        reply=frozenset(each for each in reply if not each.startswith(parts)) if parts else reply,
        request=names(observer.get_client_names_and_types_by_node),
        execute=execute,
    )


def _services(observer: Any) -> Callable[[str, str], list[tuple[str, list[str]]]]:
    ask: Callable[[str, str], list[tuple[str, list[str]]]] = observer.get_service_names_and_types_by_node
    return ask


def _in_policy(name: str, node: str, namespace: str) -> str:
    """Return a full name as a policy has it: relative to the node, or to its namespace, where it is."""
    own, shared = f"{namespace}/{node}/", f"{namespace}/"
    return f"~/{name.removeprefix(own)}" if name.startswith(own) else name.removeprefix(shared)


def whole_graph(observer: Any, namespace: str) -> dict[str, Rights]:
    """Return what each of the nodes has, once all of them are active; raise SystemExit where they never are."""
    before: dict[str, Rights] = {}
    end_s, since_s = time.monotonic() + DEADLINE_S, time.monotonic()
    while time.monotonic() < end_s:
        try:
            now = {
                file: rights_in_graph(observer, node[0], namespace) | ON_DEMAND.get(file, Rights())
                for file, node in NODES.items()
            }
        except rclpy.node.NodeNameNonExistentError:
            now = {}
        if now != before:
            before, since_s = now, time.monotonic()
        if now and all(LAST[file] in now[file].subscribe for file in NODES) and time.monotonic() - since_s > QUIET_S:
            return {
                file: rights | Rights(subscribe=NOW_AND_THEN.get(file, frozenset())) for file, rights in now.items()
            }
        time.sleep(0.1)
    raise SystemExit(
        f"the nodes are not active after {DEADLINE_S:g} s, expected all of them; they have so far: {before}"
    )


def policies(nodes: dict[str, Rights], any_node: Rights) -> dict[str, str]:
    """Return the text of each policy file. any_node: what each node of rclpy has, such as /rosout."""
    texts = {
        file: policy(file, f"What the node {NODES[file][0]} does, and nothing else.", {NODES[file][0]: rights})
        for file, rights in nodes.items()
    }
    seen_by_all = {
        file: _from_outside(Rights(publish=rights.publish, reply=rights.reply, execute=rights.execute), NODES[file][0])
        for file, rights in nodes.items()
    }
    published = frozenset().union(*(rights.publish for rights in seen_by_all.values()))
    services = frozenset().union(*(rights.reply for rights in seen_by_all.values()))
    actions = frozenset().union(*(rights.execute for rights in seen_by_all.values()))
    client = any_node | Rights(subscribe=published | {"/clock"})
    check_that_all_are_known(services | actions)

    def may(names: set[str]) -> Rights:
        return client | Rights(request=_ending(services, names), call=_ending(actions, names))

    given = frozenset().union(*(rights.subscribe for rights in nodes.values())) - published
    asked = frozenset().union(*(rights.request for rights in nodes.values())) - services
    inputs = any_node | Rights(publish=given, reply=asked)
    command_line = {COMMAND_LINE: any_node}
    texts["reader"] = policy("reader", READER, {"reader": may(READING)} | command_line)
    texts["operator"] = policy("operator", OPERATOR, {"operator": may(READING | WORKING)} | command_line)
    texts["manager"] = policy("manager", MANAGER, {"manager": may(READING | MANAGING)} | command_line)
    texts["inputs"] = policy("inputs", INPUTS, {"inputs": inputs})
    return texts


def check_that_all_are_known(names: Iterable[str]) -> None:
    """Raise SystemExit for services and actions of which is not said who may call them."""
    unknown = sorted(name for name in names if name.rpartition("/")[2] not in READING | WORKING | MANAGING)
    if unknown:
        raise SystemExit(
            f"{', '.join(unknown)}: nothing says who may call it, expected its name in READING, WORKING or MANAGING; "
            f"add it there, in {__file__}"
        )


def _ending(names: Iterable[str], ends: set[str]) -> frozenset[str]:
    return frozenset(name for name in names if name.rpartition("/")[2] in ends)


def _from_outside(rights: Rights, node: str) -> Rights:
    """Return a node's rights by names that other nodes of its namespace have for them."""
    return Rights(
        *(
            frozenset(name.replace("~/", f"{node}/", 1) if name.startswith("~/") else name for name in names)
            for names in (getattr(rights, field.name) for field in fields(Rights))
        )
    )


def policy(enclave: str, text: str, profiles: dict[str, Rights]) -> str:
    """Return a policy file's text, one line for each name. profiles: by the name of a node."""
    shown = "".join(
        f'        <profile ns="/" node="{node}">\n{"".join(_lists(rights))}        </profile>\n'
        for node, rights in profiles.items()
    )
    return HEAD.format(text=text, enclave=enclave) + shown + TAIL


def _lists(rights: Rights) -> Iterator[str]:
    for verb, element in ELEMENTS.items():
        names = sorted(getattr(rights, verb))
        if names:
            lines = "".join(f"            <{element}>{escape(name)}</{element}>\n" for name in names)
            yield f'          <{element}s {verb}="ALLOW">\n{lines}          </{element}s>\n'


@contextmanager
def running_nodes(namespace: str) -> Iterator[None]:
    """Run the nodes for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        processes = [
            subprocess.Popen([sys.executable, "-m", module, *arguments_of(parameters, namespace, folder)], cwd=ROOT)
            for _, module, parameters in NODES.values()
        ]
        try:
            yield
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


def arguments_of(parameters: Iterable[str], namespace: str, folder: str) -> list[str]:
    """Return a node's arguments. folder: where the memory may write."""
    words = [word for each in (*ALL_NODES, *parameters) for word in ("-p", each.format(folder=folder))]
    return ["--ros-args", "-r", f"__ns:={namespace}", *words]


def main() -> None:
    """Write the files."""
    namespace = f"/policies_{os.getpid()}"
    rclpy.init()
    observer = rclpy.create_node("observer", namespace=namespace)
    with running_nodes(namespace):
        texts = policies(whole_graph(observer, namespace), rights_in_graph(observer, "observer", namespace))
    FOLDER.mkdir(exist_ok=True)
    for name, text in texts.items():
        (FOLDER / f"{name}.xml").write_text(text, encoding="utf-8")
    rclpy.shutdown()


if __name__ == "__main__":
    main()
