# SPDX-License-Identifier: Apache-2.0
"""The folder of a replay's results: under another name until it is whole."""

from __future__ import annotations

import shutil
from pathlib import Path

from talk2dino_ros.segmenter.replay.result_journal import ReplayError

ENDING = ".unfinished"


class ReplayOutput:
    """Where a replay of a bag writes. Raises ReplayError where that cannot be, or something is there."""

    def __init__(self, path: Path, bag: Path) -> None:
        self.path = path
        self.unfinished = path.with_name(f"{path.name}{ENDING}")
        own, other = path.resolve(), bag.resolve()
        if own == other or other in own.parents:
            raise ReplayError(
                f"--output {path} is the bag that is replayed or lies in it, expected a place of its own; name another"
            )
        if path.exists() or path.is_symlink():
            raise ReplayError(
                f"--output {path} already exists, expected a new folder, as nothing is overwritten; name another, or "
                "remove it"
            )
        self._make()

    @property
    def bag(self) -> Path:
        """The new bag's folder while it is written; what was begun there is removed."""
        return self.unfinished / self.path.name  # its file is named as its folder

    @property
    def journal(self) -> Path:
        """The file of what the model has seen."""
        return self.unfinished / "results.sqlite"

    def begin(self) -> None:
        """Remove the bag that a replay before had begun. Raises OSError."""
        if self.bag.exists():
            shutil.rmtree(self.bag)

    def finish(self) -> None:
        """Give the bag its name, and remove what is not needed any more. Raises OSError."""
        self.bag.rename(self.path)
        shutil.rmtree(self.unfinished)

    def _make(self) -> None:
        try:
            self.unfinished.mkdir(parents=True, exist_ok=True)
            probe = self.unfinished / "probe"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise ReplayError(
                f"{self.unfinished} cannot be written ({error.strerror}), expected a folder for the results; name "
                "another by --output"
            ) from error
