# SPDX-License-Identifier: Apache-2.0
"""Encode prompts: from the text cache where it knows them, else by the text encoder."""

import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.files.checksums import check_unchanged, file_state
from talk2dino_ros.engine.runtime.memory import release_memory, trim_memory
from talk2dino_ros.engine.text.text_cache import PromptFeatures, TextCache, TextCacheError
from talk2dino_ros.engine.text.text_encoder import TextEncoder

Features = dict[str, PromptFeatures]
Vectors = npt.NDArray[np.float32]
# Calls the function with each list, in order, as the built-in `map` does; another may wait for its turn in between.
Mapper = Callable[[Callable[[list[str]], Vectors], Sequence[list[str]]], Iterable[Vectors]]
PROMPTS_AT_ONCE = 32  # fewer take CLIP's text tower longer in all on a CPU, more do not make it faster


class PromptEncoder:
    """A text encoder with a memory. The encoder is loaded for the first prompt that the cache does not know.

    load: builds the encoder on its device. cache: None: every prompt is encoded each time.
    encoding, files: what the features depend on beside the prompt; `Model.text_encoding`, and the encoder's files.
    keep: whether the encoder stays in memory after it has encoded.
    """

    def __init__(
        self,
        load: Callable[[], TextEncoder],
        *,
        cache: TextCache | None,
        encoding: str,
        files: Sequence[Path],
        keep: bool = True,
    ) -> None:
        self.keep = keep
        self._load = load
        self._encoder: TextEncoder | None = None
        self._cache = cache
        self._encoding = encoding
        self._states = {path: file_state(path) for path in files}
        self._key = ""
        self._said: set[str] = set()

    @property
    def encoder(self) -> TextEncoder:
        """The text encoder, in float32, loaded where it is not. Raises WeightsError."""
        if self._encoder is None:
            encoder = self._load()
            self._check_files()
            self._encoder = encoder
        return self._encoder

    @property
    def is_loaded(self) -> bool:
        """Whether the text encoder is in memory."""
        return self._encoder is not None

    def encode(self, prompts: Sequence[str], mapper: Mapper = map) -> tuple[Features, list[str]]:
        """Return the features of each prompt, and warnings for the user. Raises WeightsError.

        A cache that cannot be used is a warning, once: the words matter more.
        mapper: runs the encoder's own computation, a part of the prompts at a time, and nothing beside it.
        """
        if self._cache is None:
            return self._encoded(prompts, mapper), []
        try:
            known = self._cache.read(self._cache_key(self._cache), prompts)
        except TextCacheError as error:
            return self._encoded(prompts, mapper), self._once(error)
        new = [prompt for prompt in prompts if prompt not in known]
        if not new:
            return known, []
        features = self._encoded(new, mapper)
        return known | features, self._remember(self._cache, features)

    def _encoded(self, prompts: Sequence[str], mapper: Mapper) -> Features:
        prompts = sorted(prompts, key=len)  # an encoder pads all to the longest
        try:
            parts = list(mapper(_encode_with(self.encoder), _parts(prompts)))
            cut = self.encoder.truncated(prompts)
        finally:
            self._free_if_not_kept()
        vectors = [vector for part in parts for vector in part]
        return {prompt: PromptFeatures(*each) for prompt, *each in zip(prompts, vectors, cut, strict=True)}

    def _free_if_not_kept(self) -> None:
        if self.keep or self._encoder is None:
            return
        left = weakref.ref(self._encoder)
        self._encoder = None
        if left() is None:
            trim_memory()
        else:  # the first import of a library can leave a cycle that holds it; else no image has to wait
            release_memory()

    def _remember(self, cache: TextCache, features: Features) -> list[str]:
        try:
            cache.write(self._cache_key(cache), features)
        except TextCacheError as error:
            return self._once(error)
        return []

    def _once(self, error: TextCacheError) -> list[str]:
        new = {str(error)} - self._said
        self._said |= new
        return list(new)

    def _cache_key(self, cache: TextCache) -> str:
        """Name the encoder by its files' contents. Raises TextCacheError."""
        if not self._key:
            sums = [cache.sum_of(path) for path in self._states]
            self._check_files()
            self._key = " ".join([self._encoding, *sums])
        return self._key

    def _check_files(self) -> None:
        """Raise WeightsError where a file was replaced: known and new words would be of two encoders."""
        check_unchanged(self._states)


def _encode_with(encoder: TextEncoder) -> Callable[[list[str]], Vectors]:
    return lambda prompts: encoder.encode(prompts).cpu().numpy()


def _parts(prompts: list[str]) -> list[list[str]]:
    return [prompts[start : start + PROMPTS_AT_ONCE] for start in range(0, len(prompts), PROMPTS_AT_ONCE)]
