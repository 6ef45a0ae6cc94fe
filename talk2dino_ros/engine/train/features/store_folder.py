# SPDX-License-Identifier: Apache-2.0
"""A feature store's files: `store.json`, which says whose features these are, and parts that are written whole or not.

Every part covers the same number of images of the caption set (the last one fewer), as `text-00003.safetensors` and
`images-00003.safetensors`. A part that is there is whole: that is all that an extraction has to know to go on, on one
machine or on many.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.files import atomic_write
from talk2dino_ros.engine.files.bounded_parsers import parse_json
from talk2dino_ros.engine.files.regular_files import check_regular, read_regular
from talk2dino_ros.engine.train.captions import CaptionSet
from talk2dino_ros.engine.train.features.frozen import FrozenModel

FORMAT = "talk2dino features 1"
PART_SIZE = 1024  # images; some 20 MB of a ViT-B's heads, lost at most when an extraction is stopped
MANIFEST = "store.json"

Kind = Literal["text", "images"]
KINDS: tuple[Kind, ...] = ("text", "images")  # in the order in which they are made


@dataclass(frozen=True)
class StoreKey:
    """Identity of a store's features; those of another key cannot be used by a training.

    image_sum, text_sum: of the frozen networks (frozen.py). captions_sum: of the caption set.
    """

    model: str
    image_sum: str
    text_sum: str
    precision: str
    input_size: int
    patch_size: int
    captions_sum: str
    format: str = FORMAT

    @classmethod
    def of(cls, captions: CaptionSet, model: FrozenModel, input_size: int) -> "StoreKey":
        """Describe the features that `extract` makes of these."""
        return cls(
            model=model.name,
            image_sum=model.image_sum,
            text_sum=model.text_sum,
            precision=model.precision,
            input_size=input_size,
            patch_size=model.patch_size,
            captions_sum=captions.sum,
        )


_WORDS = {  # what a key's field is to a user; the first that differs is named
    "format": "version of the format",
    "model": "model",
    "image_sum": "image encoder (sha256 of its file)",
    "text_sum": "text encoder (sha256 of its file)",
    "precision": "precision",
    "input_size": "input size",
    "patch_size": "patch size",
    "captions_sum": "set of captions (sha256)",
}


@dataclass(frozen=True)
class StoreFolder:
    """A folder with a manifest. count: images of the caption set."""

    path: Path
    key: StoreKey
    count: int
    part_size: int

    @property
    def parts(self) -> range:
        return range(-(-self.count // self.part_size))

    def places(self, part: int) -> range:
        """Return the places in the caption set of a part's images."""
        return range(part * self.part_size, min((part + 1) * self.part_size, self.count))

    def file(self, kind: Kind, part: int) -> Path:
        return self.path / f"{kind}-{part:05}.safetensors"

    def write(self, kind: Kind, part: int, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
        """Write a part. notes: anything that JSON takes. Raises TrainingError where there is no room."""
        # one entry: of several, safetensors writes now one and now another first
        metadata = {"store": json.dumps({"key": asdict(self.key), "notes": notes})}
        write_atomically(self.file(kind, part), save(dict(tensors), metadata))

    def notes(self, kind: Kind, part: int) -> dict[str, Any]:
        """Read what was noted on a part. Raises TrainingError for a part that is damaged, or not of this store."""
        path = self.file(kind, part)
        try:
            with safe_open(check_regular(path), "pt") as file:
                metadata = file.metadata() or {}
            content = parse_json(metadata["store"])
            found, notes = dict(content["key"]), dict(content["notes"])
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            raise TrainingError(
                f"{path} cannot be read ({error}), expected a part of a store of features; delete it and run the same "
                "command again, which makes this part again"
            ) from error
        check_key(path, found, self.key)
        return notes

    def is_there(self, kind: Kind, part: int) -> bool:
        return self.file(kind, part).is_file()


def open_folder(path: Path) -> StoreFolder:
    """Read a store's manifest. Raises TrainingError where there is none, or one of another version."""
    manifest = path / MANIFEST
    try:
        content = parse_json(read_regular(manifest))
        found = dict(content["key"])
        check_key(manifest, found, {"format": FORMAT})  # first: of the rest another version may have anything
        return StoreFolder(path, StoreKey(**found), int(content["count"]), int(content["part_size"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{manifest} cannot be read ({error!r}), expected a store that `talk2dino train` has made; name another "
            "--store or make this one again with --fresh-store"
        ) from error


def make_folder(path: Path, key: StoreKey, count: int, part_size: int = PART_SIZE) -> StoreFolder:
    """Open a folder to go on with, or make it. Raises TrainingError where it holds features of another key."""
    if (path / MANIFEST).exists():
        folder = open_folder(path)
        check_key(path / MANIFEST, asdict(folder.key), key)
        return folder
    folder = StoreFolder(path, key, count, part_size)
    content = {"key": asdict(key), "count": count, "part_size": part_size}
    write_atomically(path / MANIFEST, json.dumps(content, indent=1).encode())
    return folder


def clear_folder(path: Path) -> None:
    """Delete a store's own files, and no others. Raises TrainingError."""
    try:
        for kind in KINDS:
            for file in path.glob(f"{kind}-{'[0-9]' * 5}.safetensors"):
                file.unlink()
        for file in (*path.glob(".*.safetensors.*.part"), path / MANIFEST):
            file.unlink(missing_ok=True)
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be emptied ({error}), expected a folder of your own; name another"
        ) from error


def check_key(path: Path, found: Mapping[str, Any], expected: StoreKey | Mapping[str, Any]) -> None:
    """Raise TrainingError that names the first field in which two keys differ."""
    wanted = asdict(expected) if isinstance(expected, StoreKey) else expected
    for name, word in _WORDS.items():
        if name in wanted and found.get(name) != wanted[name]:
            raise TrainingError(
                f"{path} was made with another {word}: {short(found.get(name))}, expected {short(wanted[name])}; "
                "name another --store or make this one again with --fresh-store"
            )


def short(value: object) -> str:
    """Return a value as a sentence has room for it: the beginning of a sha256 sum, or of anything long."""
    text = str(value)
    room = 12 if len(text) == 64 else 60
    return text if len(text) <= room else f"{text[:room]}…"


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file as atomic_write.py does, and its folder where it is missing. Raises TrainingError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write.write_atomically(path, data)
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be written ({error.strerror}), expected room for {len(data) / 1e6:.2f} MB in a folder of "
            "your own; make room and run the same command again, which continues from here"
        ) from error
