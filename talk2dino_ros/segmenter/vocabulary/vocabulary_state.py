# SPDX-License-Identifier: Apache-2.0
"""Vocabulary state file: the last accepted classes, and the ids of present and dropped names."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.errors import Talk2DinoError, VocabularyError
from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.files.bounded_parsers import parse_json
from talk2dino_ros.engine.files.regular_files import read_regular, user_path
from talk2dino_ros.engine.text.class_entries import parse_classes

FORMAT = "talk2dino state 1"
MOST_BYTES = 10_000_000  # of a file that is read: a vocabulary's words have a million characters at most
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_FOREIGN = (OSError, KeyError, ValueError, TypeError, AttributeError, VocabularyError)


class StateError(Talk2DinoError):
    """A state file that cannot be read or written; the node goes on without it."""


@dataclass(frozen=True)
class Moment:
    """Point in time that another process can measure from, although the clock was set meanwhile.

    boot: the id of the machine's start, "" where it has none; since_boot_s: the seconds since it.
    """

    boot: str
    since_boot_s: float

    @classmethod
    def now(cls) -> Moment:
        """Return the current moment."""
        try:
            return cls(BOOT_ID.read_text().strip(), time.clock_gettime(time.CLOCK_BOOTTIME))
        except (OSError, AttributeError):
            return cls("", 0.0)

    def seconds_since(self, earlier: Moment) -> float:
        """Return how many seconds have passed for certain; after another start of the machine those since that."""
        if self.boot != earlier.boot:
            return self.since_boot_s
        return max(0.0, self.since_boot_s - earlier.since_boot_s)


@dataclass(frozen=True)
class VocabularyState:
    """The last accepted classes, and the ids of their names and of those dropped before.

    configured: what the parameters asked for when they were accepted: where it is something else now, that wins.
    classes: as `parse_classes` reads them. active: name -> id. dropped: id -> its last name, and the seconds since
    it was dropped, at the moment `saved`. version: the last vocabulary's.
    """

    configured: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    active: dict[str, int] = field(default_factory=dict)
    dropped: dict[int, tuple[str, float]] = field(default_factory=dict)
    version: int = 0
    saved: Moment = Moment("", 0.0)

    def save(self, path: Path) -> None:
        """Write the file in one step; raise StateError where it cannot be written."""
        content = {"format": FORMAT, **asdict(self)}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps(content, indent=1).encode())
        except OSError as error:
            raise StateError(
                f"{path} could not be written ({error}), so the words and ids that are active now will be forgotten "
                "at the node's end; make room, or set state_file to a file that it may write"
            ) from error

    @classmethod
    def load(cls, path: Path) -> VocabularyState | None:
        """Read what `save` wrote, None where there is no such file; raise StateError where it is something else."""
        try:
            if not path.exists():
                return None
            return _checked(parse_json(read_regular(path, MOST_BYTES)))
        except _FOREIGN as error:
            raise StateError(
                f"{path} cannot be read as the node's state ({str(error) or repr(error)}), so its words and ids are "
                "forgotten, and the file is written again; wait for id_quarantine_s before you rely on the ids"
            ) from error


def state_path(text: str) -> Path | None:
    """Return the file that the parameter state_file names; None for none."""
    return user_path(os.path.expandvars(text)) if text else None


def _checked(content: Any) -> VocabularyState:
    """Return a state of which every value is what it should be; raise any of _FOREIGN."""
    if content["format"] != FORMAT:
        raise ValueError(f"its format is {content['format']!r}, not {FORMAT!r}")
    state = VocabularyState(
        configured=tuple(map(_text, content["configured"])),
        classes=tuple(entry.text for entry in parse_classes([_text(each) for each in content["classes"]])),
        active={_text(name): _id(each) for name, each in content["active"].items()},
        dropped={_id(int(each)): (_text(name), _age(age)) for each, (name, age) in content["dropped"].items()},
        version=_whole(content["version"]),
        saved=Moment(_text(content["saved"]["boot"]), _age(content["saved"]["since_boot_s"])),
    )
    ids = [*state.active.values(), *state.dropped]
    if len(set(ids)) != len(ids):
        raise ValueError(f"an id has two meanings among {sorted(ids)}")
    return state


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"{value!r} is no number of nanoseconds")
    return value


def _id(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 254:
        raise ValueError(f"{value!r} is no id from 0 to 254")
    return value


def _age(value: Any) -> float:
    if type(value) not in (int, float) or not 0.0 <= value < 1e12:
        raise ValueError(f"{value!r} is no number of seconds")
    return float(value)
