# SPDX-License-Identifier: Apache-2.0
"""Random requests and messages for the running nodes, over DDS: `python -m benchmarks.fuzz.live_nodes --inputs 5000`.

The segmenter (model mini), the goal and the memory node are started once. Each batch sends random requests to every
service that they offer and random messages to every topic that they listen to, some as damaged bytes. After each batch
every request has to be answered, and a good request to each node too; at the end Ctrl-C has to end each with exit code
0 and no traceback. Exits with 1 where one does not. ROS 2 has to be there: `source .venv/setup.bash`.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from tqdm import tqdm

from benchmarks.chaos.__main__ import set_environment
from benchmarks.chaos.fault import ChaosError
from benchmarks.chaos.stage import SEGMENTER, Stage
from benchmarks.chaos.victim import Victim
from benchmarks.fuzz.fuzz_result import SubjectRun, add_run
from benchmarks.fuzz.random_messages import any_message, as_bytes, type_of

NAMESPACE = "/fuzz"
BATCH = 50
PATIENCE_S = 120.0  # for the answers to a batch, of which one may have 300 words to encode
START_S = 600.0  # of the nodes, the first of which compiles
IMAGE = "sensor_msgs/msg/Image"
DISCOVERY_S = 3.0  # for what else is in the graph
LARGEST_LOG = 20_000_000  # bytes that a node may write in a run
SHUTDOWNS = range(4, 8)  # transitions after which a node ends, as it is asked to
_NODES = (
    ("talk2dino", SEGMENTER, ("model:=mini", "vocabulary:=[cup, dog]", "target_frame:=map")),
    ("goal", "talk2dino_ros.goal.goal_main", ("timeout_s:=1.0",)),
    ("memory", "talk2dino_ros.memory.memory_main", ()),
)


class LiveNodes:
    """The three nodes, and what is sent to them. findings: a sentence for each of what must not be."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.findings: list[str] = []
        self.counts: Counter[str] = Counter()
        self._stage = stage
        self._choice = Random(f"live nodes {seed}")
        folder = f"folder:={stage.folder / 'memories'}"
        self.victims = [
            stage.start(module, NAMESPACE, *values, *([folder] if name == "memory" else []), node=name)
            for name, module, values in _NODES
        ]
        for victim in self.victims:
            self._stage.wait(partial(_is_active, victim), f"the start of {victim.name}", START_S)
        self._stage.wait(lambda: IMAGE in dict(self._topics()).values(), "the segmenter's image topic in the graph")
        self._stage.spin(DISCOVERY_S)
        self.services = list(self._services())
        self._publishers = [(kind, self._publisher(name, kind)) for name, kind in self._topics()]

    def _services(self) -> Iterator[tuple[Victim, str, str]]:
        for victim in self.victims:
            own = victim.name.rpartition("/")[2]
            for full, kinds in self._stage.node.get_service_names_and_types_by_node(own, NAMESPACE):
                if full.startswith(f"{victim.name}/"):
                    yield victim, full.removeprefix(f"{victim.name}/"), kinds[0]

    def _topics(self) -> list[tuple[str, str]]:
        found: dict[str, str] = {}
        for victim in self.victims:
            own = victim.name.rpartition("/")[2]
            topics = self._stage.node.get_subscriber_names_and_types_by_node(own, NAMESPACE)
            found |= {name: kinds[0] for name, kinds in topics}
        return sorted(found.items())

    def _publisher(self, name: str, kind: str) -> Any:
        from rclpy.qos import DurabilityPolicy, QoSProfile

        profile = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)  # which any subscription takes
        return self._stage.node.create_publisher(type_of(kind), name, profile)

    def batch(self) -> None:
        """Send a batch; look at what became of it."""
        asked = [self._ask() for _ in range(BATCH // 2)]
        for _ in range(BATCH // 2):
            self._tell()
            self._stage.spin(0.0)
        self._await([each for each in asked if each])
        for victim in self.victims:
            self._look_at(victim)

    def _ask(self) -> tuple[str, Any, Any] | None:
        victim, name, kind = self._choice.choice(self.services)
        request = any_message(self._choice, kind)
        if name == "change_state" and request.transition.id in SHUTDOWNS:
            return None
        self.counts[f"service {kind}"] += 1
        return f"{victim.name}/{name}", request, victim.client(type_of(kind), name).call_async(request)

    def _tell(self) -> None:
        kind, publisher = self._choice.choice(self._publishers)
        message = any_message(self._choice, kind)
        self.counts[f"topic {kind}"] += 1
        publisher.publish(as_bytes(self._choice, message) if self._choice.random() < 0.3 else message)

    def _await(self, asked: list[tuple[str, Any, Any]]) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s and not all(future.done() for _, _, future in asked):
            self._stage.spin(0.02)
            if not all(victim.is_alive for victim in self.victims):
                return
        self.findings += [
            f"{name} has not answered {str(request)[:500]} in {PATIENCE_S:g} s"
            for name, request, future in asked
            if not future.done()
        ]

    def _look_at(self, victim: Victim) -> None:
        try:
            self._bring_to_active(victim)
            self._ask_well(victim)
        except ChaosError as error:
            self.findings.append(str(error))

    def _bring_to_active(self, victim: Victim) -> None:
        for state, transition in (("unconfigured", "configure"), ("inactive", "activate")):
            if victim.state() == state:
                victim.change(transition)
        if (state := victim.state()) != "active":
            self._stage.wait(lambda: victim.state() == "active", f"{victim.name} active, which is {state}", PATIENCE_S)

    def _ask_well(self, victim: Victim) -> None:
        from talk2dino_msgs.srv import Find, GoTo, SetVocabulary

        own = victim.name.rpartition("/")[2]
        if own == "talk2dino":
            answer = victim.call(SetVocabulary, "set_vocabulary", classes=["cup", "dog"])
            if not answer.success:
                self.findings.append(f"set_vocabulary with good words was refused: {answer.message}")
        elif own == "goal":
            victim.call(GoTo, "go_to", class_name="cup", timeout_s=0.1, memory=GoTo.Request.LIVE)
        else:
            victim.call(Find, "find", class_name="cup")

    def end(self) -> None:
        """Press Ctrl-C on each; note how they end, and what they wrote."""
        for victim in self.victims:
            if not victim.is_alive:
                self.findings.append(victim.end_unasked)
                continue
            end = victim.end()
            if not end.is_good:
                where = victim.output.rfind("Traceback")
                self.findings.append(
                    f"{victim.name} ended with {end}: {victim.output[where:][:1500] if where >= 0 else ''}"
                )
            if (size := len(victim.output)) > LARGEST_LOG:
                self.findings.append(f"{victim.name} wrote {size} bytes into its log")


def _is_active(victim: Victim) -> bool:
    return "node" in victim.statuses and victim.statuses["node"].values.get("state") == "active"


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the nodes, send the batches, print what was found."""
    parser = argparse.ArgumentParser(prog="live_nodes", description="Send random requests and messages to the nodes.")
    parser.add_argument(
        "--inputs", type=int, default=500, help="number of requests and messages in all (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the random inputs (default: %(default)s)")
    parser.add_argument("--result", action="store_true", help="add the run to benchmarks/results/fuzz_DATE.json")
    parser.add_argument("--logs", type=Path, help="folder to keep the nodes' logs in")
    parser.add_argument("--cache", type=Path, help="folder whose caches are used and kept (default: an empty one)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="talk2dino_fuzz_") as folder:
        place = options.logs or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        set_environment(place, options.cache)
        stage = Stage(place)
        try:
            nodes = LiveNodes(stage, options.seed)
            for _ in tqdm(range(-(-options.inputs // BATCH)), unit="batch", disable=None):
                nodes.batch()
                if not all(victim.is_alive for victim in nodes.victims):
                    break
            nodes.end()
        finally:
            stage.close()
    for what, count in sorted(nodes.counts.items()):
        print(f"{what}: {count}")
    for finding in nodes.findings:
        print(f"FOUND: {finding}")
    if options.result:
        sent = sum(nodes.counts.values())
        wrong = len(nodes.findings)
        add_run(options.seed, [SubjectRun("live nodes", sent, sent - wrong, 0, wrong, 0.0, tuple(nodes.findings))])
    return bool(nodes.findings)


if __name__ == "__main__":
    sys.exit(main())
