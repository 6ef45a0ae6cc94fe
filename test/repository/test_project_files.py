# SPDX-License-Identifier: Apache-2.0
"""What the files for contributors and for who cites say that can be held against the tree."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

from talk2dino_ros.segmenter.parameters.segmenter_parameters import FIELDS

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "SECURITY.md")  # the changelog names files that are gone
PATH = re.compile(r"`((?:talk2dino_ros|test|tools|docs|config|\.ci)/[^`\s]+|\.pre-commit[^`\s]+)`")
VERSION = ET.parse(ROOT / "package.xml").findtext("version")


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_random_example_of_the_tests_is_the_same_each_time():
    texts = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "test").rglob("*.py")}
    given = {name: len(re.findall(r"^@given\(", text, re.MULTILINE)) for name, text in texts.items()}
    steady = {
        name: len(re.findall(r"^@(steady$|settings\(steady,)", text, re.MULTILINE)) for name, text in texts.items()
    }
    assert sum(given.values()) > 5
    assert given == steady


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page):
    named = re.findall(r"\]\((?!https?://)([^)#]+)", text_of(page)) + PATH.findall(text_of(page))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_make_target_of_the_contributors_page_exists():
    named = set(re.findall(r"(?:^ {4}|`)make ([a-z-]+)", text_of("CONTRIBUTING.md"), re.MULTILINE))
    assert named <= set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))


def test_the_version_is_one_and_the_changelog_has_it():
    assert yaml.safe_load(text_of("CITATION.cff"))["version"] == VERSION
    assert f'version="{VERSION}"' in text_of("setup.py")
    assert ET.parse(ROOT / "talk2dino_msgs" / "package.xml").findtext("version") == VERSION
    assert f"## [{VERSION}]" in text_of("CHANGELOG.md")


def test_the_changelog_names_renamed_parameters_as_they_are():
    renamed = re.findall(r"`(\w+)` is now `(\w+)`", text_of("CHANGELOG.md"))
    assert renamed
    assert [new for _old, new in renamed if new not in FIELDS] == []
    assert [old for old, _new in renamed if old in FIELDS] == []


def test_the_software_is_cited_with_both_papers():
    citation = yaml.safe_load(text_of("CITATION.cff"))
    assert {reference["url"][-10:] for reference in citation["references"]} == {"2411.19331", "2412.16334"}
    bibtex = re.sub("[{}]", "", text_of("docs/citing.md"))
    assert [each["title"] for each in citation["references"] if each["title"] not in bibtex] == []


def test_hooks_come_from_the_environment_and_run():
    repositories = yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    for hook in repositories[0]["hooks"]:
        program, *arguments = hook["entry"].split()
        assert hook["language"] == "system"
        subprocess.run([shutil.which(program), *arguments, __file__], cwd=ROOT, check=True, capture_output=True)
