# SPDX-License-Identifier: Apache-2.0
"""Find weights files on this machine, and check that they are the published ones."""

import logging
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.files.checksums import KnownSum, sha256_of
from talk2dino_ros.engine.weights.sources import GatedFile, LocalFile, PackageFile, Source, UrlFile, torch_hub_folder
from talk2dino_ros.engine.weights.state_dicts import (
    StateDict,
    Wanted,
    every,
    is_torchscript,
    read_state_dict,
    read_torchscript,
)

logger = logging.getLogger("talk2dino")

# Licences that bind whoever uses the weights beyond what is usual, and where they stand.
SPECIAL_LICENCES = {"DINOv3 License": "https://ai.meta.com/resources/models-and-libraries/dinov3-license/"}


@dataclass(frozen=True)
class WeightsFile:
    """One file that a model needs.

    role: what it fills: `image`, `text`, `projection`.
    source: where it is had from; in a `weights_dir` its names are accepted, and `other_names` (patterns).
    size: bytes of its tensors as float32, about.
    sha256, git_blobs: the known sums by file name. torchscript_sha256: the sum without which no TorchScript archive
        is opened under any name, as it carries code.
    """

    role: str
    source: Source
    licence: str
    size: int
    other_names: tuple[str, ...] = ()
    sha256: Mapping[str, str] = field(default_factory=dict)
    torchscript_sha256: str = ""
    git_blobs: Mapping[str, str] = field(default_factory=dict)

    @property
    def sums(self) -> dict[str, KnownSum]:
        """The known sums by file name."""
        blobs = {name: KnownSum(digits, is_git_blob=True) for name, digits in self.git_blobs.items()}
        return blobs | {name: KnownSum(digits) for name, digits in self.sha256.items()}

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.other_names, *self.source.names)

    def name_in_folder(self, path: Path) -> str:
        """Return the name that a copy of `path` should have in a `weights_dir`."""
        return path.name if any(path.match(name) for name in self.other_names) else self.source.names[0]


def licence_notes(name: str, files: Iterable[WeightsFile]) -> list[str]:
    """Return a sentence for each special licence of a model's files."""
    licences = dict.fromkeys(file.licence for file in files if file.licence in SPECIAL_LICENCES)
    return [f"weights of {name} are under the {each}, read it first: {SPECIAL_LICENCES[each]}" for each in licences]


def find(file: WeightsFile, weights_dir: Path | None = None) -> Path | None:
    """Return where a file lies, or None; asks no network.

    With a `weights_dir`, nothing else is searched (but for files of installed packages, and files named by their
    path); without one, torch.hub's folder and the source's own cache are.
    """
    if weights_dir is not None and not isinstance(file.source, (PackageFile, LocalFile)):
        return _in_folder(file.names, weights_dir)
    return _in_folder(file.other_names, torch_hub_folder()) or file.source.find()


def _in_folder(names: tuple[str, ...], folder: Path) -> Path | None:
    return next((path for name in names for path in sorted(folder.glob(name)) if path.is_file()), None)


def locate(file: WeightsFile, weights_dir: Path | None = None) -> Path:
    """Return where a file lies; without a `weights_dir` it is downloaded on first use, and checked.

    Raises WeightsError that names the file, where to get it and where to put it.
    """
    check_folder(weights_dir)
    path = find(file, weights_dir)
    if path is None and weights_dir is not None:
        raise WeightsError(
            f"{weights_dir} has no {' or '.join(file.names)}, expected one of them; "
            f"get it from {file.source.address} and put it there"
        )
    if path is None:
        path = file.source.download(file.sums)
        check_sum(file, path)
    return path


def check_folder(weights_dir: Path | None) -> None:
    """Raise WeightsError where a folder was named that is none."""
    if weights_dir is not None and not os.path.isdir(weights_dir):
        raise WeightsError(f"weights_dir is {weights_dir}, expected a folder; create it or correct the path")


def way_to_get(file: WeightsFile, name: str, weights_dir: Path | None = None) -> str:
    """Say what brings a missing file of the model `name` to where it is looked for."""
    if isinstance(file.source, GatedFile):
        return f"ask for it at {file.source.page} and put it into {weights_dir or 'a weights_dir'}"
    if isinstance(file.source, PackageFile):
        return file.source.address
    if isinstance(file.source, LocalFile):
        return "correct its path"
    return f"run `talk2dino weights fetch {name}" + (f" --to {weights_dir}`" if weights_dir else "`")


def known_sum(file: WeightsFile, path: Path) -> KnownSum:
    """Return the sum that a file should have; one without digits where it is not known.

    From the table, from the name by torch.hub's convention (`name-1a2b3c4d.pth`), or from huggingface_hub's
    cache, whose files of this size are named by their sum.
    """
    if path.name in file.sums:
        return file.sums[path.name]
    if file.torchscript_sha256 and is_torchscript(path):
        return KnownSum(file.torchscript_sha256)
    if match := re.search(r"-([0-9a-f]{8,64})\.\w+$", path.name):
        return KnownSum(match[1])
    blob = path.resolve().name
    return KnownSum(blob if re.fullmatch(r"[0-9a-f]{64}", blob) else "")


def check_sum(file: WeightsFile, path: Path) -> str:
    """Compare a file's sum with the known one, and return it (a sha256). Raises WeightsError naming both."""
    known = known_sum(file, path)
    found = known.found_in(path)
    if not known.fits(found):
        raise WeightsError(
            f"{path} has the {known.kind} {found}, expected {known.digits}; delete it, and {file.source.remedy}"
        )
    return found


@dataclass(frozen=True)
class Checkpoint:
    """A weights file that was located."""

    file: WeightsFile
    path: Path

    @property
    def remedy(self) -> str:
        """Remedy where this file is not as expected."""
        return self.file.source.remedy

    @cached_property
    def sha256(self) -> str:
        """The file's sum: the known one, where all of it is known, as `read` and a download check it; else computed."""
        known = known_sum(self.file, self.path)
        is_whole = len(known.digits) == 64 and not known.is_git_blob
        return known.digits if is_whole else sha256_of(self.path)

    def read(self, wanted: Wanted = every) -> StateDict:
        """Read the tensors after the sum was checked; wanted: as `read_state_dict` has it. Raises WeightsError.

        The sum is checked at every load where it is published: a start costs it a second at most, and a
        remembered check would not see a file that changed. A file in huggingface_hub's cache is checked after
        its download and by `talk2dino weights verify`.
        """
        if self.path.name in self.file.sums or is_torchscript(self.path) or self._named_by_sum():
            check_sum(self.file, self.path)
        elif isinstance(self.file.source, UrlFile):
            logger.warning("%s is taken without a check: no sum of it is known", self.path)
        return self._tensors(wanted)

    def _named_by_sum(self) -> bool:
        # a user's own `mapping-20261122.pth` is named by a date
        return not isinstance(self.file.source, LocalFile) and bool(re.search(r"-[0-9a-f]{8,64}\.\w+$", self.path.name))

    def _tensors(self, wanted: Wanted) -> StateDict:
        if not is_torchscript(self.path):
            return read_state_dict(self.path, remedy=self.remedy, wanted=wanted)
        if not self.file.torchscript_sha256:
            raise WeightsError(
                f"{self.path} is a TorchScript archive, which may run code, expected tensors alone; "
                "take the published file"
            )
        return read_torchscript(self.path)
