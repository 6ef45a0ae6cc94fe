# SPDX-License-Identifier: Apache-2.0
"""How one part of a store is made, by whatever process: the frozen network is loaded once, then it writes parts."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.models.head_embeddings import Embeddings, head_embeddings
from talk2dino_ros.engine.train.captions import Example
from talk2dino_ros.engine.train.features.frozen import FrozenModel
from talk2dino_ros.engine.train.features.pixels import Pixels, read_batches
from talk2dino_ros.engine.train.features.store_folder import Kind, StoreFolder

CAPTIONS_PER_BATCH = 256

OnDone = Callable[[int], object]  # is told how many captions or images more are done


class PartWriter(Protocol):
    """Makes parts of one kind."""

    def write(self, store: StoreFolder, part: int, examples: Sequence[Example], on_done: OnDone) -> None:
        """Make and write a part. examples: the part's own. Raises TrainingError."""
        ...


def make_writer(kind: Kind, model: FrozenModel, batch: int, threads: int) -> PartWriter:
    """Load the network that a kind of part is made with. batch: images; threads: that decode, 0: one a core."""
    return TextWriter(model) if kind == "text" else ImageWriter(model, batch, threads)


class TextWriter:
    """Captions as they are, without a template: text float16 [m, T], place int64 [m] of each caption's image."""

    def __init__(self, model: FrozenModel) -> None:
        self._encoder = model.load_text_encoder()

    def write(self, store: StoreFolder, part: int, examples: Sequence[Example], on_done: OnDone) -> None:
        places = store.places(part)
        captions = [caption for example in examples for caption in example.captions]
        place = [place for place, example in zip(places, examples, strict=True) for _ in example.captions]
        features = []
        for start in range(0, len(captions), CAPTIONS_PER_BATCH):
            some = captions[start : start + CAPTIONS_PER_BATCH]
            features.append(_stored(self._encoder.encode(some), "the captions' features"))
            on_done(len(some))
        store.write("text", part, {"text": torch.cat(features), "place": torch.tensor(place)}, {})


class ImageWriter:
    """Images as head embeddings and averages, float16 [n, …], and place int64 [n]; notes the keys and what was skipped.

    Batches do not reach from one part into the next, so that a part is the same whoever makes it and whenever.
    """

    def __init__(self, model: FrozenModel, batch: int, threads: int) -> None:
        self._encoder = model.load_image_encoder()
        self._device = model.device
        self._batch = batch
        self._threads = threads or os.cpu_count() or 1

    def write(self, store: StoreFolder, part: int, examples: Sequence[Example], on_done: OnDone) -> None:
        seen: list[Embeddings] = []
        read: list[int] = []
        skipped: dict[str, str] = {}
        with ThreadPoolExecutor(self._threads) as threads:
            for batch in read_batches(examples, store.key.input_size, self._batch, threads):
                good = {index: pixels for index, pixels in batch.items() if isinstance(pixels, np.ndarray)}
                skipped |= {examples[index].key: str(batch[index]) for index in batch if index not in good}
                if good:
                    seen.append(self._encode(list(good.values())))
                read += good
                on_done(len(batch))
        tensors = {name: torch.cat([getattr(each, name) for each in seen]) for name in Embeddings._fields if seen}
        place = store.places(part).start + torch.tensor(read, dtype=torch.int64)
        notes = {"keys": [examples[index].key for index in read], "skipped": skipped}
        store.write("images", part, {**tensors, "place": place}, notes)

    @torch.inference_mode()
    def _encode(self, pixels: Sequence[Pixels]) -> Embeddings:
        images = torch.from_numpy(np.stack(pixels)).to(self._device).permute(0, 3, 1, 2).float() / 255
        embeddings = head_embeddings(self._encoder(images, return_attention=self._encoder.has_attention))
        return Embeddings(*(_stored(each, "an image's features") for each in embeddings))


def _stored(features: Tensor, what: str) -> Tensor:
    """Round features to float16, what a store holds: half of the room, and a value is off by a 2048th at most."""
    rounded = features.to("cpu", torch.float16)
    if not rounded.isfinite().all():
        raise TrainingError(
            f"{what} reach {float(features.abs().max()):.3g}, expected finite numbers below 65504; check the weights "
            "files, or extract with precision fp32"
        )
    return rounded
