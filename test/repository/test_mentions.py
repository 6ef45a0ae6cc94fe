# SPDX-License-Identifier: Apache-2.0
"""Prose: code, docs and settings name Python files that are there, and use the field's words."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXTS = (".py", ".md", ".yaml", ".toml", ".msg", ".srv", ".action")
# Files of others: of mmsegmentation, PyTorch, Cityscapes' and Talk2DINO's repositories, and of a user who follows the
# docs.
OF_OTHERS = {
    "tools/convert_datasets/pascal_context.py",
    "torch/cuda/__init__.py",
    "coco_stuff164k.py",
    "labels.py",
    "rs_launch.py",
    "tokenizer.py",
    "dino_extraction_v2.py",
}
MENTION = re.compile(r"(?<![\w*./{}-])(?!\d)[\w/]*\w\.py\b")  # no globs, no names that are computed
# Words that have been replaced, each by the field's own: tracked object, detection, go-to task, request, active,
# scoring, metrics, stub, atomic write, idle priority, goal change, failure reason, shutdown handler, request queue.
REPLACED = re.compile(
    r"(?i:(?<![a-z])(?:things?|sightings?|errands?|wish(?:es)?|in[ _]?force|labelling|judge[sd]?|judging|whole_file"
    r"|give_way|take_leave|hinders?)(?![a-z])|stand_ins?(?![a-z]))|\b(?:Thing\w*|InForce|News|Ending|Turns)\b"
    r"|Thing(?![a-z])|Sighting|Errand|Wish(?![a-z])|InForce|Labelling|Judge|StandIn|WholeFile|GiveWay"  # within a name
)
QUOTES = {  # where one is somebody else's word
    "CHANGELOG.md": "names what was renamed",
    "talk2dino_ros/engine/data/dataset_classes.json": "COCO's things and stuff",
    "talk2dino_ros/engine/data/mini_words.yaml": "a word that a user may ask for",
    "talk2dino_ros/engine/evaluate/datasets/coco.py": "COCO's things and stuff",
    "test/repository/test_mentions.py": "the list above",
}


def tracked_texts(*ends: str) -> dict[str, str]:
    """The text files of the repository by their names, but for what was measured."""
    files = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).splitlines()
    return {
        file: (ROOT / file).read_text(encoding="utf-8")
        for file in files
        if file.endswith(ends) and "results/" not in file and (ROOT / file).is_file()
    }


@pytest.mark.parametrize("name", ["SomeThing", "go_to_errand", "lastWish", "judge_all", "nav2_stand_in", "aGiveWay"])
def test_a_replaced_word_is_found_as_a_part_of_a_name(name: str) -> None:
    assert REPLACED.search(name)


@pytest.mark.parametrize("name", ["something", "everything", "standing", "wished_for_nothing", "whole_files"])
def test_other_words_are_not_found(name: str) -> None:
    assert not REPLACED.search(name)


def test_replaced_words_are_gone() -> None:
    texts = tracked_texts(*TEXTS, ".json", ".txt", ".xml", ".yml", "Makefile", ".cff")
    found = {
        file: [match.group() for match in REPLACED.finditer(f"{file}\n{text}")]
        for file, text in texts.items()
        if file not in QUOTES
    }
    assert {file: words for file, words in found.items() if words} == {}


def test_python_files_named_in_prose_are_there() -> None:
    files = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).splitlines()
    there = {f"/{file}" for file in files}
    lost = [
        f"{file}: {mention}"
        for file, text in tracked_texts(*TEXTS).items()
        if file != "CHANGELOG.md"
        for mention in MENTION.findall(text)
        if mention not in OF_OTHERS and not any(path.endswith(f"/{mention}") for path in there)
    ]
    assert lost == []
