# SPDX-License-Identifier: Apache-2.0
"""Segment sources into a folder: threads decode and write beside the model, and what is done already is not done again.

Pictures are files of their own, decoded and written by several threads. A stream has an order: one thread reads it and
one writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from talk2dino_ros.cli.files.image_streams import Shot, open_stream
from talk2dino_ros.cli.files.result_folder import FILM
from talk2dino_ros.cli.files.result_writer import Append, ResultWriter, sums_of
from talk2dino_ros.cli.files.threaded_steps import done_ahead
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.ros.bags.bag_reader import BagError
from talk2dino_ros.viz.pictures import UnwritableError, read_picture
from talk2dino_ros.viz.videos import video_writer

if TYPE_CHECKING:
    from talk2dino_ros.cli.files.image_record import Record
    from talk2dino_ros.cli.files.image_sources import ImageSource
    from talk2dino_ros.cli.files.result_folder import ResultFolder
    from talk2dino_ros.engine import Segmentation, Vocabulary
    from talk2dino_ros.viz.overlay import Rgb

OnRecord = Callable[["ImageSource", "Record", bool], None]  # and whether it is new
Write = Callable[["ImageSource", Shot, "Segmentation"], "Record"]


class ImageModel(Protocol):
    """What a run needs of a segmenter."""

    def segment(self, rgb: Rgb, vocabulary: Vocabulary) -> Segmentation:
        """Segment uint8 [H, W, 3] RGB. Raises ImageError."""
        ...


@dataclass(frozen=True)
class RunSettings:
    """threads: that decode, and as many that write; 0: all in turn. every: so many-th image of a stream.

    overlay: whether overlays are written.
    """

    threads: int = 2
    every: int = 1
    overlay: bool = True


@dataclass
class RunReport:
    """done, known: how many images were segmented, and how many were there already. is_stopped: before the last one.

    skipped: a sentence on each image that has no result. flaws: on each stream that was not read to its end.
    """

    done: int = 0
    known: int = 0
    is_stopped: bool = False
    skipped: list[str] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)

    @property
    def images(self) -> int:
        """How many images have results."""
        return self.done + self.known


class FileRun:
    """A run over sources. on_record: gets each image as it is done or found. is_stopped: asked before each image."""

    def __init__(
        self,
        folder: ResultFolder,
        segmenter: ImageModel,
        vocabulary: Vocabulary,
        settings: RunSettings,
        *,
        on_record: OnRecord = lambda source, record, is_new: None,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.report = RunReport()
        self._folder = folder
        self._segmenter = segmenter
        self._vocabulary = vocabulary
        self._settings = settings
        self._on_record = on_record
        self._is_stopped = is_stopped
        self._lost: list[str] = []  # of the stream in hand
        self._writer = ResultWriter(folder.path, vocabulary)

    def run(self, sources: Sequence[ImageSource]) -> RunReport:
        """Segment all. Raises UnwritableError; what cannot be read is in the report."""
        for source in sources:
            self._folder.add_source(source)
        self._run_pictures([source for source in sources if not source.is_stream])
        for source in sources:
            if source.is_stream and not self.report.is_stopped:
                self._tried(partial(self._run_stream, source))
        return self.report

    def _run_pictures(self, sources: Sequence[ImageSource]) -> None:
        left = []
        for source in sources:
            record = self._folder.records.get((source.name, None))
            if record is not None and record["state"] == state_of(source) and self._folder.has_files(record):
                self._found(source, record)
            else:
                left.append(source)
        write = partial(self._writer.picture, with_overlay=self._settings.overlay)
        loads = (partial(_read, source) for source in left)
        with closing(done_ahead(loads, self._settings.threads)) as shots:
            self._collect(self._calls(zip(left, shots, strict=False), write), self._settings.threads)

    def _run_stream(self, source: ImageSource) -> None:
        film = self._folder.path / f"{source.name}{FILM}"
        has_film = self._settings.overlay
        state = state_of(source)
        if self._folder.is_finished(source.name, state):
            for record in self._folder.records_of(source.name):
                self._found(source, record)
            return
        with ExitStack() as stack:
            stream = stack.enter_context(open_stream(source, self._settings.every))
            append = stack.enter_context(video_writer(film, stream.rate_hz)) if has_film else None
            self._run_shots(source, stream.shots, append)
            if self.report.is_stopped and source.kind != "camera":
                raise KeyboardInterrupt  # drops the overlay, which the run that goes on makes anew of the masks
            self.report.flaws += [*stream.flaws(), *self._losses(source)]
        self._folder.add_end(source.name, state, sums_of(self._folder.path, [film] if has_film else []))

    def _losses(self, source: ImageSource) -> list[str]:
        """Say how many images of a stream were lost, and forget them. Raises ImageError where all of them were."""
        lost, self._lost = self._lost, []
        if not lost:
            return []
        if not self._folder.records_of(source.name):
            raise ImageError(f"{source.shown} has no image that can be read: {lost[0]}")
        images = counted(len(lost), "image")
        return [f"of {source.shown} {images} could not be read and had to be left out, the first because: {lost[0]}"]

    def _run_shots(self, source: ImageSource, shots: Iterator[Shot | ImageError], append: Append | None) -> None:
        threads = min(1, self._settings.threads)  # one keeps their order
        with closing(done_ahead(_each(shots), threads)) as decoded:
            pairs = ((source, shot) for shot in iter(partial(next, decoded), None))
            self._collect(self._calls(pairs, partial(self._writer.frame, append=append), append), threads)

    def _calls(
        self, pairs: Iterable[tuple[ImageSource, Shot | ImageError]], write: Write, append: Append | None = None
    ) -> Iterator[Callable[[], tuple[ImageSource, Record, bool]]]:
        """Yield what is to be written of each image, after the model has seen it."""
        for source, shot in pairs:
            if self._is_stopped():
                self.report.is_stopped = True
                return
            try:
                yield self._call(source, shot, write, append)
            except ImageError as error:
                self._lose(source, error)

    def _call(
        self, source: ImageSource, shot: Shot | ImageError, write: Write, append: Append | None
    ) -> Callable[[], tuple[ImageSource, Record, bool]]:
        if isinstance(shot, ImageError):
            raise shot
        known = self._folder.records.get((source.name, shot.number))
        if shot.number is not None and known is not None and self._writer.is_there(source, shot, known):
            return partial(_again, source, partial(self._writer.frame_again, shot, known, append))
        return partial(_new, source, partial(write, source, shot, self._segmenter.segment(shot.rgb, self._vocabulary)))

    def _collect(self, calls: Iterator[Callable[[], tuple[ImageSource, Record, bool]]], threads: int) -> None:
        with closing(done_ahead(calls, threads)) as written:
            for source, record, is_new in written:
                if is_new:
                    self._folder.add(record)
                    self.report.done += 1
                    self._on_record(source, record, True)
                else:
                    self._found(source, record)

    def _found(self, source: ImageSource, record: Record) -> None:
        self.report.known += 1
        self._on_record(source, record, False)

    def _lose(self, source: ImageSource, error: ImageError) -> None:
        """Count an image that has no result: of a stream it is one of many."""
        if source.is_stream:
            self._lost.append(str(error))
        else:
            self.report.skipped.append(str(error))

    def _tried(self, run: Callable[[], None]) -> None:
        try:
            run()
        except UnwritableError:
            raise  # the next one would meet the same
        except KeyboardInterrupt:
            if not self.report.is_stopped:
                raise
        except (ImageError, BagError) as error:
            self.report.skipped.append(str(error))


def state_of(source: ImageSource) -> str:
    """Return a fingerprint of a file or folder that changes with its content; "" where there is none to be had."""
    path = Path(source.address)
    try:
        stats = [each.stat() for each in (sorted(path.iterdir()) if path.is_dir() else [path])]
    except OSError:
        return ""
    return ", ".join(f"{stat.st_size} {stat.st_mtime_ns}" for stat in stats)


def _read(source: ImageSource) -> Shot | ImageError:
    state = state_of(source)  # before it is read, so that a change meanwhile is one
    try:
        return Shot(read_picture(source.address), state=state)
    except ImageError as error:
        return error


def _each(shots: Iterator[Shot | ImageError]) -> Iterator[Callable[[], Shot | ImageError | None]]:
    """Yield calls without end that return one image after the other, and None when there are no more."""
    while True:
        yield partial(next, shots, None)


def _new(source: ImageSource, write: Callable[[], Record]) -> tuple[ImageSource, Record, bool]:
    return source, write(), True


def _again(source: ImageSource, write: Callable[[], Record]) -> tuple[ImageSource, Record, bool]:
    return source, write(), False
