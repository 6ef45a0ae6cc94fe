# SPDX-License-Identifier: Apache-2.0
"""Images with captions, as training reads them, whatever they lie in."""

import hashlib
import json
import logging
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.files import bounded_parsers
from talk2dino_ros.engine.text.counted import counted

logger = logging.getLogger("talk2dino")

Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = ("train", "val")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Example:
    """An image and its captions.

    key: names the image within its set. read: returns the encoded image (JPEG, PNG, …); it can be pickled, for
    extraction on a cluster, and raises OSError.
    """

    key: str
    captions: tuple[str, ...]
    read: Callable[[], bytes]


@dataclass(frozen=True)
class CaptionSet:
    """The images of one split, in a fixed order. Make one with `CaptionSet.of`.

    name: what a person finds it by. sum: sha256 of the keys and captions, in order; not of the pixels, so that a
    damaged image can be mended without making the others' features anew.
    """

    name: str
    examples: Sequence[Example]
    sum: str

    @classmethod
    def of(cls, name: str, examples: Iterable[Example]) -> "CaptionSet":
        """Take what a reader found. Raises TrainingError for two images of one key, or where nothing has a caption.

        Blank captions, which large sets have, are left out with a warning; so is an image that has no other.
        """
        found = tuple(examples)
        twice = [key for key, count in Counter(example.key for example in found).items() if count > 1]
        if twice:
            raise TrainingError(
                f"{name} has {counted(len(twice), 'key')} more than once, the first is {twice[0]!r}, expected each "
                "image under a key of its own; rename or remove the second"
            )
        kept = tuple(example for example in map(_without_blanks, found) if example.captions)
        if not kept:
            raise TrainingError(f"{name} holds no image with a caption, expected at least one; name another folder")
        _warn_of_blanks(name, found, kept)
        return cls(name, kept, _sum_of(kept))


def _without_blanks(example: Example) -> Example:
    captions = (caption.strip() for caption in example.captions)  # COCO's own end with spaces and newlines
    return replace(example, captions=tuple(caption for caption in captions if caption))


def _warn_of_blanks(name: str, found: Sequence[Example], kept: Sequence[Example]) -> None:
    captions_found, captions_kept = (sum(len(each.captions) for each in some) for some in (found, kept))
    if captions_found > captions_kept or len(found) > len(kept):
        names = {example.key for example in kept}
        first = next((example.key for example in found if example.key not in names), None)
        logger.warning(
            "%s: left out: %s, and %s no other%s",
            name,
            counted(captions_found - captions_kept, "blank caption"),
            counted(len(found) - len(kept), "image that has", "images that have"),
            f" (the first is {first})" if first else "",
        )


def _sum_of(examples: Iterable[Example]) -> str:
    digest = hashlib.sha256()
    for example in examples:
        digest.update(json.dumps([example.key, *example.captions]).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def decode(data: bytes, where: str) -> str:
    """Decode UTF-8, with or without a byte order mark. Raises TrainingError that names the place and its line."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_utf8(error.object, error.start, where) from error
    if "\0" in text:
        raise _no_utf8(data, data.index(b"\0"), where)
    return text


def _no_utf8(data: bytes, place: int, where: str) -> TrainingError:
    line = data[:place].count(b"\n") + 1
    utf16 = data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or not data[place]  # its letters have bytes of 0 between
    return TrainingError(
        f"{where} is not UTF-8 in line {line} (byte 0x{data[place]:02x}), expected UTF-8; convert it, for example with "
        f"iconv -f {'UTF-16' if utf16 else 'WINDOWS-1252'} -t UTF-8"
    )


def parse_json(text: str, where: str) -> Any:
    """Parse JSON. Raises TrainingError that names the place."""
    try:
        return bounded_parsers.parse_json(text)
    except ValueError as error:
        raise TrainingError(f"{where} is not JSON ({error}), expected what it is named for; correct it") from error


def captions_of(record: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Return a record's `captions` or its `caption`, null being a blank one. Raises TrainingError."""
    captions = record["captions"] if "captions" in record else [record.get("caption", 0)]
    if not isinstance(captions, list) or not all(isinstance(caption, str | None) for caption in captions):
        raise TrainingError(
            f'{where} has neither a text "caption" nor a list of texts "captions", expected one of them; add it'
        )
    kept = tuple(caption or "" for caption in captions)
    try:
        "".join(kept).encode()
    except UnicodeEncodeError as error:
        raise TrainingError(
            f"{where} has half a character ({error.object[error.start]!r}) in a caption, expected whole ones; correct "
            "it"
        ) from error
    return kept
