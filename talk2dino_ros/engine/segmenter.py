# SPDX-License-Identifier: Apache-2.0
"""An image and a vocabulary in, class ids out: Talk2DINO (arXiv 2411.19331), read this file first.

Slow once, fast often: `encode_vocabulary` runs the text encoder when the words change, `segment` runs the
image encoder for every image. A segmenter has no state that a call changes; two threads may use it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt
import torch

from talk2dino_ros.engine.canvas import check_image, make_canvas, patch_grid
from talk2dino_ros.engine.checkpoints import Model, find_model
from talk2dino_ros.engine.crops import CROPS_PER_BATCH, encode_crops
from talk2dino_ros.engine.cuda_graphs import check_can_record
from talk2dino_ros.engine.devices import resolve_device, resolve_precision
from talk2dino_ros.engine.embeddings import encode_classes
from talk2dino_ros.engine.errors import ModelError, VocabularyError
from talk2dino_ros.engine.inputs import Plan, make_plan, nearest_multiple
from talk2dino_ros.engine.labelling import Labelling, View, Words
from talk2dino_ros.engine.memory import release_memory
from talk2dino_ros.engine.networks import Networks, load_networks
from talk2dino_ros.engine.onnx_encoder import OnnxImageEncoder, open_backend
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.patch_source import with_patch_source
from talk2dino_ros.engine.score_memory import ScoreMemory, memory_per_image
from talk2dino_ros.engine.stages import StageTimer, stage
from talk2dino_ros.engine.text_cache import open_text_cache
from talk2dino_ros.engine.vocabulary import UNLABELED_ID, Vocabulary, parse_classes

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What was seen.

    class_ids: uint8 [H, W], ids of the vocabulary, the unlabeled id where no class won.
    confidence: uint8 [H, W], probability x 255, 0 where unlabeled.
    scores: float32 [C, h, w], the cosines at patch resolution, where asked for.
    """

    class_ids: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.float32] | None = None


class Segmenter:
    """A loaded model with its options. Make one with `load_segmenter`."""

    def __init__(self, model: Model, networks: Networks, options: Options) -> None:
        if options.background_cleaning and not networks.image_encoder.has_attention:
            raise ModelError(
                f"background_cleaning was asked for with {model.name}, which has no class token; switch it off"
            )
        self.model = model
        self.options = options
        self._networks = networks
        self._label = Labelling(model, options)

    @property
    def device(self) -> str:
        """Where the networks are, such as `cpu` or `cuda:0`."""
        return str(self._networks.device)

    @property
    def precision(self) -> str:
        """The image encoder's number format: fp32, bf16 or fp16."""
        return self._networks.precision

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """The one network input (H, W) that an exported file takes; None: any."""
        encoder = self._networks.image_encoder
        return encoder.card.size if isinstance(encoder, OnnxImageEncoder) else None

    def stage_timer(self) -> StageTimer:
        """Return a timer for `segment` that knows this segmenter's device."""
        if self.device == "cpu":
            return StageTimer()
        return StageTimer(lambda: torch.cuda.synchronize(self.device))

    def with_options(self, **changes: object) -> "Segmenter":
        """Return a segmenter with other options (see `Options`) and the same networks."""
        return Segmenter(self.model, self._networks, replace(self.options, **changes))  # type: ignore[arg-type]

    def load_text_encoder(self) -> None:
        """Load the text encoder now, and not when the first word comes that the text cache does not know."""
        _ = self._networks.text.encoder

    def encode_vocabulary(self, classes: Sequence[str]) -> Vocabulary:
        """Turn words (see `vocabulary.parse_classes` for their syntax) into vectors; takes seconds on a CPU.

        Raises VocabularyError for words that cannot become a vocabulary.
        """
        return encode_classes(parse_classes(classes), self.model, self._networks)

    @overload
    def segment(
        self,
        rgb: npt.NDArray[np.uint8],
        vocabulary: Vocabulary,
        return_scores: bool = False,
        timer: StageTimer | None = None,
        memory: ScoreMemory | None = None,
    ) -> Segmentation: ...
    @overload
    def segment(
        self,
        rgb: Sequence[npt.NDArray[np.uint8]],
        vocabulary: Vocabulary,
        return_scores: bool = False,
        timer: StageTimer | None = None,
        memory: Sequence[ScoreMemory | None] | None = None,
    ) -> list[Segmentation]: ...

    def segment(
        self,
        rgb: npt.NDArray[np.uint8] | Sequence[npt.NDArray[np.uint8]],
        vocabulary: Vocabulary,
        return_scores: bool = False,
        timer: StageTimer | None = None,
        memory: ScoreMemory | Sequence[ScoreMemory | None] | None = None,
    ) -> Segmentation | list[Segmentation]:
        """Segment one image, or a list of images (of any sizes) in one batch.

        rgb: uint8 [H, W, 3] RGB. The result has the image's size. timer: gets the stages' times; see `stage_timer`.
        memory: the camera's, one per image of a list, for `score_smoothing`; without it each image stands alone.
        Raises ImageError for an array of another kind, VocabularyError for a vocabulary of another model.
        """
        images = [rgb] if isinstance(rgb, np.ndarray) else list(rgb)
        for image in images:
            check_image(image)
        self._check_vocabulary(vocabulary)
        memories = memory_per_image(memory, len(images), self.options.score_smoothing)
        results = self._segment_within_memory(images, vocabulary, return_scores, timer, memories)
        for own in filter(None, memories):
            own.keep()
        return results[0] if isinstance(rgb, np.ndarray) else results

    def _segment_within_memory(
        self,
        images: list[npt.NDArray[np.uint8]],
        vocabulary: Vocabulary,
        return_scores: bool,
        timer: StageTimer | None,
        memories: list[ScoreMemory | None],
    ) -> list[Segmentation]:
        """Segment in one batch; where the device's memory is too small for it, once more image by image."""
        try:
            return self._segment_batch(images, vocabulary, return_scores, timer, memories=memories)
        except torch.OutOfMemoryError:
            _LOG.warning("%s has too little memory for one batch; images and windows go one by one", self.device)
        release_memory()  # not in the handler, where the traceback still holds the batch's tensors
        try:
            return [
                self._segment_batch([image], vocabulary, return_scores, timer, memories=[memory], at_once=1)[0]
                for image, memory in zip(images, memories, strict=True)
            ]
        except torch.OutOfMemoryError as error:
            raise ModelError(
                f"{self.device} has too little memory for an image of {images[0].shape[1]}x{images[0].shape[0]} and "
                f"{len(vocabulary.classes)} classes, also one window at a time, expected it to fit; choose a smaller "
                "input_size or refine_pixels, refine none, precision fp16 or a smaller model"
            ) from error

    @torch.inference_mode()
    def _segment_batch(
        self,
        images: list[npt.NDArray[np.uint8]],
        vocabulary: Vocabulary,
        return_scores: bool,
        timer: StageTimer | None,
        *,
        memories: list[ScoreMemory | None],
        at_once: int = CROPS_PER_BATCH,
    ) -> list[Segmentation]:
        sizes = [(image.shape[0], image.shape[1]) for image in images]
        plans = [self._plan(size) for size in sizes]
        with stage(timer, "upload"):
            words = Words.of(vocabulary, self.options.unlabeled_id, self.device)
            canvases = [make_canvas(image, plan, self.device) for image, plan in zip(images, plans, strict=True)]
        with stage(timer, "backbone"):
            cleaning = self.options.background_cleaning
            features = encode_crops(self._networks, canvases, plans, return_attention=cleaning, at_once=at_once)
        views = [View(*parts) for parts in zip(sizes, plans, canvases, features, memories, strict=True)]
        return [self._segment_one(view, words, return_scores, timer) for view in views]

    def _plan(self, size: tuple[int, int]) -> Plan:
        options, patch_size = self.options, self._networks.image_encoder.patch_size
        base = nearest_multiple(options.input_size or self.model.base_size, patch_size)
        limit = options.refine_pixels if options.refine != "none" else None
        return make_plan(options.input, size, base, patch_size, limit, window_share=self.model.window_share)

    def _segment_one(self, view: View, words: Words, return_scores: bool, timer: StageTimer | None) -> Segmentation:
        decided, cosines = self._label(view, words, timer)
        with stage(timer, "download"):
            class_ids, confidence = decided.cpu().numpy()
            patch_size = self._networks.image_encoder.patch_size
            scores = patch_grid(cosines, view.plan, patch_size) if return_scores else None
            return Segmentation(class_ids, confidence, scores)

    def _check_vocabulary(self, vocabulary: Vocabulary) -> None:
        width = self.model.embedding_size
        if vocabulary.embeddings.shape[1] != width or vocabulary.model not in ("", self.model.name):
            raise VocabularyError(
                f"the vocabulary was encoded by {vocabulary.model or 'another model'} "
                f"with {vocabulary.embeddings.shape[1]} values per class, "
                f"expected {self.model.name} with {width}; encode the words with this model"
            )


def load_segmenter(
    name: str,
    *,
    device: str = "auto",
    precision: str = "auto",
    weights_dir: str | Path | None = None,
    input: str = "square",
    refine: str = "none",
    background: float | None = None,
    background_cleaning: bool = False,
    unlabeled_id: int = UNLABELED_ID,
    input_size: int = 0,
    refine_pixels: int = Options.refine_pixels,
    score_smoothing: float = 0.0,
    text_cache_dir: str | Path = "",
    backend: str = "torch",
    onnx_file: str | Path | None = None,
    cuda_graphs: bool = False,
    patch_source: str = "",
) -> Segmenter:
    """Load a model by name, such as `talk2dino_vitb` or `mini`; the options are those of `Options`.
    `**PRESETS["fast"]` (engine/presets.py) gives a handful of them by name.

    device: auto (cuda if there is one), cpu, cuda, cuda:N. precision: auto, fp32, bf16, fp16.
    weights_dir: a local folder with the published files, for robots without a network; None: the standard
    caches, filled from the network on first use.
    text_cache_dir: where the features of known words are kept; '': the user's cache folder, 'none': nowhere.
    backend: torch; or onnxruntime or tensorrt, which run the image encoder of `onnx_file`, a file of
    `talk2dino export`.
    cuda_graphs: on a GPU with backend torch, record the image encoder's kernels once per size and start them at once.
    patch_source: for dino.txt, `head` or `backbone`, see dinotxt/image_encoder.py; '': the model's own.
    Raises ModelError for a name, device, precision or option that does not exist, WeightsError for weights.
    """
    options = Options(
        input, refine, background, background_cleaning, unlabeled_id, input_size, refine_pixels, score_smoothing
    )
    model = with_patch_source(find_model(name), patch_source)
    place = resolve_device(device)
    exported = open_backend(backend, onnx_file, model, place, precision)
    dtype = exported.dtype if exported else resolve_precision(precision, place, model)
    if cuda_graphs:
        check_can_record(place, backend)
    cache = open_text_cache(text_cache_dir)
    networks = load_networks(
        model, place, dtype, weights_dir, text_cache=cache, image_encoder=exported, cuda_graphs=cuda_graphs
    )
    return Segmenter(model, networks, options)
