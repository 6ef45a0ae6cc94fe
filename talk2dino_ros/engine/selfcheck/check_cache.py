# SPDX-License-Identifier: Apache-2.0
"""Results of the self-check in the cache folder, one file for each key, so that processes do not disturb each other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.files.bounded_parsers import parse_json
from talk2dino_ros.engine.files.cache_folder import standard_folder
from talk2dino_ros.engine.files.regular_files import read_regular
from talk2dino_ros.engine.selfcheck.stage_check import SelfCheck

FOLDER = "self_check"
MOST_FILES = 100  # of a kilobyte each; the oldest go
LARGEST = 1 << 16  # bytes of a file that is read


class CheckCache:
    """folder: the cache's own; '' for the standard one (see `standard_folder`)."""

    def __init__(self, folder: str | Path = "") -> None:
        self._folder = folder

    def read(self, key: Mapping[str, str]) -> SelfCheck | None:
        """Return the result that is kept for exactly this key; None where there is none, or it is damaged."""
        try:
            path = self._path(key)
            found = SelfCheck.from_json(parse_json(read_regular(path, LARGEST), finite=False))
        except (OSError, RuntimeError, ValueError, KeyError, TypeError):
            return None
        return found if found.key == dict(key) else None

    def write(self, check: SelfCheck) -> str:
        """Keep a result; return "" or the sentence that says why it cannot be kept."""
        try:
            path = self._path(check.key)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps(check.to_json(), indent=1).encode())
            self._forget_oldest(path.parent)
        except (OSError, RuntimeError) as error:  # RuntimeError: a user without a home folder
            return (
                f"the self-check's result cannot be kept in {self._folder or '~/.cache/talk2dino_ros'} ({error}), "
                "expected a folder to write to; make it writable or set XDG_CACHE_HOME, else it runs at each start"
            )
        return ""

    def _path(self, key: Mapping[str, str]) -> Path:
        digits = hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()[:32]
        return (Path(self._folder) if self._folder else standard_folder()) / FOLDER / f"{digits}.json"

    def _forget_oldest(self, folder: Path) -> None:
        files = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in files[:-MOST_FILES]:
            path.unlink(missing_ok=True)
