# SPDX-License-Identifier: Apache-2.0
"""What a problem holds beside its messages: what they were segmented with, versions, diagnostics, errors. Pure.

`problem.json` describes it; for each configuration that was active there are the node's parameters as a params file and
the vocabulary as `talk2dino encode` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.files.bounded_parsers import parse_json
from talk2dino_ros.engine.files.regular_files import read_regular
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.ros.bags.bag_topics import CameraTopics
from talk2dino_ros.ros.parameters.parameter_field import to_ros
from talk2dino_ros.ros.parameters.parameter_files import read_file
from talk2dino_ros.segmenter.parameters.segmenter_parameters import FIELDS, Parameters
from talk2dino_ros.segmenter.problem.problem_folder import DESCRIPTION, ProblemError

if TYPE_CHECKING:
    from talk2dino_ros.segmenter.pipeline import ActiveConfiguration

FORMAT = "talk2dino problem 1"
NODE_NAME = "talk2dino"  # in the params files


@dataclass(frozen=True)
class RecordedConfiguration:
    """What images from a time of recording on, ns, were segmented with."""

    from_ns: int
    parameters: Parameters
    vocabulary: Vocabulary


@dataclass(frozen=True)
class ProblemDescription:
    """node: its name with namespace, such as /talk2dino. cameras: their topics by name.

    about: texts for a person: why, when, versions, diagnostics, errors.
    """

    node: str
    cameras: Mapping[str, CameraTopics]
    configurations: Sequence[RecordedConfiguration]
    about: Mapping[str, Any]


def write_description(
    folder: Path,
    node: str,
    cameras: Mapping[str, CameraTopics],
    actives: Sequence[tuple[int, ActiveConfiguration]],
    about: Mapping[str, Any],
) -> None:
    """Write a description into a bag's folder. actives: each with the first image's time of recording, ns.

    Raises OSError, VocabularyError.
    """
    rows = []
    for number, (from_ns, active) in enumerate(actives):
        parameters, vocabulary = f"parameters_{number}.yaml", f"vocabulary_{number}.safetensors"
        (folder / parameters).write_text(params_file(active.parameters), encoding="utf-8")
        active.vocabulary.save(folder / vocabulary)
        row = {"from_ns": from_ns, "parameters": parameters, "vocabulary": vocabulary}
        words = active.vocabulary
        row |= {"version": words.version, "background_class": words.background_class}
        rows.append({**row, "background_id": words.background_id})
    content = {
        "format": FORMAT,
        **about,
        "node": node,
        "cameras": {name: asdict(each) for name, each in cameras.items()},
    }
    (folder / DESCRIPTION).write_text(json.dumps({**content, "configurations": rows}, indent=1), encoding="utf-8")


def read_description(folder: Path) -> ProblemDescription:
    """Read what `write_description` wrote. Raises ProblemError where it is something else or damaged."""
    path = folder / DESCRIPTION
    try:
        content = parse_json(read_regular(path).decode())
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}, not {FORMAT!r}")
        cameras = {str(name): CameraTopics(**_texts(topics)) for name, topics in content["cameras"].items()}
        configurations = [_configuration(folder, row) for row in content["configurations"]]
        if not configurations or not cameras:
            raise ValueError("it has no configuration or no camera")
        return ProblemDescription(str(content["node"]), cameras, configurations, content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, Talk2DinoError) as error:
        raise ProblemError(
            f"{path} cannot be read as the description of a problem ({error or repr(error)}), expected what "
            "~/record_problem wrote; copy the folder again, or name the bag's .mcap file to replay it without"
        ) from error


def params_file(parameters: Parameters) -> str:
    """Return parameters as a params file of the node."""
    values = {name: to_ros(getattr(parameters, name)) for name in FIELDS}
    lines = [f"    {name}: {json.dumps(value)}" for name, value in values.items()]
    return "\n".join([f"{NODE_NAME}:", "  ros__parameters:", *lines, ""])


def _configuration(folder: Path, row: Mapping[str, Any]) -> RecordedConfiguration:
    values: dict[str, Any] = dict(read_file(_within(folder, row["parameters"]), NODE_NAME, FIELDS))
    parameters = Parameters(**values)
    vocabulary = Vocabulary.load(_within(folder, row["vocabulary"]))
    vocabulary = vocabulary.with_ids(vocabulary.ids, int(row["version"]))
    if row["background_id"] is not None:
        vocabulary = vocabulary.with_background(str(row["background_class"]), int(row["background_id"]))
    return RecordedConfiguration(int(row["from_ns"]), parameters, vocabulary)


def _within(folder: Path, name: Any) -> Path:
    """Return a file's path; raise ValueError for a name that leads out of the folder."""
    if not isinstance(name, str) or Path(name).name != name:
        raise ValueError(f"{name!r} is no file's name")
    return folder / name


def _texts(topics: Mapping[str, Any]) -> dict[str, str]:
    if not all(isinstance(topic, str) for topic in topics.values()):
        raise TypeError(f"{topics} are no topics")
    return dict(topics)
