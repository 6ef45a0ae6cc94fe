# SPDX-License-Identifier: Apache-2.0
"""The same faults, shortly, for the nodes memory and goal."""

from __future__ import annotations

import os
from functools import partial
from itertools import product
from typing import Any

from benchmarks.chaos.ending_faults import EXPECTED, SIGNALS, TRANSITIONS, ended
from benchmarks.chaos.fault import Outcome, fault, shorten
from benchmarks.chaos.stage import Stage
from benchmarks.chaos.victim import ProcessEnd, Victim

MEMORY = "talk2dino_ros.memory.memory_main"
GOAL = "talk2dino_ros.goal.goal_main"
CALLS = 300


def start(stage: Stage, name: str, namespace: str, *parameters: str, **options: Any) -> Victim:
    """Start the node memory or goal, and wait until it answers; options: of `Stage.start`."""
    module = MEMORY if name == "memory" else GOAL
    folder = (f"folder:={stage.folder / 'memory'}", "map_id:=room") if name == "memory" else ()
    values = ("autostart:=false", "diagnostics_period_s:=0.2", "segmenter_timeout_s:=0.2", *folder, *parameters)
    node = stage.start(module, namespace, *values, node=name, **options)
    node.wait_for_state("unconfigured")
    return node


@fault(
    "signals to the memory and the goal node",
    done=f"SIGINT and SIGTERM, each while {', '.join(TRANSITIONS)}",
    expected=EXPECTED,
)
def neighbours_end(stage: Stage) -> Outcome:
    endings: dict[str, ProcessEnd] = {}
    for name, state, number in product(("memory", "goal"), TRANSITIONS, SIGNALS):
        node = start(stage, name, f"/{name}_{state}_{number.name.lower()}")
        for transition in TRANSITIONS[state]:
            node.change(transition)
        node.wait_for_state(state)
        endings[f"{name} {state} {number.name}"] = node.end(number)
    return ended(endings)


@fault(
    "the memory's store is damaged",
    done="its file overwritten with random bytes between two configures",
    expected="configure says so and begins anew beside it, or fails in a sentence; with another map it succeeds",
)
def store_damaged(stage: Stage) -> Outcome:
    node = start(stage, "memory", "/store", "map_id:=hurt")
    node.change("configure")
    node.change("cleanup")
    path = stage.folder / "memory" / "hurt" / "memory.sqlite3"
    path.write_bytes(os.urandom(1 << 16))
    before = len(node.output)
    is_done, state = node.change("configure"), node.state()
    said = next(
        (line for line in node.output[before:].splitlines() if "[WARN]" in line or "[ERROR]" in line), "nothing"
    )
    if is_done:
        node.change("cleanup")
    node.set_parameter("map_id", "whole")
    is_well = node.change("configure")
    ending = node.end()
    seen = f"{state}: “{shorten(said.rpartition(']: ')[2])}”; with another map it is configured: {is_well}"
    return Outcome(seen, is_well and "hurt" in said and state in ("unconfigured", "inactive") and ending.is_good)


@fault(
    "SIGKILL to the memory node",
    done="killed while active, started again on the same folder",
    expected="it starts, nothing locks it out (a kill loses at most the keyframe in hand: test_kill_while_writing.py)",
)
def memory_killed(stage: Stage) -> Outcome:
    node = start(stage, "memory", "/killed_memory")
    node.change("configure")
    node.change("activate")
    node.kill()
    again = start(stage, "memory", "/killed_memory_again")
    is_configured = again.change("configure")
    ending = again.end()
    return Outcome(f"configured again: {is_configured}; ended with {ending}", is_configured and ending.is_good)


def ask(node: Victim, name: str) -> str:
    """Ask the memory to find a cup, or the goal node to go to one, and return what it says."""
    from talk2dino_msgs.srv import Find, GoTo

    kind, service = (Find, "find") if name == "memory" else (GoTo, "go_to")
    return str(node.call(kind, service, class_name="cup").message)


def are_done(futures: list[Any]) -> bool:
    """Whether all have their answers."""
    return all(each.done() for each in futures)


@fault(
    "300 calls of go_to and of find at once",
    done=f"{CALLS} requests sent without waiting, to the goal node and to the memory",
    expected="each is answered: done, replaced, or refused in a sentence",
)
def many_neighbour_calls(stage: Stage) -> Outcome:
    from talk2dino_msgs.srv import Find, GoTo

    answered = {}
    for name, service_type, service in (("goal", GoTo, "go_to"), ("memory", Find, "find")):
        node = start(stage, name, f"/many_{name}")
        node.change("configure")
        node.change("activate")
        client = node.client(service_type, service)
        request = service_type.Request(class_name="cup")
        node.call(service_type, service, class_name="cup")
        futures = [client.call_async(request) for _ in range(CALLS)]
        stage.spin_until(partial(are_done, futures), 60.0)
        answers = [each.result() for each in futures if each.done()]
        answered[name] = (len(answers), sum(bool(each.message) for each in answers))
        node.end()
    seen = ", ".join(f"{name}: {count} answered, {said} with a sentence" for name, (count, said) in answered.items())
    return Outcome(seen, all(counts == (CALLS, CALLS) for counts in answered.values()))
