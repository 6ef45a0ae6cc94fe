# SPDX-License-Identifier: Apache-2.0
"""A process of the cluster that labels one unit after the other as `talk2dino segment` does, into the unit's folder."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talk2dino_ros.cli.files.file_run import FileRun, RunSettings
from talk2dino_ros.cli.files.result_folder import open_results
from talk2dino_ros.cli.files.result_tables import write_tables
from talk2dino_ros.cli.label.label_unit import sources_from_json
from talk2dino_ros.engine.cluster.ray_cluster import Row
from talk2dino_ros.engine.errors import ClusterError, Talk2DinoError

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmentation, Segmenter, Vocabulary

# What a worker opens, and what its results depend on, by `about_results` but for the device.
OpenModel = Callable[[], "Segmenter"]
About = Callable[["Segmenter"], dict[str, Any]]


class LabelWorker:
    """It opens the model with its first image, so that units that are done need none.

    about: what the results depend on where the command was given, held against the worker's own by about_of.
    """

    def __init__(
        self,
        open_model: OpenModel,
        about_of: About,
        about: dict[str, Any],
        vocabulary: Vocabulary,
        settings: RunSettings,
    ) -> None:
        self._model = _LateModel(open_model, about_of, about)
        self._about = about
        self._vocabulary = vocabulary
        self._settings = settings

    def __call__(self, row: Row) -> Row:
        """Label a unit; row: its sources and folder. Adds how many images were done and found, what was lost, and what
        went wrong, or ""."""
        try:
            return {**row, **self._label(row), "error": ""}
        except (Talk2DinoError, OSError) as error:
            return {**row, "done": 0, "known": 0, "lost": [], "error": f"{row['name']}: {error}"}

    def _label(self, row: Row) -> Row:
        with open_results(Path(row["folder"]), self._about, fresh=row["fresh"]) as folder:
            sources = folder.named(sources_from_json(row["sources"]))
            folder.forget_tables()
            report = FileRun(folder, self._model, self._vocabulary, self._settings).run(sources)
            write_tables(folder, {**self._vocabulary.labels(), **self._vocabulary.questions()})
        return {"done": report.done, "known": report.known, "lost": [*report.skipped, *report.flaws]}


class _LateModel:
    """A segmenter that is loaded with the first image."""

    def __init__(self, open_model: OpenModel, about_of: About, about: dict[str, Any]) -> None:
        self._open_model = open_model
        self._about_of = about_of
        self._about = about
        self._segmenter: Segmenter | None = None

    def segment(self, rgb: Any, vocabulary: Vocabulary) -> Segmentation:
        if self._segmenter is None:
            segmenter = self._open_model()
            own = self._about_of(segmenter)
            if differing := [name for name in self._about if own[name] != self._about[name]]:
                raise ClusterError(
                    f"the machine {platform.node()} has other {', '.join(differing)} than the one that was given the "
                    "command, expected the same files, packages and kind of GPU on all machines; make them alike"
                )
            self._segmenter = segmenter
        seen: Segmentation = self._segmenter.segment(rgb, vocabulary)
        return seen
