# SPDX-License-Identifier: Apache-2.0
"""Metadata and checksum of an exported file.

The file is ONNX with one entry of metadata: JSON that ends with the sha256 sum of the file itself, its own 64
digits counted as zeros. A flipped bit in a weight would load without an error, so every load checks the sum.
"""

import dataclasses
import hashlib
import json
import mmap
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.files.bounded_parsers import parse_json
from talk2dino_ros.engine.files.regular_files import open_regular
from talk2dino_ros.engine.text.class_entries import shorten

METADATA_KEY = "talk2dino"
FORMAT = 1  # goes up when files made before can no longer be run
_FORMAT_KEY = "talk2dino_onnx"
_BEGIN = f'{{"{_FORMAT_KEY}": '
_NO_SUM = "0" * 64
# of a tensor whose values are in another file: the key "location" and its value, as ONNX's protobuf has them
_ELSEWHERE = b"\n\x08location\x12"


@dataclasses.dataclass(frozen=True)
class Card:
    """What an exported file says of itself.

    model: a row's name. height, width: pixels of the network's input, fixed. precision: of its weights.

    weights_sha256: the sum of the image encoder's weights file.
    head_sha256: the sum of the weights file of dino.txt's head; '' where the patches are the backbone's own.
    file_sha256: the sum of the file itself, as the module's text has it; '' before it is written.
    """

    model: str
    height: int
    width: int
    patch_size: int
    precision: str
    weights_sha256: str
    head_sha256: str = ""
    file_sha256: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """The network's input (H, W) in pixels."""
        return self.height, self.width

    def to_json(self) -> str:
        """Return the metadata's value, its sum still missing; see `with_sum`."""
        return json.dumps({_FORMAT_KEY: FORMAT, **dataclasses.asdict(self), "file_sha256": _NO_SUM})


def with_sum(content: bytes) -> bytes:
    """Return a file's content with its sum in the metadata."""
    found = hashlib.sha256(content).hexdigest()
    before, _, after = content.rpartition(_NO_SUM.encode())
    return before + found.encode() + after


def read_card(path: Path) -> Card:
    """Read a file's metadata. Raises WeightsError where it is missing, damaged or of another origin."""
    try:
        with open_regular(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            begin = content.rfind(_BEGIN.encode())
            fields = parse_json(content[begin : content.find(b"}", begin) + 1]) if begin >= 0 else {}
            digits = str(fields["file_sha256"]) if fields else ""
            is_one_file = content.find(_ELSEWHERE) < 0
            whole = bool(fields) and _sum_without(content, digits) == digits
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} cannot be read ({error}), expected a file of `talk2dino export`; correct the path, or export it"
        ) from error
    if not fields:
        raise WeightsError(
            f"{path} has no mark of `talk2dino export`, expected a whole file of it; name one, or export it again"
        )
    if not whole:
        raise WeightsError(f"{path} is damaged, as its sha256 sum is not the one it carries; copy or export it again")
    if not is_one_file:
        raise WeightsError(
            f"{path} keeps weights in another file, which its sum does not cover, expected all of them in one; export "
            "it again"
        )
    return _card(path, fields)


def _sum_without(content: mmap.mmap, digits: str) -> str:
    at = content.rfind(digits.encode())
    digest = hashlib.sha256()
    with memoryview(content) as view, view[:at] as before, view[at + len(digits) :] as after:
        for part in (before, _NO_SUM.encode(), after):
            digest.update(part)
    return digest.hexdigest()


def _card(path: Path, fields: dict[str, Any]) -> Card:
    version = fields[_FORMAT_KEY]
    if version != FORMAT:
        raise WeightsError(f"{path} has the format {version}, expected {FORMAT}; export it with this package's version")
    known = {field.name: fields[field.name] for field in dataclasses.fields(Card) if field.name in fields}
    wrong = next((field for field in dataclasses.fields(Card) if not _is_fit(field, known)), None)
    if wrong is not None:
        raise WeightsError(
            f"{path} says that its {wrong.name} is {shorten(repr(known.get(wrong.name)))}, expected "
            f"{'a text' if wrong.type is str else 'a whole number above 0'}; export it again"
        )
    return Card(**known)


def _is_fit(field: dataclasses.Field[Any], known: dict[str, Any]) -> bool:
    """Tell whether a card has the field's value, or may lack it."""
    value = known.get(field.name, field.default)
    return type(value) is field.type and (field.type is not int or value > 0)


def check_card(card: Card, path: Path, model: str, *, has_head: bool, known_sums: frozenset[str]) -> None:
    """Raise WeightsError where a file is of another model, other patches, or weights other than the published ones.

    has_head: whether dino.txt's head is part of the image encoder.
    known_sums: the sha256 sums of the model's weights file that are known; empty: none is.
    """
    if card.model != model:
        raise WeightsError(
            f"{path} was exported from {card.model}, expected {model}; set model to {card.model}, "
            f"or run `talk2dino export {model} --output FILE`"
        )
    if bool(card.head_sha256) != has_head:
        found, expected = ("head", "backbone") if card.head_sha256 else ("backbone", "head")
        raise WeightsError(
            f"{path} gives the patches of the {found}, expected those of the {expected}; set patch_source to {found}, "
            f"or run `talk2dino export {model} --output FILE --patch-source {expected}`"
        )
    if known_sums and card.weights_sha256 not in known_sums:
        raise WeightsError(
            f"{path} was exported from weights with the sha256 sum {card.weights_sha256}, expected "
            f"{' or '.join(sorted(known_sums))}; run `talk2dino export {model} --output FILE` again"
        )
