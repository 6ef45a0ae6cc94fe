# SPDX-License-Identifier: Apache-2.0
"""What a bag is replayed with: the node's parameters, by file and command line, and the first vocabulary."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from talk2dino_ros.engine.presets import PRESETS
from talk2dino_ros.ros.parameters.parameter_files import read_file
from talk2dino_ros.segmenter.model_loading import load, self_checked
from talk2dino_ros.segmenter.parameters.segmenter_parameters import FIELDS, Parameters
from talk2dino_ros.segmenter.pipeline import ActiveConfiguration
from talk2dino_ros.segmenter.vocabulary.vocabulary_memory import (
    VocabularyMemory,
    check_configured_words,
    configured_vocabulary,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from talk2dino_ros.engine import Segmenter

NODE_NAME = "talk2dino"


def replay_parameters(path: Path | None, changes: Mapping[str, Any]) -> Parameters:
    """Return the node's parameters by a params file, with a preset's values and then these.

    Raises ParameterError, VocabularyError.
    """
    values: dict[str, Any] = {} if path is None else dict(read_file(path, NODE_NAME, FIELDS))
    values |= PRESETS.get(str(changes.get("preset", values.get("preset", ""))), {})
    # state of a robot, which a replay neither reads nor changes
    parameters = dataclasses.replace(Parameters(**{**values, **changes}), state_file="")
    check_configured_words(parameters)
    return parameters


def loaded_segmenter(parameters: Parameters, warn: Callable[[str], None]) -> tuple[Segmenter, str]:
    """Load the model as the node does; return the self-check's line too. Raises ModelError, WeightsError."""
    segmenter, check = self_checked(load(parameters), parameters, warn)
    return segmenter, check.line


def configuration(
    segmenter: Segmenter, self_check: str, parameters: Parameters, version: int, warn: Callable[[str], None]
) -> ActiveConfiguration:
    """Return what the images are segmented with. version: of the vocabulary, ns. Raises VocabularyError."""
    memory = VocabularyMemory(warn, lambda: version)
    memory.begin(parameters, is_real_time=False)
    vocabulary = configured_vocabulary(memory, segmenter, parameters)
    for warning in vocabulary.warnings:
        warn(warning)
    return ActiveConfiguration(segmenter, vocabulary, parameters, self_check)
