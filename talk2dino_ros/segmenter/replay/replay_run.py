# SPDX-License-Identifier: Apache-2.0
"""Replay a bag into another one, from where it was stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from talk2dino_ros.ros.bags.bag_topics import camera_names, find_cameras, transform_topics
from talk2dino_ros.ros.bags.bag_writer import written_bag
from talk2dino_ros.segmenter.replay.replay_camera import ReplayCamera
from talk2dino_ros.segmenter.replay.replayer import Replayer, ReplayReport
from talk2dino_ros.segmenter.replay.result_journal import JournaledSegmenter, ReplayError, ResultJournal

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter
    from talk2dino_ros.ros.bags.bag_reader import Bag
    from talk2dino_ros.ros.bags.bag_topics import CameraTopics, TopicNames
    from talk2dino_ros.segmenter.pipeline import ActiveConfiguration
    from talk2dino_ros.segmenter.replay.replay_output import ReplayOutput


@dataclass(frozen=True)
class ReplayPlan:
    """Which topics of a bag are replayed. cameras: by name. images: how many there are. overlay: is it written."""

    cameras: Mapping[str, CameraTopics]
    transforms: Sequence[str]
    images: int
    overlay: bool = False

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
    active: ActiveConfiguration
    output: ReplayOutput

    def run(self, on_image: Callable[[], object]) -> ReplayOutcome:
        """Process all images; on_image: is called after each. The new bag has its name when this returns.

        Raises ReplayError where nothing can be written, or none of the images can be segmented.
        """
        try:
            with closing(ResultJournal(self.output.journal, _about(self.bag, self.active))) as journal:
                outcome = self._write(journal, on_image)
            _check_masks(outcome, self.plan)
            self.output.finish()
        except OSError as error:
            raise ReplayError(
                f"{self.output.unfinished} cannot be written any more ({error.strerror or error}), expected room on "
                "the disk; make some and give the same command, which goes on from there"
            ) from error
        return outcome

    def _write(self, journal: ResultJournal, on_image: Callable[[], object]) -> ReplayOutcome:
        done_before, bag, plan = journal.count, self.bag, self.plan
        segmenter = cast("Segmenter", JournaledSegmenter(self.active.segmenter, journal))
        self.output.begin()
        with written_bag(self.output.bag) as writer:
            cameras = [
                ReplayCamera(name, topics, bag.types, self.active.parameters, writer, overlay=plan.overlay)
                for name, topics in plan.cameras.items()
            ]
            replayer = Replayer(cameras, replace(self.active, segmenter=segmenter), on_image)
            replayer.run(bag.messages(plan.topics), plan.transforms)
        return ReplayOutcome(cameras, replayer.report, done_before, bag.losses)


def _check_masks(outcome: ReplayOutcome, plan: ReplayPlan) -> None:
    if not any(camera.masks for camera in outcome.cameras):
        reason = next(iter(outcome.report.reasons.values()), "; ".join(outcome.losses) or "there was none")
        raise ReplayError(f"none of the {plan.images} images became a mask, the first because: {reason}")


def _about(bag: Bag, active: ActiveConfiguration) -> dict[str, str]:
    """Return what results depend on beside the pixels; the names are said where a replay goes on with another."""
    segmenter, vocabulary = active.segmenter, active.vocabulary
    files = [bag.path] if bag.path.is_file() else sorted(bag.path.iterdir())
    words = hashlib.sha256(repr((vocabulary.classes, vocabulary.ids, vocabulary.background_id)).encode())
    words.update(vocabulary.embeddings.tobytes())
    return {
        "bag": repr([(file.name, file.stat().st_size) for file in files]),
        "model": repr((segmenter.model.name, segmenter.feature_space, segmenter.device, segmenter.precision)),
        "options": repr(segmenter.options),
        "words": words.hexdigest(),
    }
