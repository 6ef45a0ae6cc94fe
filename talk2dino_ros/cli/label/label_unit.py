# SPDX-License-Identifier: Apache-2.0
"""The parts that a fleet's data is labelled in: a bag, a video, a folder's pictures, each with results of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from talk2dino_ros.cli.files.image_sources import ImageSource
from talk2dino_ros.engine.errors import ImageError


@dataclass(frozen=True)
class LabelUnit:
    """address: of the bag, video or folder. name: of the folder of its results. sources: what is segmented of it."""

    address: str
    name: str
    sources: tuple[ImageSource, ...]

    def to_json(self) -> str:
        """Return its sources as a text, for a worker."""
        return json.dumps([[each.kind, each.address, each.topic] for each in self.sources])


def sources_from_json(text: str) -> list[ImageSource]:
    """Return the sources of a unit, without names."""
    return [ImageSource(*each) for each in json.loads(text)]


def label_units(sources: Sequence[ImageSource]) -> list[LabelUnit]:
    """Group sources: a bag's topics together, and the pictures of each folder. Raises ImageError for a camera."""
    groups: dict[str, list[ImageSource]] = {}
    for source in sources:
        if source.kind == "camera":
            raise ImageError(
                f"{source.shown} is a camera, expected files, which every worker can read again; segment it by "
                "`talk2dino segment`"
            )
        path = Path(source.key[0])
        address = str(path if source.is_stream else path.parent)
        groups.setdefault(address, []).append(ImageSource(source.kind, str(path), source.topic))
    return [LabelUnit(address, _name(address), tuple(own)) for address, own in groups.items()]


def _name(address: str) -> str:
    """Return a name that depends on nothing but the address, so that a later command finds the results again."""
    digits = hashlib.sha256(address.encode(errors="surrogateescape")).hexdigest()[:8]
    return f"{Path(address).stem or 'root'}_{digits}"
