# SPDX-License-Identifier: Apache-2.0
"""WebDataset shards: .tar files in which an image and its caption are neighbours of one name.

`000012.jpg` goes with `000012.txt`, or with `000012.json` that has a "caption" or "captions". Shards whose name or
folder begins with val are for validation. The tar files are listed once, and then read in any order.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.files.regular_files import open_regular
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.engine.train.captions.caption_set import (
    IMAGE_SUFFIXES,
    CaptionSet,
    Example,
    Split,
    captions_of,
    decode,
    parse_json,
)


@dataclass
class _Sample:
    """The members of one name: offset and size in the shard, by suffix."""

    images: list[tuple[int, int]] = field(default_factory=list)
    texts: dict[str, tuple[int, int]] = field(default_factory=dict)


def find_shards(path: Path) -> list[Path]:
    """List the shards: `path` itself, or those in it and in the folders of it."""
    if path.is_file():
        return [path] if path.suffix == ".tar" else []
    shards = [*path.glob("*.tar"), *path.glob("*/*.tar")]
    return sorted(shard for shard in shards if not shard.name.startswith("."))  # macOS leaves `._a.tar` beside a.tar


def open_shards(path: Path, split: Split) -> CaptionSet | None:
    """Read a split; None where no shard is of it. Raises TrainingError."""
    root = path if path.is_dir() else path.parent
    own = [shard for shard in find_shards(path) if _is_val(shard.relative_to(root)) == (split == "val")]
    if not own:
        return None
    examples = (example for shard in own for example in _examples(shard, str(shard.relative_to(root))))
    return CaptionSet.of(f"{path} ({split})", examples)


def _is_val(shard: Path) -> bool:
    return shard.parts[0].startswith("val")


def _examples(shard: Path, name: str) -> Iterator[Example]:
    for key, sample in _list(shard).items():
        where = f"{shard}: {key}"
        if len(sample.images) != 1 or not sample.texts:
            raise TrainingError(
                f"{where} has {counted(len(sample.images), 'image')} ({', '.join(IMAGE_SUFFIXES)}) and "
                f"{counted(len(sample.texts), 'caption')} (.txt, .json), expected one and at least one; correct or "
                "remove it"
            )
        yield Example(f"{name}/{key}", _captions(shard, sample, where), partial(read_range, shard, *sample.images[0]))


def _captions(shard: Path, sample: _Sample, where: str) -> tuple[str, ...]:
    """Return the captions of the text file, else those of the JSON."""
    suffix = ".txt" if ".txt" in sample.texts else ".json"
    text = decode(read_range(shard, *sample.texts[suffix]), f"{where}{suffix}")
    if suffix == ".txt":
        return (text,)
    record = parse_json(text, f"{where}{suffix}")
    return captions_of(record if isinstance(record, dict) else {}, f"{where}{suffix}")


def _list(shard: Path) -> dict[str, _Sample]:
    """Return the shard's samples by name, which ends at the first dot, as WebDataset has it."""
    samples: dict[str, _Sample] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                folder, _, file = member.name.rpartition("/")
                stem, dot, suffix = file.partition(".")
                suffix = f"{dot}{suffix.lower()}"
                if not member.isfile() or suffix not in (*IMAGE_SUFFIXES, ".txt", ".json"):
                    continue
                sample = samples.setdefault(f"{folder}/{stem}" if folder else stem, _Sample())
                place = (member.offset_data, member.size)
                if suffix in IMAGE_SUFFIXES:
                    sample.images.append(place)
                else:
                    sample.texts[suffix] = place
    except (tarfile.TarError, OSError, ValueError, OverflowError) as error:  # of sizes that no file has
        raise TrainingError(
            f"{shard} cannot be read ({error}), expected a whole, uncompressed tar; fetch it again"
        ) from error
    return samples


def read_range(path: Path, offset: int, size: int) -> bytes:
    """Read `size` bytes of a file from `offset` on. Raises OSError."""
    with open_regular(path) as file:
        file.seek(offset)
        return file.read(size)
