# SPDX-License-Identifier: Apache-2.0
"""Words as a command gets them: a line of classes, or the parameter file of a vocabulary."""

from pathlib import Path
from typing import Any

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.files.bounded_parsers import parse_yaml
from talk2dino_ros.engine.files.regular_files import read_regular, user_path
from talk2dino_ros.engine.text.class_syntax import split_classes

YAML_SUFFIXES = (".yaml", ".yml")


def classes_in(text: str) -> list[str]:
    """Return the classes of `--classes`: of a parameter file (.yaml), as `calibrate` writes one, or of a line.

    Raises VocabularyError for a file that is none.
    """
    return (
        list(vocabulary_parameters(Path(text))["vocabulary"]) if text.endswith(YAML_SUFFIXES) else split_classes(text)
    )


def vocabulary_parameters(path: Path) -> dict[str, Any]:
    """Return the parameters of the file's node that has a vocabulary."""
    try:
        sections = list(_sections(parse_yaml(read_regular(user_path(path)).decode())))
    except (OSError, ValueError) as error:
        raise VocabularyError(
            f"{path} cannot be read as a parameter file ({error}), expected YAML of a node; correct its path or content"
        ) from error
    for parameters in sections:
        words = parameters.get("vocabulary")
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return parameters
    raise VocabularyError(
        f"{path} has no list of texts `vocabulary` under `ros__parameters`, expected one as in vocabulary_indoor.yaml; "
        "add it, with quotes around classes that have a colon"
    )


def _sections(content: Any) -> list[dict[str, Any]]:
    if not isinstance(content, dict):
        return []
    own = content.get("ros__parameters")
    rest = [section for value in content.values() for section in _sections(value)]
    return [own, *rest] if isinstance(own, dict) else rest
