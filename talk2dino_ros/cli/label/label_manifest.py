# SPDX-License-Identifier: Apache-2.0
"""The manifest of a fleet's labels: what all was made with, a line for each unit, one for each file with its sum."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from talk2dino_ros.cli.files.result_folder import COCO, MANIFEST, TABLE, check_alike, made_with, read_sums
from talk2dino_ros.cli.files.result_writer import write_text
from talk2dino_ros.cli.label.label_unit import LabelUnit
from talk2dino_ros.engine.errors import ClusterError
from talk2dino_ros.engine.files.checksums import sha256_of

FORMAT = "talk2dino labels 1"


def check_labels(output: Path, about: Mapping[str, Any], units: Sequence[LabelUnit]) -> None:
    """Raise ResultsError where the output has labels of these units, or a manifest, made with something else."""
    for folder in (output, *(output / unit.name for unit in units)):
        if there := made_with(folder):
            check_alike(folder, there, about)


def write_label_manifest(
    output: Path, about: Mapping[str, Any], units: Sequence[LabelUnit], told: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write it. told: of each unit by its name, what was lost, and what went wrong where it has no results.

    Raises ClusterError where a file that a worker wrote is not here, UnwritableError.
    """
    lines = [{"format": FORMAT, **about}]
    for unit in sorted(units, key=lambda unit: unit.name):
        lines += _lines(output, unit, told[unit.name])
    write_text(output / MANIFEST, "".join(f"{json.dumps(line)}\n" for line in lines))


def _lines(output: Path, unit: LabelUnit, told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    error, folder = told["error"], output / unit.name
    sums = {} if error else read_sums(folder)
    yield {"unit": unit.name, "address": unit.address, "images": told["images"], "lost": told["lost"], "error": error}
    if error:
        return
    for name in sorted(sums):
        if not (folder / name).exists():
            raise _not_here(folder / name)
        yield {"file": f"{unit.name}/{name}", "sha256": sums[name]}
    for name in (COCO, MANIFEST, TABLE):
        yield {"file": f"{unit.name}/{name}", "sha256": _sum_of(folder / name)}


def _sum_of(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise _not_here(path) from error


def _not_here(path: Path) -> ClusterError:
    return ClusterError(
        f"{path} was written by a worker but is not here, expected a folder that all machines of the cluster share; "
        "name one by --output"
    )
