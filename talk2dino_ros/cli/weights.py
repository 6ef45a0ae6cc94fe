# SPDX-License-Identifier: Apache-2.0
"""`talk2dino weights`: list, check and download the models' files."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from talk2dino_ros.cli.tables import print_table
from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.files.atomic_write import replaced_whole

if TYPE_CHECKING:
    from talk2dino_ros.engine.weights.weights_files import WeightsFile


def add_weights_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `weights` with its three actions; `arguments.run(arguments)` then returns the exit status."""
    weights = subparsers.add_parser("weights", help="list, fetch and verify the models' weights")
    actions = weights.add_subparsers(dest="action", required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="show every file with its size, licence and location")
    listing.set_defaults(run=_list)

    fetch = actions.add_parser("fetch", help="download a model's files into the standard caches")
    fetch.add_argument("name", metavar="NAME", help="a model, such as talk2dino_vitb")
    fetch.add_argument(
        "--to", type=Path, metavar="FOLDER", help="also copy them to this folder, for use as a robot's weights_dir"
    )
    fetch.set_defaults(run=_fetch)

    verify = actions.add_parser("verify", help="check a model's files: their sums, keys and shapes")
    verify.add_argument("name", metavar="NAME", help="a model, such as talk2dino_vitb")
    verify.set_defaults(run=_verify)

    for action in (fetch, verify):
        action.add_argument(
            "--without-text-encoder",
            action="store_true",
            help="only what a robot with a file of `talk2dino encode` needs",
        )
    for action in (listing, verify):
        action.add_argument(
            "--weights-dir", type=Path, metavar="FOLDER", help="look in this folder instead of the caches"
        )


def _list(arguments: argparse.Namespace) -> int:
    from talk2dino_ros.engine.models.registry import MODELS
    from talk2dino_ros.engine.weights.weights_files import check_folder, find, licence_notes

    check_folder(arguments.weights_dir)
    rows: list[tuple[str, ...]] = [("model", "role", "size", "licence", "file")]
    for model in MODELS.values():
        for file in model.files:
            path = find(file, arguments.weights_dir)
            place = str(path) if path else f"not here: {file.source.address}"
            rows.append((model.name, file.role, f"{file.size / 1e6:.0f} MB", file.licence, place))
    print_table(rows)
    for model in MODELS.values():
        for note in licence_notes(model.name, model.files):
            print(note)
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    from talk2dino_ros.engine.weights.weights_files import locate

    def bring(file: WeightsFile) -> str:
        path = locate(file)
        return str(_copy(path, arguments.to / file.name_in_folder(path)) if arguments.to and file.names else path)

    return _for_each_file(arguments, bring)


def _copy(path: Path, target: Path) -> Path:
    """Copy a file so that the target has its name only when it is whole. Raises WeightsError."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (target.exists() and path.samefile(target)):
            with replaced_whole(target) as part:
                shutil.copyfile(path, part)
        return target
    except OSError as error:
        raise WeightsError(
            f"{target} could not be written ({error}), expected a folder with room for it; name another"
        ) from error


def _verify(arguments: argparse.Namespace) -> int:
    from talk2dino_ros.engine.models.networks import check_networks
    from talk2dino_ros.engine.models.registry import find_model
    from talk2dino_ros.engine.weights.weights_files import check_folder, check_sum, find, known_sum, way_to_get

    check_folder(arguments.weights_dir)

    def check(file: WeightsFile) -> str:
        path = find(file, arguments.weights_dir)
        if path is None:
            raise WeightsError(
                f"{' or '.join(file.names) or 'its file'} is not here, expected it for {arguments.name}; "
                + way_to_get(file, arguments.name, arguments.weights_dir)
            )
        found = check_sum(file, path)
        known = known_sum(file, path)
        return f"{path} {known.kind} {found} " + ("as published" if known.digits else "(none published)")

    status = _for_each_file(arguments, check)
    if status == 0:
        check_networks(find_model(arguments.name), arguments.weights_dir, with_words=not arguments.without_text_encoder)
        print(f"{arguments.name}: every key and shape is as expected")
    return status


def _for_each_file(arguments: argparse.Namespace, action: Callable[[WeightsFile], str]) -> int:
    """Run `action` on each requested file and print its result; return 1 if one failed, after trying all."""
    from talk2dino_ros.engine.models.registry import find_model

    model, status = find_model(arguments.name), 0
    for file in model.files:
        if arguments.without_text_encoder and file.role not in model.image_roles:
            continue
        try:
            print(f"{file.role}: {action(file)}")
        except WeightsError as error:
            print(f"{file.role}: {error}", file=sys.stderr)
            status = 1
    return status
