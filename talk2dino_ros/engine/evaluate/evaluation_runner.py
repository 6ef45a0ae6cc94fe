# SPDX-License-Identifier: Apache-2.0
"""Segment a labelled data set in batches and count what was right. Starts again where a run was stopped."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.evaluate.confusion import Confusion
from talk2dino_ros.engine.evaluate.datasets.dataset import Dataset, DatasetError, Sample
from talk2dino_ros.engine.evaluate.evaluation_state import Progress, Subject, data_sum, load_progress, save_progress
from talk2dino_ros.engine.models.patch_source import patch_source_of
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.vocabulary import Vocabulary

SAVE_EVERY_S = 30.0
_FINGERPRINT = 16  # values of a mean of unit vectors that tell one mapping from another

Rgb = npt.NDArray[np.uint8]
Truth = npt.NDArray[np.int16]
ReadPicture = Callable[[Path], Rgb]


@dataclass(frozen=True)
class Comparison:
    """One sample: its file's name, uint8 [H, W, 3] RGB, and the classes [H, W] as `Confusion.add` takes them."""

    name: str
    rgb: Rgb
    truth: Truth
    predicted: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Evaluation:
    """A segmenter on a data set. Make one with `Evaluation.of`.

    vocabulary: the data set's words, with the classes' numbers as their ids.
    read_picture: a file -> uint8 [H, W, 3] RGB; raises ImageError.
    protocol: the paper's whose options the segmenter has, see protocols.py.
    """

    segmenter: Segmenter
    dataset: Dataset
    vocabulary: Vocabulary
    read_picture: ReadPicture
    protocol: str

    @classmethod
    def of(cls, segmenter: Segmenter, dataset: Dataset, read_picture: ReadPicture, protocol: str = "") -> "Evaluation":
        """Encode the data set's words. protocol: '' is the model's own."""
        first = len(dataset.classes) - len(dataset.words)
        words = segmenter.encode_vocabulary(dataset.words)
        vocabulary = words.with_ids(range(first, len(dataset.classes)), version=0)
        return cls(segmenter, dataset, vocabulary, read_picture, protocol or segmenter.model.protocol)

    @cached_property
    def subject(self) -> Subject:
        """Return what the figures depend on, for JSON: model, options, data. Asks for every file's size."""
        mean = self.vocabulary.embeddings.mean(axis=0)[:_FINGERPRINT]
        return {
            "dataset": self.dataset.name,
            "model": self.segmenter.model.name,
            "protocol": self.protocol,
            "projection": self.segmenter.networks.projection_sum,
            "patch_source": patch_source_of(self.segmenter.model),
            "precision": self.segmenter.precision,
            "options": _as_json_has_it(asdict(self.segmenter.options)),
            "classes": list(self.dataset.classes),
            "data": data_sum(self.dataset),
            "vectors": [float(value) for value in mean / np.linalg.norm(mean)],
        }

    def run(self, state_file: Path, batch: int = 4) -> Progress:
        """Segment every image and count; what cannot be read is skipped, and named in the result.

        state_file: goes on with what it holds, and is kept up to date, also where the run ends by an error.
        Raises DatasetError for ids outside of the class list, for an image and a label of different size, or where
        the state file is of another run.
        """
        if batch < 1:
            raise DatasetError(f"batch is {batch}, expected a number of images from 1; give one")
        subject, count = self.subject, len(self.dataset.samples)
        progress = load_progress(state_file, subject, len(self.dataset.classes))
        saved_s = time.monotonic()
        try:
            with tqdm(total=count, initial=progress.done, unit="image", desc=self.dataset.name, disable=None) as bar:
                while progress.done < count:
                    places = range(progress.done, min(progress.done + batch, count))
                    progress = self._with(places, progress)
                    bar.update(len(places))
                    bar.set_postfix(mIoU=f"{100 * progress.confusion.figures().mean_iou:.1f}")
                    if time.monotonic() - saved_s > SAVE_EVERY_S:
                        save_progress(state_file, subject, progress)
                        saved_s = time.monotonic()
        finally:
            save_progress(state_file, subject, progress)
        return progress

    def _with(self, places: range, before: Progress) -> Progress:
        """Return the progress with some more samples read, segmented and counted; this one stays unchanged."""
        read: dict[int, tuple[Rgb, Truth]] = {}
        skipped, by_image = dict(before.skipped), dict(before.by_image)
        for place in places:
            try:
                read[place] = self._read(self.dataset.samples[place])
            except ImageError as error:
                skipped[self.dataset.samples[place].name] = str(error)
        seen = self.segmenter.segment([image for image, _ in read.values()], self.vocabulary) if read else []
        confusion = Confusion(before.confusion.counts.copy())
        for (place, (_, truth)), segmentation in zip(read.items(), seen, strict=True):
            own = confusion.add(truth, self.predicted(segmentation.class_ids))
            # of the classes that the label has: an image without a class says nothing of it
            iou = own.figures().iou[own.counts.sum(axis=1) > 0]
            by_image[place] = float(iou.mean()) if iou.size else float("nan")
        return Progress(confusion, places.stop, skipped, by_image)

    def compare(self, place: int) -> Comparison:
        """Segment one sample again, for a picture of it. Raises ImageError, DatasetError."""
        image, truth = self._read(self.dataset.samples[place])
        mask = self.segmenter.segment(image, self.vocabulary).class_ids
        return Comparison(self.dataset.samples[place].name, image, truth, self.predicted(mask))

    def predicted(self, mask: Rgb) -> npt.NDArray[np.int64]:
        """Convert mask ids to class numbers: unlabeled is background, or C where the data set has none."""
        nothing = 0 if self.dataset.has_background else len(self.dataset.classes)
        return np.where(mask == self.segmenter.options.unlabeled_id, nothing, mask.astype(np.int64))

    def _read(self, sample: Sample) -> tuple[Rgb, Truth]:
        image = self.read_picture(sample.image)
        truth = self.dataset.read_label(sample, (image.shape[0], image.shape[1]))
        if image.shape[:2] != truth.shape:
            raise DatasetError(
                f"{sample.image} is {_size(image.shape)} and {sample.label} is {_size(truth.shape)}, expected one "
                "size; correct or remove the pair"
            )
        return image, truth


def _size(shape: Sequence[int]) -> str:
    return f"{shape[1]}x{shape[0]}"


def _as_json_has_it(values: dict[str, object]) -> dict[str, object]:
    """Turn tuples into lists: a run goes on where its subject equals the one that was read from the file."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
