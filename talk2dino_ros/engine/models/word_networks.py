# SPDX-License-Identifier: Apache-2.0
"""The half of a model that words go through: text encoder and projection, without which images can be segmented."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from talk2dino_ros.engine.errors import ModelError, WeightsError
from talk2dino_ros.engine.files.regular_files import user_path
from talk2dino_ros.engine.models.model_row import Checkpoints, Model
from talk2dino_ros.engine.models.projection_file import projection_sum
from talk2dino_ros.engine.options import TEXT_ENCODERS
from talk2dino_ros.engine.runtime.enough_memory import enough_memory
from talk2dino_ros.engine.text.prompt_features import PromptEncoder
from talk2dino_ros.engine.text.text_cache import TextCache
from talk2dino_ros.engine.text.text_encoder import TextEncoder
from talk2dino_ros.engine.weights.weights_files import Checkpoint, find

WITHOUT_TEXT_ENCODER = "encode the words elsewhere (`talk2dino encode`) and set vocabulary_file"


class WordNetworks:
    """Text encoder and projection on their device; each is built when it is first used.

    find_files: returns their files, or raises WeightsError; asked again for each try.
    keep_text_encoder: whether the text encoder stays in memory after it has encoded.
    projection_sum: names the projection among vocabularies, see projection_file.py.
    """

    def __init__(
        self,
        model: Model,
        find_files: Callable[[], Checkpoints],
        device: str,
        *,
        text_cache: TextCache | None = None,
        keep_text_encoder: bool = True,
    ) -> None:
        self.device = device
        self.keep_text_encoder = keep_text_encoder
        self.projection_sum = projection_sum(model)
        self._model = model
        self._find_files = find_files
        self._text_cache = text_cache

    @cached_property
    def text(self) -> PromptEncoder:
        """The text encoder with its memory, read from its file for the first prompt. Raises WeightsError."""
        model, checkpoints, cache = self._model, self._find_files(), self._text_cache
        return PromptEncoder(
            lambda: self._on_device(model.load_text_encoder(checkpoints)),
            cache=cache,
            encoding=model.text_encoding,
            files=[checkpoints[role].path for role in model.text_roles if cache is not None],
            keep=self.keep_text_encoder,
        )

    def _on_device(self, encoder: TextEncoder) -> Any:
        with enough_memory("the text encoder", self.device, WITHOUT_TEXT_ENCODER):
            return encoder.to(self.device)

    @cached_property
    def projection(self) -> Callable[[Tensor], Tensor]:
        """From text features into the space of patch features. Raises WeightsError."""
        projection: Callable[[Tensor], Tensor] = self._model.load_projection(self._find_files()).to(self.device)
        if projection_sum(self._model) != self.projection_sum:
            raise WeightsError(
                "projection_file has changed since the model was loaded, expected the same file; "
                "load the model again (cleanup and configure)"
            )
        return projection


def keeps_text_encoder(choice: str, model: Model) -> bool:
    """Whether the text encoder stays in memory with one of TEXT_ENCODERS. Raises ModelError for another choice."""
    if choice not in TEXT_ENCODERS:
        raise ModelError(f"text_encoder is {choice!r}, expected one of {', '.join(TEXT_ENCODERS)}; choose one of these")
    return model.keeps_text_encoder if choice == "auto" else choice == "keep"


def find_word_files(model: Model, weights_dir: str | Path | None = None) -> Checkpoints:
    """Find the files for words on this machine, without a network. Raises WeightsError that names all missing."""
    folder = user_path(weights_dir) if weights_dir else None
    places = [(file, find(file, folder)) for file in model.files if file.role not in model.image_roles]
    missing = [file for file, path in places if path is None]
    if missing:
        names = ", and ".join(" or ".join(file.names) or f"its {file.role}" for file in missing)
        addresses = " and ".join(dict.fromkeys(file.source.address for file in missing))
        where, there = (folder, "there") if folder else ("this machine", "into a weights_dir")
        raise WeightsError(
            f"new words need {names}, which {where} does not have; get that from {addresses} and put it {there}, or "
            "encode the words on a machine that has it (`talk2dino encode`) and set vocabulary_file"
        )
    return {file.role: Checkpoint(file, path) for file, path in places if path is not None}
