# SPDX-License-Identifier: Apache-2.0
"""Which pictures are known to have a class, and which to lack it."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from talk2dino_ros.cli.files.image_sources import find_sources
from talk2dino_ros.engine.errors import ImageError, VocabularyError
from talk2dino_ros.engine.files.regular_files import read_regular
from talk2dino_ros.engine.text.class_entries import shorten
from talk2dino_ros.ros.bags.bag_topics import TopicNames

Truths = dict[Path, dict[str, bool]]  # of each picture the classes of which it is known whether it has them
MOST_BYTES = 50_000_000  # of a CSV


def known_truths(names: Sequence[str], lacking: Sequence[str], labels: Path | None, having: Sequence[str]) -> Truths:
    """Return of each picture which classes it is known to have, and which to lack.

    names: of the classes. lacking: pictures, folders and patterns that show none of them. labels: a CSV with all the
    classes of each picture. having: "class=pictures", of which nothing is known of the other classes. Raises
    ImageError for pictures that are none, VocabularyError for a class that is none.
    """
    truths: Truths = {path: dict.fromkeys(names, False) for path in _pictures(lacking)}
    for path, own in _labelled(labels, names) if labels else ():
        truths[path] = {name: name in own for name in names}
    for text in having:
        name, equals, place = text.partition("=")
        if not equals:
            raise ImageError(f"--with is {shorten(text)}, expected class=pictures, such as mug=mugs/; correct it")
        known = _known(name, names)
        for path in _pictures([place]):
            truths.setdefault(path, {})[known] = True
    if not truths:
        raise ImageError("no picture was named, expected some that lack the classes; name a folder of them")
    return truths


def _pictures(named: Sequence[str]) -> list[Path]:
    found, left_out = find_sources(named, TopicNames())
    if left_out:
        raise ImageError(left_out[0])
    if others := [source.shown for source in found if source.is_stream]:
        raise ImageError(
            f"{others[0]} is not a picture, expected pictures, each of another scene: images of one video are alike, "
            "and count as one; take some far apart out of it"
        )
    return [Path(source.address).resolve() for source in found]


def _labelled(path: Path, names: Sequence[str]) -> Iterator[tuple[Path, set[str]]]:
    """Yield the pictures of a CSV with the names of their classes."""
    try:
        rows = list(csv.DictReader(io.StringIO(read_regular(path, MOST_BYTES).decode("utf-8-sig"))))
    except (OSError, ValueError, csv.Error) as error:
        raise ImageError(f"{path} cannot be read ({error}), expected a CSV; correct its path or content") from error
    for number, row in enumerate(rows, 2):
        if not row.get("picture") or row.get("classes") is None:
            raise ImageError(
                f"{path} has no picture or no classes in line {number}, expected the columns `picture` and `classes`, "
                "the latter empty where it has none; correct it"
            )
        own = {_known(name, names) for name in row["classes"].split(";") if name.strip()}
        for picture in _pictures([str(path.parent / row["picture"])]):
            yield picture, own


def _known(name: str, names: Sequence[str]) -> str:
    """Return the class of this name. Raises VocabularyError where there is none."""
    for each in names:
        if each.casefold() == name.strip().casefold():
            return each
    raise VocabularyError(
        f"{shorten(name)} is not one of the classes, expected one of {', '.join(names)}; correct it, or add it to "
        "--classes"
    )
