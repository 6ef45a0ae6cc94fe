# SPDX-License-Identifier: Apache-2.0
"""The services ~/set_vocabulary and ~/get_vocabulary: encode and switch vocabularies while the stream goes on.

Text encoding may take seconds, so it runs in a thread of its own and the service's callback is a coroutine that
awaits it: the one executor thread keeps serving everything else.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rclpy.callback_groups import ReentrantCallbackGroup
from talk2dino_msgs.srv import GetVocabulary, SetVocabulary

from talk2dino_ros.engine.errors import Talk2DinoError, VocabularyError
from talk2dino_ros.engine.text.class_entries import parse_classes, shorten
from talk2dino_ros.segmenter.vocabulary.text_encoding import TextEncoding
from talk2dino_ros.segmenter.vocabulary.vocabulary_change import ChangeOutcome, VocabularyChange
from talk2dino_ros.segmenter.vocabulary.vocabulary_memory import VocabularyMemory, configured_vocabulary

if TYPE_CHECKING:
    from rclpy.node import Node

    from talk2dino_ros.engine import Segmenter, Vocabulary
    from talk2dino_ros.engine.text.class_entries import ClassEntry
    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
    from talk2dino_ros.segmenter.pipeline import ActiveConfiguration, Pipeline

NOT_CONFIGURED = (
    "the node is not configured, expected it inactive or active; configure it (ros2 lifecycle set <node> configure)"
)
MOST_NAMED = 5  # names in a sentence


class VocabularyServer:
    """Server of the vocabulary services, for the node's current pipeline.

    pipeline: returns the node's pipeline, None while it is not configured.
    """

    def __init__(self, node: Node, pipeline: Callable[[], Pipeline | None]) -> None:
        self._node = node
        self._pipeline = pipeline
        self._memory = VocabularyMemory(node.get_logger().warning, self._now_ns)
        self._file: Vocabulary | None = None
        self.encoding = TextEncoding(node)
        # A coroutine that waits keeps every other callback of its group out, so this service has its own, in which
        # each request is looked at when it comes: what cannot be is answered at once, whoever else has the turn.
        self._set_srv = node.create_service(
            SetVocabulary,
            "~/set_vocabulary",
            self._on_set_vocabulary,
            callback_group=ReentrantCallbackGroup(),
        )
        self._get_srv = node.create_service(GetVocabulary, "~/get_vocabulary", self._on_get_vocabulary)

    def first_vocabulary(self, segmenter: Segmenter, parameters: Parameters) -> Vocabulary:
        """Read or encode the vocabulary that a pipeline starts with; blocks.

        These are the words that were accepted last, as long as the configured ones are the same as then. Ids and their
        quarantine outlive a reconfigure, as the consumers' memory of old masks does, and with a state_file a restart.
        """
        self._memory.begin(parameters, is_real_time=not self._node.get_clock().ros_time_is_active)
        path = parameters.vocabulary_file
        self._file = segmenter.load_vocabulary(path) if path else None
        accepted = self._accepted_before(segmenter)
        return accepted or configured_vocabulary(self._memory, segmenter, parameters, self._file)

    def _accepted_before(self, segmenter: Segmenter) -> Vocabulary | None:
        classes = self._memory.accepted
        if not classes:
            return None
        try:
            vocabulary = segmenter.encode_vocabulary(classes, self._file)
            vocabulary = self._memory.commit(vocabulary, self._memory.assign_first(vocabulary.classes, ()))
        except Talk2DinoError as error:
            self._node.get_logger().warning(
                f"the previous words are not available, so the configured ones are used: {error}"
            )
            return None
        self._node.get_logger().info(
            "the words that were accepted last are active, as the configured ones have not changed since; "
            "~/set_vocabulary changes them"
        )
        return vocabulary

    def known(self, *active: Vocabulary) -> list[Vocabulary]:
        """Return these vocabularies and that of the file, whose words need no text encoder."""
        return [each for each in (*active, self._file) if each is not None]

    async def _on_set_vocabulary(
        self, request: SetVocabulary.Request, response: SetVocabulary.Response
    ) -> SetVocabulary.Response:
        start_s = time.monotonic()
        try:
            active, outcome = await self._change(VocabularyChange.of(request))
        except Talk2DinoError as error:
            response.message = str(error)
        except Exception as error:
            self._node.get_logger().error(f"set_vocabulary failed\n{traceback.format_exc()}")
            response.message = f"the text could not be encoded ({error!r}); the node's log has the details"
        else:
            response.success = True
            response.message = _summary(active.vocabulary, outcome.absent)
            response.added = outcome.added
            response.ids = active.published_ids
            response.thresholds = _thresholds(active.vocabulary)
            for warning in active.vocabulary.warnings:
                self._node.get_logger().warning(warning)
        response.version = self._active_version()
        response.seconds = time.monotonic() - start_s
        return response

    async def _change(self, change: VocabularyChange) -> tuple[ActiveConfiguration, ChangeOutcome]:
        """Encode and adopt classes, all or nothing, when their turn has come."""
        configured(self._pipeline())
        change.check()  # before anything slow is done
        if change.replaces:
            self._memory.assign(parse_classes(change.classes), change.ids)
        await self.encoding.requests.acquire(replaces=change.replaces)
        try:
            return await self._change_now(change)
        finally:
            self.encoding.requests.release()

    async def _change_now(self, change: VocabularyChange) -> tuple[ActiveConfiguration, ChangeOutcome]:
        pipeline = configured(self._pipeline())
        before = pipeline.active.vocabulary
        outcome = change.applied_to(before)
        if not change.replaces and outcome.classes == before.classes:
            return pipeline.active, outcome
        self._memory.assign(outcome.classes, change.ids)
        vocabulary = await self._encoded(change, outcome.classes, pipeline.active)
        if self._pipeline() is not pipeline:
            raise VocabularyError("the node was cleaned up while the text was encoded; configure it and ask again")
        ids = self._memory.assign(vocabulary.classes, change.ids)
        pipeline.adopt(replace(pipeline.active, vocabulary=self._memory.commit(vocabulary, ids)))
        return pipeline.active, outcome

    async def _encoded(
        self, change: VocabularyChange, classes: Sequence[ClassEntry], active: ActiveConfiguration
    ) -> Vocabulary:
        """Return the classes with their vectors: at once where none but thresholds differ, as a slider moves them."""
        before = active.vocabulary
        if before.has_words_of(classes):
            return replace(before.with_classes(classes), warnings=())  # they were said when the words came
        # with `add` and `remove` active classes keep their vectors bit for bit
        known = self.known() if change.replaces else self.known(before)
        vocabulary: Vocabulary = await self.encoding.encode(active.segmenter, [each.text for each in classes], known)
        return vocabulary

    def _on_get_vocabulary(
        self, _request: GetVocabulary.Request, response: GetVocabulary.Response
    ) -> GetVocabulary.Response:
        pipeline = self._pipeline()
        if pipeline is not None:
            vocabulary = pipeline.active.vocabulary
            response.version = vocabulary.version
            response.classes = [entry.text for entry in vocabulary.classes]
            response.names = list(vocabulary.names)
            response.ids = pipeline.active.published_ids
            response.thresholds = _thresholds(vocabulary)
            background = pipeline.active.segmenter.options.background
            response.background = math.nan if background is None else background
            response.unlabeled_id = unlabeled_id = pipeline.active.parameters.unlabeled_id
            response.background_class = vocabulary.background_class
            response.background_id = unlabeled_id if vocabulary.background_id is None else vocabulary.background_id
            response.model = pipeline.active.segmenter.model.name
        return response

    def _active_version(self) -> int:
        pipeline = self._pipeline()
        return pipeline.active.vocabulary.version if pipeline else 0

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)


def configured(pipeline: Pipeline | None) -> Pipeline:
    """Return the node's pipeline; raise VocabularyError where there is none yet."""
    if pipeline is None:
        raise VocabularyError(NOT_CONFIGURED)
    return pipeline


def _thresholds(vocabulary: Vocabulary) -> list[float]:
    return [math.nan if entry.threshold is None else entry.threshold for entry in vocabulary.classes]


def _summary(vocabulary: Vocabulary, absent: Sequence[str]) -> str:
    thresholds = {i: f" (>= {own:g})" for i, own in vocabulary.thresholds().items()}
    labels, questions = (
        [f"{name} = {i}{thresholds.get(i, '')}" for i, name in each.items()]
        for each in (vocabulary.labels(), vocabulary.questions())
    )
    kinds = {
        "active classes": labels,
        "distractors": [entry.name for entry in vocabulary.classes if entry.distractor],
        "questions": questions,
    }
    sentences = [f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names]
    return "; ".join([*_not_removed(absent), *sentences, *vocabulary.warnings])


def _not_removed(absent: Sequence[str]) -> list[str]:
    """Say which names were to be removed and were not there."""
    if not absent:
        return []
    more = f" and {len(absent) - MOST_NAMED} more" if len(absent) > MOST_NAMED else ""
    return [f"not removed, as nothing active is written so: {', '.join(map(shorten, absent[:MOST_NAMED]))}{more}"]
