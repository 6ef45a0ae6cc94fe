# SPDX-License-Identifier: Apache-2.0
"""Names that a stranger writes into messages, and what must not reach a log, diagnostics or an answer of them."""

import re

from rclpy.serialization import serialize_message

EVIL = {
    "newline": "a\n[ERROR] [1700000000.000000000] [talk2dino]: forged",
    "ansi": "\x1b[2J\x1b]0;title\x07\x1b[31mred",
    "direction": "\u202egpj.exe",
    "invisible": "cup\u200b\u2060\U000e0041",
    "long": "x" * 300,
    "megabyte": "y" * 1_000_000,
    "forged status": "\r\x85 OK \u2028 [INFO] fine",
}
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
LINE = re.compile(r"\[(DEBUG|INFO|WARN|ERROR|FATAL)\] \[\d+\.\d+\] \[[\w.]+\]: |  |$")


def texts_of(arrays) -> list[str]:
    """All texts in messages of /diagnostics."""
    statuses = [status for array in arrays for status in array.status]
    pairs = [pair for status in statuses for pair in status.values]
    return [text for each in statuses for text in (each.name, each.message)] + [
        text for pair in pairs for text in (pair.key, pair.value)
    ]


def check_texts(texts) -> None:
    """Nothing that could act on a terminal, and none without end."""
    for text in texts:
        assert not UNSAFE.search(text), repr(text[:500])
        assert len(text) <= 4000


def check_log(output: str) -> None:
    """The same of a log, in which no line is any that its node has not begun itself; the last may not be whole yet."""
    for line in output[: output.rfind("\n") + 1].splitlines():
        assert not UNSAFE.search(line), repr(line[:500])
        assert LINE.match(line), repr(line[:500])
        assert "[talk2dino]: forged" not in line.partition("]: ")[0]
        assert len(line) < 5000


def with_nul(message, *texts: str) -> bytes:
    """A message as bytes in which each of these texts has NUL in the place of its second character.

    No Python writes such a message: rosidl ends a text at its first NUL, in both directions.
    """
    data = serialize_message(message)
    for text in texts:
        whole = text.encode() + b"\0"
        assert whole in data
        data = data.replace(whole, whole[:1] + b"\0" + whole[2:])
    return data
