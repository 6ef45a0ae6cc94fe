# SPDX-License-Identifier: Apache-2.0
"""What a bag is replayed with: the node's parameters, by file and command line, and the first vocabulary."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from talk2dino_ros.engine.presets import PRESETS
from talk2dino_ros.ros.parameters.parameter_files import read_file
from talk2dino_ros.segmenter.model_loading import load, self_checked, with_options
from talk2dino_ros.segmenter.parameters.segmenter_parameters import FIELDS, Parameters
from talk2dino_ros.segmenter.pipeline import ActiveConfiguration
from talk2dino_ros.segmenter.problem.problem_folder import DESCRIPTION
from talk2dino_ros.segmenter.vocabulary.vocabulary_memory import (
    VocabularyMemory,
    check_configured_words,
    configured_vocabulary,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from talk2dino_ros.engine import Segmenter
    from talk2dino_ros.segmenter.problem.problem_description import ProblemDescription

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


def problem_parameters(folder: Path, problem: ProblemDescription, changes: Mapping[str, Any]) -> list[Parameters]:
    """Return the parameters of each configuration of a problem, with these changes. Raises ParameterError.

    The words are those that were recorded, which need no text encoder, where no others are among the changes.
    """
    if not {"vocabulary", "vocabulary_file"} & set(changes):
        changes = {**changes, "vocabulary_file": str(folder / DESCRIPTION)}
    return [dataclasses.replace(each.parameters, state_file="", **changes) for each in problem.configurations]


def problem_configurations(
    folder: Path, problem: ProblemDescription, changes: Mapping[str, Any], warn: Callable[[str], None]
) -> list[tuple[int, ActiveConfiguration]]:
    """Return what the images of a problem were segmented with, each from a time of recording on, ns.

    Raises ModelError, WeightsError, VocabularyError, ParameterError.
    """
    parameters = problem_parameters(folder, problem, changes)
    has_own_words = bool({"vocabulary", "vocabulary_file"} & set(changes))
    if has_own_words:
        check_configured_words(parameters[0])
    segmenter, self_check = loaded_segmenter(parameters[0], warn)
    actives = []
    for each, recorded in zip(parameters, problem.configurations, strict=True):
        then = with_options(segmenter, each)
        if has_own_words:
            actives.append(configuration(then, self_check, each, recorded.vocabulary.version, warn))
        else:
            actives.append(ActiveConfiguration(then, recorded.vocabulary, each, self_check))
    return [(recorded.from_ns, active) for recorded, active in zip(problem.configurations, actives, strict=True)]
