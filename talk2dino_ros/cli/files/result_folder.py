# SPDX-License-Identifier: Apache-2.0
"""A folder of results, and its manifest: a line of JSON for what they were made with, each source and each image.

An image's line is written when its files are whole. So a run that was killed goes on with the images that have none.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from talk2dino_ros.cli.files.image_record import Record
from talk2dino_ros.cli.files.image_sources import ImageSource, named_sources
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.files.bounded_parsers import parse_json
from talk2dino_ros.engine.files.regular_files import check_regular
from talk2dino_ros.engine.text.class_entries import shorten
from talk2dino_ros.engine.text.safe_text import safe_text
from talk2dino_ros.viz.pictures import UnwritableError

FORMAT = "talk2dino results 1"
MANIFEST, COCO, TABLE = "manifest.jsonl", "coco.json", "classes.csv"
MASK, OVERLAY, FILM = "_mask.png", "_overlay.png", "_overlay.mp4"
PLACES, _ANSWERS = "_mask", (MASK, OVERLAY, FILM)
_OF_WORDS = ("classes", "ids", "vectors")  # what differs with the words

Key = tuple[str, int | None]  # a source's name, an image's number


class ResultsError(ImageError):
    """A folder of results that is of something else, in use, or damaged."""


class ResultFolder:
    """An open folder of results. about: what they are made with. records: of the images that are done.

    sources: all so far, by their names.
    """

    def __init__(self, path: Path, file: BinaryIO, about: Mapping[str, Any]) -> None:
        self.path = path
        self.about = about
        self.records: dict[Key, Record] = {}
        self.sources: dict[str, Record] = {}
        self._ends: dict[str, Record] = {}  # of the streams that are whole
        self._file = file

    def begin(self, lines: list[Any]) -> None:
        """Take what earlier runs have written; an empty manifest gets its first line."""
        if not lines:
            self._write(self.about)
        for line in lines[1:]:
            self._take(line)

    def add_source(self, source: ImageSource) -> None:
        """Note a source, before any of its results is written."""
        if source.name not in self.sources:
            address = source.shown if source.kind == "camera" else source.key[0]
            line = {"source": source.name, "kind": source.kind, "address": address, "topic": source.topic}
            self._write(line)
            self._take(line)

    def add(self, record: Record) -> None:
        """Note an image whose files are whole."""
        self._write(record)
        self._take(record)

    def add_end(self, name: str, state: str, files: Mapping[str, str]) -> None:
        """Note that a stream is whole: its source's state, and the sums of its files beside those of its images."""
        line = {"end": name, "state": state, "files": files}
        if self._ends.get(name) != line:
            self._write(line)
            self._take(line)

    def has_files(self, line: Mapping[str, Any]) -> bool:
        """Whether all files of a line are there."""
        return all((self.path / name).is_file() for name in line["files"])

    def is_finished(self, name: str, state: str) -> bool:
        """Whether a stream is whole, and its source is still what it was then."""
        end = self._ends.get(name)
        return end is not None and end["state"] == state and all(map(self.has_files, [end, *self.records_of(name)]))

    def records_of(self, name: str) -> list[Record]:
        """Return the records of a source's images in their order."""
        return [self.records[key] for key in sorted(key for key in self.records if key[0] == name)]

    def named(self, sources: Sequence[ImageSource]) -> list[ImageSource]:
        """Return the sources with the names of their results, without those that are results of earlier runs.

        A source keeps the name that it had; a camera's images never come again.
        """
        lasting = {name: line for name, line in self.sources.items() if line["kind"] != "camera"}
        known = {(line["address"], line["topic"]): name for name, line in lasting.items()}
        results = {str(path) for name in self.sources for path in self._results(name)}
        own = [source for source in sources if source.key[0] not in results]
        originals = {source.key[0] for source in own}
        taken = {name.casefold() for name in self.sources}

        def is_free(name: str) -> bool:
            return name.casefold() not in taken and originals.isdisjoint(map(str, self._results(name)))

        return named_sources(own, known, is_free, time.strftime("%Y%m%dT%H%M%S"))

    def _results(self, name: str) -> list[Path]:
        """Return the paths of what a source of this name may have as results."""
        return [Path(os.path.realpath(self.path)) / f"{name}{ending}" for ending in _ANSWERS]

    def forget_tables(self) -> None:
        """Remove what is made of all records, as there will be others."""
        for name in (COCO, TABLE):
            (self.path / name).unlink(missing_ok=True)

    def remove_parts(self) -> None:
        """Remove what a killed run has left under hidden names."""
        for name in self.sources:
            for ending in _ANSWERS:
                _remove(self.path, f".{name}{ending}.")
            if (self.path / f"{name}{PLACES}").is_dir():
                _remove(self.path / f"{name}{PLACES}", ".")
        for table in (COCO, TABLE):
            _remove(self.path, f".{table}.")

    def _take(self, line: Any) -> None:
        if "source" in line:
            self.sources[line["source"]] = line
        elif "end" in line:
            self._ends[line["end"]] = line
        else:
            self.records[line["image"], line["number"]] = line

    def _write(self, line: Mapping[str, Any]) -> None:
        try:
            self._file.write(json.dumps(line).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise _unwritable(self.path / MANIFEST, error) from error


@contextmanager
def open_results(path: Path, about: Mapping[str, Any], *, fresh: bool) -> Iterator[ResultFolder]:
    """Open a folder of results, or make it. fresh: begin anew, whatever is there.

    Raises UnwritableError, ResultsError.
    """
    with _opened(path) as file:
        folder = ResultFolder(path, file, {"format": FORMAT, **about})
        lines = [] if fresh else _lines(file, path / MANIFEST)
        if lines:
            check_alike(path, lines[0], about)
        else:
            file.truncate(0)
        folder.begin(lines)
        folder.remove_parts()
        yield folder


def _opened(path: Path) -> BinaryIO:
    """Return the manifest, open and locked."""
    manifest = path / MANIFEST
    try:
        path.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            check_regular(manifest)
        file = manifest.open("a+b")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise ResultsError(
            f"{path} is being written by another process, expected a folder of its own for each; wait for it, or name "
            "another --output"
        ) from error
    return file


def check_alike(path: Path, there: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Raise ResultsError where the results in a folder were made with something else. there: see `made_with`."""
    about = json.loads(json.dumps(about))
    differing = [name for name in {**there, **about} if name != "format" and there.get(name) != about.get(name)]
    if "classes" in differing:
        words = f"words ({_words(there)}, now {_words(about)})"
        differing = [words, *(name for name in differing if name not in _OF_WORDS)]
    if differing:
        raise ResultsError(
            f"{path} holds results made with other {', '.join(differing)}, expected the same command as before, which "
            "continues there; name another --output, or --fresh to begin anew in their place"
        )


def made_with(path: Path) -> dict[str, Any]:
    """Return what the results in a folder were made with, the first line of a manifest; {} where none says it."""
    manifest = path / MANIFEST
    try:
        check_regular(manifest)
        with manifest.open("rb") as file:
            line = parse_json(file.readline())
    except (OSError, ValueError):
        return {}
    return line if isinstance(line, dict) else {}


def read_results(path: Path) -> tuple[dict[str, Any], list[Record]]:
    """Return what a folder's results were made with, and the records of its images. Raises ResultsError."""
    manifest = path / MANIFEST
    try:
        check_regular(manifest)
        with manifest.open("rb") as file:
            lines = _lines(file, manifest)
    except OSError as error:
        raise ResultsError(
            f"{path} has no {MANIFEST} that can be read ({error.strerror}), expected a folder that `talk2dino segment` "
            "has written; name another"
        ) from error
    return (lines[0] if lines else {}), [line for line in lines[1:] if "image" in line]


def read_sums(path: Path) -> dict[str, str]:
    """Return the sums of the files of all images and streams, by their paths in a folder. Raises ResultsError."""
    manifest = path / MANIFEST
    with manifest.open("rb") as file:
        lines = _lines(file, manifest)
    return {name: digest for line in lines for name, digest in line.get("files", {}).items()}


def _lines(file: BinaryIO, path: Path) -> list[Any]:
    """Return the lines of a manifest; one that was cut off in the middle is none, and is taken away."""
    file.seek(0)
    whole = file.read().rpartition(b"\n")[0]
    if file.writable():
        file.truncate(len(whole) + 1 if whole else 0)
    try:
        lines = [parse_json(line) for line in whole.split(b"\n")] if whole else []
        if lines and not (lines[0]["format"] == FORMAT and all(map(_is_known, lines[1:]))):
            raise ValueError("it is of another version")
    except (ValueError, TypeError, KeyError) as error:
        raise ResultsError(
            f"{path} is no manifest to continue from ({error}), expected one of this version; remove it to "
            "begin anew, or name another --output"
        ) from error
    return lines


def _is_known(line: Any) -> bool:
    return isinstance(line, dict) and bool({"source", "end", "image"} & set(line))


def _words(about: Mapping[str, Any]) -> str:
    classes = about.get("classes")
    return shorten("; ".join(map(str, classes)) if isinstance(classes, list) else "", 200)


def _remove(folder: Path, beginning: str) -> None:
    for path in folder.iterdir():
        if path.name.startswith(beginning) and ".part" in path.name:
            path.unlink()


def _unwritable(path: Path, error: OSError) -> UnwritableError:
    return UnwritableError(
        f"{safe_text(str(path))} cannot be written ({error.strerror}), expected a folder with room for results; name "
        "another by --output"
    )
