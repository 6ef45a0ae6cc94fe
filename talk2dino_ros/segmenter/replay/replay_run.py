# SPDX-License-Identifier: Apache-2.0
"""Replay a bag into another one, from where it was stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, cast

from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.ros.bags.bag_topics import CameraTopics, camera_names, find_cameras, transform_topics
from talk2dino_ros.ros.bags.bag_writer import written_bag
from talk2dino_ros.segmenter.replay.replay_camera import NODE, ReplayCamera
from talk2dino_ros.segmenter.replay.replayer import Replayer, ReplayReport
from talk2dino_ros.segmenter.replay.result_journal import JournaledSegmenter, ReplayError, ResultJournal

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter
    from talk2dino_ros.ros.bags.bag_reader import Bag
    from talk2dino_ros.ros.bags.bag_topics import TopicNames
    from talk2dino_ros.segmenter.pipeline import ActiveConfiguration
    from talk2dino_ros.segmenter.problem.problem_description import ProblemDescription
    from talk2dino_ros.segmenter.replay.replay_output import ReplayOutput


@dataclass(frozen=True)
class ReplayPlan:
    """Which topics of a bag are replayed. cameras: by name. images: how many there are. overlay: is it written.

    node: whose topics the results have.
    """

    cameras: Mapping[str, CameraTopics]
    transforms: Sequence[str]
    images: int
    overlay: bool = False
    node: str = NODE

    @property
    def topics(self) -> list[str]:
        """All that are read."""
        return [*dict.fromkeys([*(topic for each in self.cameras.values() for topic in each.all), *self.transforms])]


@dataclass(frozen=True)
class ReplayOutcome:
    """What a replay has written. done_before: images that were segmented before it was stopped."""

    cameras: Sequence[ReplayCamera]
    report: ReplayReport
    done_before: int
    losses: Sequence[str]


def plan_problem(bag: Bag, problem: ProblemDescription, *, overlay: bool = False) -> ReplayPlan:
    """Return what a problem of the node recorded. Raises ReplayError where the bag has no image of it."""
    cameras = {
        name: CameraTopics(*(topic if topic in bag.types else "" for topic in _each(topics)))
        for name, topics in problem.cameras.items()
        if topics.image in bag.types
    }
    images = bag.count([each.image for each in cameras.values()])
    if not images:
        raise ReplayError(
            f"{bag.path} has no image of a camera of its problem, expected one; replay its .mcap file instead, which "
            "needs no description"
        )
    return ReplayPlan(cameras, transform_topics(bag), images, overlay, problem.node)


def _each(topics: CameraTopics) -> tuple[str, str, str, str]:
    return topics.image, topics.depth, topics.info, topics.depth_info


def plan_replay(bag: Bag, topics: TopicNames, names: Sequence[str], *, overlay: bool = False) -> ReplayPlan:
    """Choose the topics; names: of the cameras as a node has them. Raises BagError, ReplayError for no image."""
    found = find_cameras(bag, topics)
    own = list(names) if len(names) == len(found) > 1 else camera_names(found)
    cameras = dict(zip(own, found, strict=True))
    images = bag.count([each.image for each in found])
    if not images:
        raise ReplayError(
            f"{bag.path} has no image on {', '.join(each.image for each in found)} that can be read, expected one; "
            "name another topic by --image-topic"
        )
    return ReplayPlan(cameras, transform_topics(bag), images, overlay)


@dataclass(frozen=True)
class ReplayJob:
    """A bag, what of it is replayed and with what, and where its results go."""

    bag: Bag
    plan: ReplayPlan
    actives: Sequence[tuple[int, ActiveConfiguration]]  # see `Replayer`
    output: ReplayOutput

    def run(self, on_image: Callable[[], object]) -> ReplayOutcome:
        """Process all images; on_image: is called after each. The new bag has its name when this returns.

        Raises ReplayError where nothing can be written, or none of the images can be segmented.
        """
        try:
            with closing(ResultJournal(self.output.journal, _about(self.bag, self.actives))) as journal:
                outcome = self._write(journal, on_image)
            _check_masks(outcome, self.plan)
            self.output.finish()
        except OSError as error:
            raise ReplayError(
                f"{self.output.unfinished} cannot be written any more ({error.strerror or error}), expected room on "
                "the disk; make some and give the same command, which continues from there"
            ) from error
        return outcome

    def _write(self, journal: ResultJournal, on_image: Callable[[], object]) -> ReplayOutcome:
        done_before, bag, plan = journal.count, self.bag, self.plan
        numbers = count()
        actives = [(from_ns, _journaled(active, journal, numbers)) for from_ns, active in self.actives]
        parameters = actives[0][1].parameters
        self.output.begin()
        with written_bag(self.output.bag) as writer:
            cameras = [
                ReplayCamera(name, topics, bag.types, parameters, writer, node=plan.node, overlay=plan.overlay)
                for name, topics in plan.cameras.items()
            ]
            replayer = Replayer(cameras, actives, on_image)
            replayer.run(bag.messages(plan.topics), plan.transforms)
        return ReplayOutcome(cameras, replayer.report, done_before, bag.losses)


def _journaled(active: ActiveConfiguration, journal: ResultJournal, numbers: Iterator[int]) -> ActiveConfiguration:
    return replace(active, segmenter=cast("Segmenter", JournaledSegmenter(active.segmenter, journal, numbers)))


def _check_masks(outcome: ReplayOutcome, plan: ReplayPlan) -> None:
    if not any(camera.masks for camera in outcome.cameras):
        reason = next(iter(outcome.report.reasons.values()), "; ".join(outcome.losses) or "there was none")
        raise ReplayError(f"of {counted(plan.images, 'image')} none became a mask, the first because: {reason}")


def _about(bag: Bag, actives: Sequence[tuple[int, ActiveConfiguration]]) -> dict[str, str]:
    """Return what results depend on beside the pixels; the names are said where a replay goes on with another."""
    segmenter, words = actives[0][1].segmenter, hashlib.sha256()
    for from_ns, active in actives:
        vocabulary = active.vocabulary
        words.update(repr((from_ns, vocabulary.classes, vocabulary.ids, vocabulary.background_id)).encode())
        words.update(vocabulary.embeddings.tobytes())
    files = [bag.path] if bag.path.is_file() else sorted(bag.path.iterdir())
    return {
        "bag": repr([(file.name, file.stat().st_size) for file in files]),
        "model": repr((segmenter.model.name, segmenter.feature_space, segmenter.device, segmenter.precision)),
        "options": repr([active.segmenter.options for _, active in actives]),
        "words": words.hexdigest(),
    }
