# SPDX-License-Identifier: Apache-2.0
"""A parameter file as YAML: its values, and the comment above each."""

from pathlib import Path

import yaml


def values_of(path: Path):
    (node,) = yaml.safe_load(path.read_text()).values()
    return node["ros__parameters"]


def comments_of(path: Path) -> dict[str, str]:
    """The comment above each parameter, on one line."""
    comments, lines = {}, []
    for line in path.read_text().split("ros__parameters:\n")[1].splitlines():
        words = line.strip()
        if words.startswith("#"):
            lines.append(words.removeprefix("#").strip())
        elif not words.startswith("-"):
            comments[words.split(":")[0]] = " ".join(lines)
            lines = []
    return comments
