# SPDX-License-Identifier: Apache-2.0
"""Run the demo: simulator, segmenter, memory, goal node and the Nav2 stub, each a process, and a client that asks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from talk2dino_msgs.action import GoTo
from tqdm import tqdm

from benchmarks.memory.demo.story import Story, chosen_word, photo_of
from benchmarks.memory.demo.tour_client import TourClient
from benchmarks.memory.furnished_rooms import furnished, places_of, words_in
from benchmarks.memory.tour import ways
from benchmarks.nav.run import GOAL, MASK, SEGMENTER, START_TIMEOUT_S, check_all, names_in, ros_parameters
from benchmarks.nav.sim_world import check_drawing
from talk2dino_ros.demo.processes import DemoError, node_process
from talk2dino_ros.ros.node.ros_context import ros_context

NAMESPACE = "/demo_memory"  # as in demo_nav: no other robot is touched
ABSENT = ("banana", "guitar", "umbrella")  # words of objects that are in no room
IMAGE_RATE_HZ = 2.0
STOP_M = 3.0  # between two stops of the tour
FEATURES_RATE_HZ = 100.0  # of each image: the rate is real time's, and simulated time goes as fast as it can
VERIFY_S = 15.0  # real time, in which a slow machine sees a few images


def run_story(
    seed: int, folder: Path, *, model: str = "mini", stop_m: float = STOP_M, log_level: str = "warn"
) -> Story:
    """Tour the room of this seed, ask, go to what will be moved, move it, go there again.

    folder: for the memory. stop_m: between two stops of the tour. Raises SimulationError where the room cannot be
    drawn, DemoError where something does not come.
    """
    check_drawing()
    rooms = furnished(seed)
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(node_process(module, *names_in(NAMESPACE), "--log-level", "warn", *parameters))
            for name, (module, parameters) in _nodes(seed, model, folder).items()
        }
        stack.enter_context(ros_context())
        client = TourClient(NAMESPACE, lambda: check_all(processes))
        print("the nodes start", flush=True)
        client.wait_until_ready(START_TIMEOUT_S)
        return _tell(client, Story(rooms), stop_m)


def _tell(client: TourClient, story: Story, stop_m: float) -> Story:
    rooms = story.rooms
    for way in tqdm(list(ways(rooms.before, stop_m)), unit="stop", desc="the tour, vocabulary: door", disable=None):
        client.look_around(way)
    story.way = list(client.way)
    story.asked = [client.ask(word, places_of(word, rooms.before)) for word in (*words_in(rooms.before), *ABSENT)]
    word = chosen_word(rooms, story.asked)
    if word is None:
        raise DemoError(
            f"the memory knows no place of what will be moved, {' and '.join(rooms.moved)}; try another SEED"
        )
    story.asked = sorted(story.asked, key=lambda each: each.word == word)
    story.asked[-1] = client.ask(word, story.asked[-1].truths)  # last, so that the heat is of it
    assert client.heat is not None
    story.heat = client.heat
    _go(client, story, word)
    client.drive_to(rooms.before.start)
    client.move_boards()
    print(f"the {word} is put elsewhere", flush=True)
    _go(client, story, word)
    return story


def _go(client: TourClient, story: Story, word: str) -> None:
    print(f"go to the {word}", flush=True)
    leg = client.go_to(word, photo_of(word, story.rooms), GoTo.Goal.ALSO)
    story.legs.append(leg)
    for state, sentence in leg.states:
        print(f"  {state}: {sentence}", flush=True)


def _nodes(seed: int, model: str, folder: Path) -> dict[str, tuple[str, Sequence[str]]]:
    """Return each process's module and arguments."""
    simulator = {"seed": seed, "image_rate_hz": IMAGE_RATE_HZ}
    segmenter = {**SEGMENTER, "model": model, "vocabulary": "[door]", "features_rate_hz": FEATURES_RATE_HZ}
    memory = {"use_sim_time": True, "folder": folder, "map_id": f"room_{seed}", "segmenter_timeout_s": 120.0}
    goal = {**GOAL, "verify_s": VERIFY_S, "memory_timeout_s": 120.0}
    return {
        "simulator": ("benchmarks.memory.demo.moving_simulator", [*MASK, *ros_parameters(simulator)]),
        "segmenter": ("talk2dino_ros.segmenter.segmenter_main", ros_parameters(segmenter)),
        "memory": ("talk2dino_ros.memory.memory_main", ros_parameters(memory)),
        "goal node": ("talk2dino_ros.goal.goal_main", ros_parameters(goal)),
        "Nav2 stub": ("benchmarks.nav.nav2_stub", ros_parameters({"use_sim_time": True})),
    }
