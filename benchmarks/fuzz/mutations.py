# SPDX-License-Identifier: Apache-2.0
"""Make wrong inputs out of right ones: bytes, texts, JSON values, and the files that hold them."""

import json
import random
import struct
from typing import Any

# what readers trip over, more often than chance would bring it
NUMBERS: tuple[Any, ...] = (0, 1, -1, 2, 255, 256, 65535, 2**31 - 1, -(2**31), 2**32, 2**63, 1e308, 0.5, 10**400)
WORDS = (
    "",
    " ",
    "a",
    "dog",
    "!",
    "?",
    ":",
    ",",
    "\0",
    "\n",
    "\x1b[2J",
    "\u202e",
    "\ud800",
    "a" * 300,
    "../..",
    "~x/y",
    "門",
)
_CONSTANTS = (
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "[" * 3000,
    '{"a":' * 3000,
    "9" * 5000,
    '"\\ud800"',
    "*a",
    "&a [*a]",
)
_SPLICES = (
    b"\0",
    b"\xff",
    b"\n",
    b"[" * 2000,
    b"{" * 2000,
    b"1e999",
    b"\x80" * 9,
    b"PK\x03\x04",
    b"\xff" * 8,
    b"*a",
    b"&a ",
)


def mutated(choice: random.Random, data: bytes) -> bytes:
    """Return bytes with one to six of the usual damages."""
    result = bytearray(data)
    for _ in range(choice.choice((1, 1, 1, 2, 3, 6))):
        place = choice.randrange(len(result) + 1)
        kind = choice.randrange(6)
        if kind == 0 and place < len(result):
            result[place] ^= 1 << choice.randrange(8)
        elif kind == 1:
            result[place : place + 1] = choice.randbytes(1)
        elif kind == 2:
            del result[place:]
        elif kind == 3:
            result[place:place] = choice.choice(_SPLICES)
        elif kind == 4:
            end = min(place + choice.choice((1, 4, 8, 100)), len(result))
            del result[place:end]
        else:
            result[place : place + 8] = struct.pack("<Q", choice.choice((0, 1, 2**31, 2**40, 2**63)))
    return bytes(result)


def text(choice: random.Random) -> str:
    """Return a text of words that readers trip over."""
    return "".join(choice.choice(WORDS) for _ in range(choice.choice((0, 1, 1, 2, 3, 8))))


def value(choice: random.Random, depth: int = 0) -> Any:
    """Return a value of JSON's types."""
    kind = choice.randrange(5 if depth > 2 else 7)
    if kind == 0:
        return choice.choice(NUMBERS)
    if kind == 1:
        return choice.uniform(-1e3, 1e3)
    if kind in (2, 3):
        return text(choice)
    if kind == 4:
        return choice.choice((None, True, False))
    count = choice.randrange(4)
    if kind == 5:
        return [value(choice, depth + 1) for _ in range(count)]
    return {text(choice): value(choice, depth + 1) for _ in range(count)}


def changed(choice: random.Random, right: Any) -> Any:
    """Return a JSON value in which some parts are missing, doubled, or of another kind."""
    if choice.random() < 0.05:
        return value(choice)
    if isinstance(right, dict):
        kept = {key: changed(choice, each) for key, each in right.items() if choice.random() > 0.05}
        return kept | ({text(choice): value(choice)} if choice.random() < 0.1 else {})
    if isinstance(right, list):
        kept_items = [changed(choice, each) for each in right if choice.random() > 0.05]
        return kept_items * (2 if choice.random() < 0.05 else 1)
    return right


def json_text(choice: random.Random, right: Any) -> str:
    """Return a JSON text near a right value, or none at all."""
    found = json.dumps(changed(choice, right))
    if choice.random() < 0.2:
        place = choice.randrange(len(found) + 1)
        found = found[:place] + choice.choice(_CONSTANTS) + found[place + choice.randrange(5) :]
    return found


def safetensors_file(choice: random.Random, tensors: bytes, metadata: dict[str, str]) -> bytes:
    """Return a file near a right one: the header of one F32 tensor `tensors`, its metadata, and its bytes."""
    header: dict[str, Any] = {
        "__metadata__": metadata,
        "embeddings": {"dtype": "F32", "shape": [2, len(tensors) // 8], "data_offsets": [0, len(tensors)]},
    }
    if choice.random() < 0.3:
        header = changed(choice, header)
    content = json.dumps(header).encode()
    return struct.pack("<Q", len(content)) + content + tensors
