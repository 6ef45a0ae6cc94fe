# SPDX-License-Identifier: Apache-2.0
"""Types that ROS gives to unquoted parameter values: the rules of rcl_yaml_param_parser, not YAML's.

Standard library only, as launch files need it too.
"""

import re

KINDS = {bool: "a bool", int: "an int", float: "a float", str: "a text"}
TRUE = {"Y", "y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}
FALSE = {"N", "n", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}
INT = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\Z")  # as C's strtoll with base 0
FLOAT = re.compile(
    r"[-+]?((\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|0[xX][0-9a-fA-F]+\.?[0-9a-fA-F]*([pP][-+]?\d+)?"
    r"|inf(inity)?|nan(\(\w*\))?)\Z",
    re.IGNORECASE,
)
MOST_DIGITS = 19  # of 2^63
# YAML's own, in the three spellings that ROS compares
DOTTED = {f"{sign}.{word}" for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")} | {".nan", ".NaN", ".NAN"}


def kind_of(text: str) -> str:
    """Return the type that ROS gives to an unquoted value: one of KINDS' values."""
    if text in TRUE | FALSE:
        return KINDS[bool]
    if INT.match(text) and _is_64_bit(text):
        return KINDS[int]
    is_float = text in DOTTED or (FLOAT.match(text) and not _overflows(text))
    return KINDS[float] if is_float else KINDS[str]


def value_of(text: str, kind: str) -> bool | int | float | str:
    """Return the value that ROS reads from an unquoted text of a kind, one of KINDS' values."""
    if kind == KINDS[bool]:
        return text in TRUE
    if kind == KINDS[int]:
        return _whole(text)
    return _real(text) if kind == KINDS[float] else text


def _whole(text: str) -> int:
    digits = text.lstrip("+-")
    base = 16 if digits[:2].lower() == "0x" else 8 if digits.startswith("0") else 10
    return int(text, base)


def _real(text: str) -> float:
    plain = text.lower().replace(".inf", "inf").replace(".nan", "nan").partition("(")[0]
    return float.fromhex(plain) if "0x" in plain else float(plain)


def _is_64_bit(text: str) -> bool:
    digits = text.lstrip("+-")
    if not digits.startswith("0") and len(digits) > MOST_DIGITS:  # Python counts no further than 4300
        return False
    return -(2**63) <= _whole(text) < 2**63


def _overflows(text: str) -> bool:
    try:
        return float(text) in (float("inf"), float("-inf")) and text.lstrip("+-.")[:1].isdigit()
    except ValueError:  # hexadecimal, or nan(…)
        return False
