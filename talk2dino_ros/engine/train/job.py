# SPDX-License-Identifier: Apache-2.0
"""Train a projection file from images with captions: extract, train, write. Each part goes on where it was stopped."""

import os
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.files.atomic_write import file_to_replace
from talk2dino_ros.engine.files.regular_files import user_path
from talk2dino_ros.engine.models.projection_file import projection_bytes
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.runtime.devices import resolve_device
from talk2dino_ros.engine.train.captions import SPLITS, Split, open_captions
from talk2dino_ros.engine.train.curves import open_curves
from talk2dino_ros.engine.train.distributed import Ranks, open_ranks
from talk2dino_ros.engine.train.features.cluster import extract_on_cluster
from talk2dino_ros.engine.train.features.extract import extract
from talk2dino_ros.engine.train.features.frozen import open_frozen
from talk2dino_ros.engine.train.features.store import FeatureStore, open_store
from talk2dino_ros.engine.train.features.store_folder import write_atomically
from talk2dino_ros.engine.train.pairs import Pairs
from talk2dino_ros.engine.train.recipe import Recipe
from talk2dino_ros.engine.train.trainer import Learned, Trainer


@dataclass(frozen=True)
class Job:
    """Checked arguments of `talk2dino train` for the method `infonce`.

    data: folder or shard with images and captions. output: the projection file, .safetensors; the checkpoint lies
    beside it. store: folder for the features. device, weights_dir: as `load_segmenter` takes them.
    threads: that decode images, 0: one a core. cluster: a Ray cluster's address, or `local`; '': this process extracts.
    fresh, fresh_store: do not go on with a checkpoint, with features, of an earlier run.
    """

    recipe: Recipe
    data: Path
    output: Path
    store: Path
    device: str = "auto"
    weights_dir: Path | None = None
    threads: int = 0
    cluster: str = ""
    tensorboard: Path | None = None
    fresh: bool = False
    fresh_store: bool = False
    extract_only: bool = False

    @property
    def checkpoint(self) -> Path:
        """Path of the checkpoint."""
        return self.output.with_suffix(".checkpoint.safetensors")

    def run(self) -> None:
        """Extract, train and write; print the results. Raises TrainingError, WeightsError, ModelError."""
        if not self.extract_only:
            _check_output(self.output)
        try:
            self._run()
        except torch.OutOfMemoryError as error:
            raise TrainingError(
                f"the GPU's memory is full ({str(error).partition('. ')[0]}), expected room for the store's features "
                "and a batch; lower batch or validation_images, or train with --device cpu"
            ) from error

    def _run(self) -> None:
        with open_ranks(resolve_device(self.device)) as (ranks, device):
            splits = ranks.first_alone(lambda: self._extract(device))
            if self.extract_only:
                return
            stores = {split: open_store(self.store / split, device=device) for split in splits}
            learned = self._train(stores, ranks)
            if ranks.is_first:
                self._write(learned, stores)

    def _extract(self, device: str) -> list[Split]:
        """Fill a store for each split that the data have; returns their names."""
        model = find_model(self.recipe.model)
        if not model.has_projection:
            raise TrainingError(
                f"{model.name} has no projection to learn, expected a model of Talk2DINO; name one in the recipe"
            )
        captions = {split: found for split in SPLITS if (found := open_captions(self.data, split))}
        if "train" not in captions:
            raise TrainingError(f"{self.data} has no training split, expected one; name another folder")
        if "val" not in captions:
            print(f"{self.data} has no validation split, so that nothing is validated")
            self.recipe.check_without_validation()
        open_model = partial(
            open_frozen,
            model,
            device=self.device if self.cluster else device,  # `auto` is for each worker to find out
            precision=self.recipe.precision,
            # a cluster's workers are in folders of their own
            weights_dir=self.weights_dir and user_path(self.weights_dir).absolute(),
        )
        options: dict[str, Any] = {
            "input_size": self.recipe.input_size or model.base_size,
            "threads": self.threads,
            "fresh": self.fresh_store,
        }
        own = None if self.cluster else open_model()  # once: it reads the weights for their sums
        for split, found in captions.items():
            folder = self.store / split
            if own is None:
                report = extract_on_cluster(found, open_model, folder, address=self.cluster, **options)
            else:
                report = extract(found, own, folder, **options)
            print(f"{split}: {report}")
        return list(captions)

    def _train(self, stores: dict[Split, FeatureStore], ranks: Ranks) -> Learned:
        pairs = {split: Pairs.of(store, self.recipe.head_choice, store.device) for split, store in stores.items()}
        trainer = Trainer(
            self.recipe,
            pairs["train"],
            pairs.get("val"),
            checkpoint=self.checkpoint,
            subject={split: _subject_of(store) for split, store in stores.items()},
            ranks=ranks,
            fresh=self.fresh,
        )
        if trainer.step and ranks.is_first:
            print(f"training goes on from step {trainer.step}, epoch {trainer.epoch}")
        with open_curves(self.tensorboard if ranks.is_first else None, trainer.step) as trainer.note:
            return trainer.run()

    def _write(self, learned: Learned, stores: dict[Split, FeatureStore]) -> None:
        key = stores["train"].key
        figures = next((each for each in learned.history[::-1] if each["epoch"] == learned.epoch), None)
        card = {
            "model": key.model,
            "image_sum": key.image_sum,
            "text_sum": key.text_sum,
            "captions_sum": key.captions_sum,
            "images": len(stores["train"].keys),
            "recipe": asdict(self.recipe),
            "epoch": learned.epoch,
            "step": learned.step,
            "validation": figures,
        }
        write_atomically(self.output, projection_bytes(learned.state, card))
        print(f"the projection is that of epoch {learned.epoch}{_said(figures)}")
        print(f"written to {self.output}; `--projection-file {self.output}` makes the other commands use it")


def _subject_of(store: FeatureStore) -> dict[str, Any]:
    """Return what a training depends on: an image that was repaired changes the order of all captions."""
    return {**asdict(store.key), "captions": len(store.text), "skipped": sorted(store.skipped)}


def _said(figures: dict[str, float] | None) -> str:
    if figures is None:
        return ""
    shares = (
        f"{way.replace('_', ' ')} {100 * figures[f'{way}_1']:.1f} % first, {100 * figures[f'{way}_5']:.1f} % in five"
        for way in ("text_to_image", "image_to_text")
    )
    return f": validation loss {figures['loss']:.4f}, {'; '.join(shares)}"


def _check_output(output: Path) -> None:
    """Refuse the output before hours of work."""
    if output.suffix != ".safetensors":
        raise TrainingError(f"--output is {output}, expected a file that ends in .safetensors; name one")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{output.parent} cannot be made ({error}), expected a folder; name another") from error
    try:
        file_to_replace(output)
    except OSError as error:
        raise TrainingError(
            f"--output is {output} ({error.strerror}), expected a file that ends in .safetensors; name one"
        ) from error
    if not os.access(output.parent, os.W_OK):
        raise TrainingError(f"{output.parent} cannot be written to, expected a folder of your own; name another")
