# SPDX-License-Identifier: Apache-2.0
"""The features that training reads: what the frozen networks see in images and captions, extracted once."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.engine.train.features.store_folder import Kind, StoreFolder, StoreKey, check_key, open_folder

__all__ = ["FeatureStore", "StoreKey", "open_store"]


@dataclass(frozen=True, eq=False)
class FeatureStore:
    """A whole store, open for reading; n images, m captions. A tensor is read when it is first asked for, and kept.

    keys: of the images, in order. skipped: why, by key, of those that could not be read; their captions are left out.
    device: where the tensors go, part by part: the heads of a large set are never there twice.
    """

    folder: StoreFolder
    keys: tuple[str, ...]
    skipped: dict[str, str]
    device: str
    _image_parts: tuple[int, ...]  # images in each part
    _text_rows: Tensor  # bool, of all captions: those whose image is there
    _text_parts: tuple[int, ...]  # captions in each part, all of them

    @property
    def key(self) -> StoreKey:
        return self.folder.key

    @cached_property
    def heads(self) -> Tensor:
        """float16 [n, M, D], the patches as each head weighs them, not normalised; M = 0: no attention to be had."""
        return self._gathered("images", "heads", self._image_parts)

    @cached_property
    def average(self) -> Tensor:
        """float16 [n, D], the plain mean of the patches."""
        return self._gathered("images", "average", self._image_parts)

    @cached_property
    def text(self) -> Tensor:
        """float16 [m, T], the text encoder's features of the captions, not normalised."""
        text = self._gathered("text", "text", self._text_parts)
        return text if self._text_rows.all() else text[self._text_rows.to(text.device)]

    @cached_property
    def image_of_text(self) -> Tensor:
        """int64 [m], the row of each caption's image; ascending."""
        place = self._gathered("text", "place", self._text_parts)[self._text_rows.to(self.device)]
        row: Tensor = torch.unique_consecutive(place, return_inverse=True)[1]
        return row

    def _gathered(self, kind: Kind, name: str, sizes: tuple[int, ...]) -> Tensor:
        """Fill one tensor of all parts in place: it may be as large as half the memory."""
        whole = torch.empty(0)
        row = 0
        for part, size in zip(self.folder.parts, sizes, strict=True):
            if not size:
                continue  # none of its images could be read
            with safe_open(self.folder.file(kind, part), "pt") as file:
                values = file.get_tensor(name)
            if not row:
                whole = torch.empty((sum(sizes), *values.shape[1:]), dtype=values.dtype, device=self.device)
            whole[row : row + size] = values
            row += size
        return whole


def open_store(path: str | Path, expect: StoreKey | None = None, *, device: str = "cpu") -> FeatureStore:
    """Open a store that an extraction has finished.

    expect: whose features it has to hold; None: whatever it holds. Raises TrainingError for a store of another key
    or version, one that is not finished, a damaged one, and one without a single image.
    """
    folder = open_folder(Path(path))
    if expect is not None:
        check_key(folder.path, asdict(folder.key), expect)
    _check_finished(folder)
    keys: list[str] = []
    skipped: dict[str, str] = {}
    sizes: list[int] = []
    rows: list[Tensor] = []
    for part in folder.parts:
        notes = folder.notes("images", part)
        keys += notes["keys"]
        skipped |= notes["skipped"]
        sizes.append(len(notes["keys"]))
        rows.append(_rows_with_image(folder, part))
    if not keys:
        raise TrainingError(
            f"{path} holds no image, as none of {len(skipped)} could be read; repair the images and run the same "
            "command again"
        )
    return FeatureStore(folder, tuple(keys), skipped, device, tuple(sizes), torch.cat(rows), tuple(map(len, rows)))


def _check_finished(folder: StoreFolder) -> None:
    for kind in ("text", "images"):
        there = sum(folder.is_there(kind, part) for part in folder.parts)
        if there < len(folder.parts):
            raise TrainingError(
                f"{folder.path} has {there} of {counted(len(folder.parts), 'part')} of {kind}, expected all of them; "
                "run the extraction again, which continues where it was stopped"
            )


def _rows_with_image(folder: StoreFolder, part: int) -> Tensor:
    """Tell which of a part's captions belong to an image that could be read: bool, of all of them."""
    folder.notes("text", part)
    with safe_open(folder.file("text", part), "pt") as text, safe_open(folder.file("images", part), "pt") as images:
        of_text, of_images = text.get_tensor("place"), images.get_tensor("place")
    return torch.isin(of_text, of_images)
