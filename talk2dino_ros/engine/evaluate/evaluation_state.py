# SPDX-License-Identifier: Apache-2.0
"""Progress file of an evaluation, to resume a run that was stopped."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from talk2dino_ros.engine.evaluate.confusion import Confusion
from talk2dino_ros.engine.evaluate.datasets.dataset import Dataset, DatasetError
from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.files.bounded_parsers import parse_json
from talk2dino_ros.engine.files.regular_files import read_regular
from talk2dino_ros.engine.text.counted import counted

_FORMAT = "talk2dino evaluation 1"
# Vectors of the same words by the same weights differ by rounding only; other weights differ by far more.
_CLOSE = 1e-2

Subject = dict[str, Any]


@dataclass
class Progress:
    """confusion: of all images so far. done: samples looked at, skipped ones too. skipped: why, by file.

    by_image: each image's own mean IoU, by its place in the data set; nan where all of its label is ignored.
    """

    confusion: Confusion
    done: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    by_image: dict[int, float] = field(default_factory=dict)


def data_sum(dataset: Dataset) -> str:
    """Return a sum over the names and sizes of a data set's files, their order, and what the labels' values mean."""
    digest = hashlib.sha256(dataset.lookup.tobytes())
    for sample in dataset.samples:
        for path in (sample.image, sample.label):
            digest.update(os.fsencode(path.name) + f" {path.stat().st_size}\n".encode())
    return digest.hexdigest()


def save_progress(path: Path, subject: Subject, progress: Progress) -> None:
    """Write the file in one step, so that it is never half written. Raises DatasetError where it cannot be."""
    content = {
        "format": _FORMAT,
        "subject": subject,
        "done": progress.done,
        "skipped": progress.skipped,
        "by_image": progress.by_image,
        "counts": progress.confusion.counts.tolist(),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(content).encode())
    except OSError as error:
        raise unwritable(path, error) from error


def remove_progress(path: Path) -> None:
    """Remove the file where there is one. Raises DatasetError where it cannot be."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> DatasetError:
    """Return the error for a file of a run that cannot be written or removed."""
    return DatasetError(
        f"{path} cannot be written ({error}), expected a folder with room for it; name another with --output"
    )


def load_progress(path: Path, subject: Subject, classes: int) -> Progress:
    """Read what `save_progress` wrote; nothing done where there is no file.

    Raises DatasetError for a damaged file, or one of another model, other options or other data.
    """
    if not os.path.exists(path):
        return Progress(Confusion.empty(classes))
    try:
        content = parse_json(read_regular(path), finite=False)
        if content["format"] != _FORMAT:
            raise ValueError(f"the format is {content['format']!r}")
        _check_subject(path, content["subject"], subject)
        counts = np.array(content["counts"], np.int64).reshape(classes, classes + 1)
        by_image = {int(place): float(value) for place, value in content["by_image"].items()}
        return _checked(Progress(Confusion(counts), int(content["done"]), dict(content["skipped"]), by_image))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DatasetError(
            f"{path} cannot be read as a run's state ({error!r}), expected a file of `talk2dino evaluate`; "
            "begin anew with --fresh"
        ) from error


def _checked(progress: Progress) -> Progress:
    """Return it; raise ValueError where it is of images that were not looked at."""
    done = progress.done
    if done < 0 or (progress.confusion.counts < 0).any() or not all(0 <= place < done for place in progress.by_image):
        raise ValueError(f"it is not of the {counted(done, 'image')} that it names")
    if len(progress.skipped) > done or not all(isinstance(reason, str) for reason in progress.skipped.values()):
        raise ValueError("what was skipped has no reasons")
    return progress


def _check_subject(path: Path, kept: Mapping[str, Any], subject: Subject) -> None:
    for name in {**kept, **subject}:
        if not _same(kept.get(name), subject.get(name)):
            raise DatasetError(
                f"{path} is of a run with another {name} ({_short(kept.get(name))}), expected this run's "
                f"({_short(subject.get(name))}); begin anew with --fresh or name another --output"
            )


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, list) and isinstance(new, list) and old and isinstance(old[0], float):
        return len(old) == len(new) and bool(np.allclose(old, new, rtol=0, atol=_CLOSE))
    return bool(old == new)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
