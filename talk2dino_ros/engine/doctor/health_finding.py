# SPDX-License-Identifier: Apache-2.0
"""A finding: what was looked at, what was found, and what to do about it. Needs nothing but Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from talk2dino_ros.engine.text.safe_text import safe_text


class Level(Enum):
    """How good it is."""

    OK = "ok"
    NOTE = "note"  # slower or less than could be, or there is nothing to compare
    WRONG = "wrong"  # something that was asked for does not work


@dataclass(frozen=True)
class HealthFinding:
    """what: its name; said: what was found; remedy: what to do, "" where nothing is to be done."""

    what: str
    said: str
    level: Level = Level.OK
    remedy: str = ""


@dataclass(frozen=True)
class Section:
    """Findings of one kind under a title."""

    title: str
    findings: tuple[HealthFinding, ...]


def sections_to_json(sections: Iterable[Section]) -> list[dict[str, Any]]:
    """Return sections as JSON has them."""
    return [
        {"title": section.title, "findings": [{**asdict(each), "level": each.level.value} for each in section.findings]}
        for section in sections
    ]


def sections_to_text(sections: Sequence[Section]) -> str:
    """Return sections as lines for a terminal: level, name, what was found, and below it what to do."""
    width = max((len(each.what) for section in sections for each in section.findings), default=0)
    return "\n\n".join("\n".join(_lines(section, width)) for section in sections)


def _lines(section: Section, width: int) -> Iterable[str]:
    yield section.title
    for each in section.findings:
        yield f"  {each.level.value:5}  {safe_text(each.what):{width}}  {safe_text(each.said)}".rstrip()
        if each.remedy:
            yield f"  {'':5}  {'':{width}}  -> {safe_text(each.remedy)}"
