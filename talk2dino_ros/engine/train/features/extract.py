# SPDX-License-Identifier: Apache-2.0
"""Run the frozen networks once over images and captions, and keep what they see in a store. Goes on where it stopped.

First all captions, then the text tower is freed, then all images.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.runtime.memory import release_memory
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.engine.train.captions import CaptionSet, Example
from talk2dino_ros.engine.train.features.frozen import FrozenModel
from talk2dino_ros.engine.train.features.part_writers import OnDone, make_writer
from talk2dino_ros.engine.train.features.pixels import read_square
from talk2dino_ros.engine.train.features.store_folder import (
    KINDS,
    PART_SIZE,
    Kind,
    StoreFolder,
    StoreKey,
    clear_folder,
    make_folder,
)

INPUT_SIZE = 448  # pixels, the authors'
BATCH = 64
NAMED = 10  # skipped images that a report names


@dataclass(frozen=True)
class ExtractionReport:
    """Contents of a store. done: images, those of earlier runs too. skipped: the reason by key."""

    done: int
    skipped: dict[str, str]

    def __str__(self) -> str:
        if not self.skipped:
            return counted(self.done, "image")
        named = [f"{key}: {reason}" for key, reason in self.skipped.items()]
        rest = [f"and {len(named) - NAMED} more"] if len(named) > NAMED else []
        left_out = counted(len(named), "could not be read and is left out", "could not be read and are left out")
        first = f"{counted(self.done, 'image')}; {left_out}:"
        return "\n  ".join([first, *named[:NAMED], *rest])


@dataclass(frozen=True)
class Extraction:
    """An extraction: images, model and store; run by one process (`extract`) or a cluster (cluster.py)."""

    captions: CaptionSet
    store: StoreFolder

    @classmethod
    def begin(
        cls, captions: CaptionSet, model: FrozenModel, folder: Path, *, input_size: int, part_size: int, fresh: bool
    ) -> "Extraction":
        """Open the store or make it. Raises TrainingError where it holds anything else's features."""
        if input_size < 1 or input_size % model.patch_size:
            raise TrainingError(
                f"input_size is {input_size} pixels, expected a multiple of {model.name}'s patch of "
                f"{model.patch_size}; change the recipe"
            )
        if fresh:
            clear_folder(folder)
        key = StoreKey.of(captions, model, input_size)
        return cls(captions, make_folder(folder, key, len(captions.examples), part_size))

    def examples(self, part: int) -> Sequence[Example]:
        places = self.store.places(part)
        return self.captions.examples[places.start : places.stop]

    def missing(self, kind: Kind) -> list[int]:
        """List the parts that have to be made: not there, or without an image that can be read by now."""
        return [part for part in self.store.parts if not self._is_done(kind, part)]

    def _is_done(self, kind: Kind, part: int) -> bool:
        if not self.store.is_there(kind, part):
            return False
        skipped = self.store.notes(kind, part).get("skipped", {})
        again = [example for example in self.examples(part) if example.key in skipped]
        size = self.store.key.input_size
        return not any(isinstance(read_square(example, size), np.ndarray) for example in again)

    def amount(self, kind: Kind, part: int) -> int:
        """Count a part's captions or images."""
        examples = self.examples(part)
        return len(examples) if kind == "images" else sum(len(example.captions) for example in examples)

    @contextmanager
    def bar(self, kind: Kind, missing: Sequence[int], progress: bool) -> Iterator[OnDone]:
        """Show how much of a kind is done; yields what is to be told of more."""
        amounts = [self.amount(kind, part) for part in self.store.parts]
        total, left = sum(amounts), sum(amounts[part] for part in missing)
        unit = "image" if kind == "images" else "caption"
        disable = None if progress else True  # None: wherever no terminal is
        with tqdm(total=total, initial=total - left, unit=unit, desc=f"{unit}s", disable=disable) as bar:
            yield bar.update

    def report(self) -> ExtractionReport:
        """Count what is there and name what was skipped."""
        notes = [self.store.notes("images", part) for part in self.store.parts]
        skipped = {key: reason for each in notes for key, reason in each["skipped"].items()}
        return ExtractionReport(sum(len(each["keys"]) for each in notes), skipped)


def extract(
    captions: CaptionSet,
    model: FrozenModel,
    folder: str | Path,
    *,
    batch: int = BATCH,
    input_size: int = INPUT_SIZE,
    part_size: int = PART_SIZE,
    threads: int = 0,
    fresh: bool = False,
    progress: bool = True,
) -> ExtractionReport:
    """Fill a store, or what is missing of it, in this process.

    batch: images at once. part_size: images a file, of a new store. threads: that decode images, 0: one a core.
    fresh: begin anew. progress: show bars on a terminal. Damaged images are skipped, and tried again by the next run.
    Raises TrainingError, also where the disk is full; the parts written so far are kept.
    """
    extraction = Extraction.begin(
        captions, model, Path(folder), input_size=input_size, part_size=part_size, fresh=fresh
    )
    for kind in KINDS:
        missing = extraction.missing(kind)
        with extraction.bar(kind, missing, progress) as on_done:
            if missing:
                writer = make_writer(kind, model, batch, threads)
                for part in missing:
                    writer.write(extraction.store, part, extraction.examples(part), on_done)
                del writer  # the text tower goes before the image encoder comes
                release_memory()
    return extraction.report()
