# SPDX-License-Identifier: Apache-2.0
"""An image and a vocabulary in, class ids out: Talk2DINO (arXiv 2411.19331), read this file first.

Slow once, fast often: `encode_vocabulary` runs the text encoder when the words change, `segment` runs the
image encoder for every image. A segmenter has no state that a call changes; two threads may use it.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt
import torch

from talk2dino_ros.engine.errors import ModelError, VocabularyError
from talk2dino_ros.engine.inference.canvas import check_image, patch_grid
from talk2dino_ros.engine.inference.crop_plan import Plan, make_plan, nearest_multiple
from talk2dino_ros.engine.inference.crops import CROPS_PER_BATCH
from talk2dino_ros.engine.inference.image_patches import ImagePatches, image_patches
from talk2dino_ros.engine.inference.pamr.pamr_paths import pamr_path
from talk2dino_ros.engine.inference.plain_path import PlainPath
from talk2dino_ros.engine.inference.planned_image import PlannedImage
from talk2dino_ros.engine.inference.score_smoothing import ScoreMemory, memory_per_image
from talk2dino_ros.engine.inference.scoring import Labels
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.networks import Networks
from talk2dino_ros.engine.models.word_vectors import check_encoded_by, encode_classes
from talk2dino_ros.engine.onnx.onnx_encoder import OnnxImageEncoder
from talk2dino_ros.engine.options import Options, changed_options
from talk2dino_ros.engine.runtime.enough_memory import working
from talk2dino_ros.engine.runtime.memory import release_memory
from talk2dino_ros.engine.runtime.stage_times import StageTimer, stage
from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.engine.text.prompt_features import Mapper
from talk2dino_ros.engine.vocabulary import Vocabulary

if TYPE_CHECKING:
    from talk2dino_ros.engine.inference.gpu.gpu_path import GpuPath

_LOG = logging.getLogger("talk2dino")


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What was seen.

    class_ids: uint8 [H, W], ids of the vocabulary, the unlabeled id where no class won.
    confidence: uint8 [H, W], 0 where unlabeled; else the probability x 255 of the class beside the strongest of all
        others, the background among them (see decision/): from 128, it could as well be that one, to 255.
    scores: float32 [C, h, w], the cosines at patch resolution, where asked for.
    answers: for each question (`?name`), by its id, its own confidence uint8 [H, W], 0 where it is not seen.
    patches: what the image encoder saw, whatever the words, where asked for.
    """

    class_ids: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.float32] | None = None
    answers: Mapping[int, npt.NDArray[np.uint8]] = field(default_factory=dict)
    patches: ImagePatches | None = None


class Segmenter:
    """A loaded model with its options. Make one with `load_segmenter`.

    model, options, networks: to be read, as explanation.py does, and not to be changed.
    """

    def __init__(self, model: Model, networks: Networks, options: Options) -> None:
        if options.background_cleaning and not networks.image_encoder.has_attention:
            raise ModelError(
                f"background_cleaning was asked for with {model.name}, which has no class token, expected a "
                "DINO model; switch it off"
            )
        self.model = model
        self.options = options
        self.networks = networks
        is_plain = networks.lane is None or "image" in options.plain_stages
        self._path = (PlainPath if is_plain else _gpu_path())(model, networks, options)

    @property
    def device(self) -> str:
        """Where the networks are, such as `cpu` or `cuda:0`."""
        return str(self.networks.device)

    @property
    def precision(self) -> str:
        """The image encoder's number format: fp32, bf16 or fp16."""
        return self.networks.precision

    @property
    def precision_reason(self) -> str:
        """Why it is that one, in words."""
        return self.networks.precision_reason

    @property
    def feature_space(self) -> str:
        """Name of the space that the features of `patches` and the words' vectors are in: of others none compares.

        A sum over network, weights and patch source, not over the words' projection, precision or backend. The first
        time may take as long as reading the weights files.
        """
        return self.networks.feature_space

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """The one network input (H, W) that an exported file takes; None: any."""
        encoder = self.networks.image_encoder
        return encoder.card.size if isinstance(encoder, OnnxImageEncoder) else None

    def prepare_refinement(self) -> str:
        """Compile PAMR for the device, where that was not done before; return what computes it, for a person."""
        return pamr_path(torch.device(self.device), is_plain="pamr" in self.options.plain_stages).computed_by

    def stage_timer(self) -> StageTimer:
        """Return a timer for `segment` that knows this segmenter's device."""
        if self.device == "cpu":
            return StageTimer()
        return StageTimer(lambda: torch.cuda.synchronize(self.device))

    def with_options(self, **changes: Any) -> "Segmenter":
        """Return a segmenter with other options (see `Options`) and the same networks; raise ModelError for others."""
        return Segmenter(self.model, self.networks, changed_options(self.options, changes))

    def load_text_encoder(self) -> None:
        """Load the text encoder now, and not when the first word comes that the text cache does not know."""
        _ = self.networks.text.encoder

    @property
    def keeps_text_encoder(self) -> bool:
        """Whether the text encoder stays in memory after it has encoded."""
        return self.networks.keep_text_encoder

    def encode_vocabulary(
        self, classes: Sequence[str], known: Vocabulary | Sequence[Vocabulary] | None = None, mapper: Mapper = map
    ) -> Vocabulary:
        """Turn words (see `class_entries.parse_classes` for their syntax) into vectors; takes seconds on a CPU.

        known: vocabularies of this model, such as `load_vocabulary` returns; what they have is not encoded again.
        mapper: runs the text encoder on a part of the prompts at a time; `map`, or one that lets others go first.
        Raises VocabularyError for words that cannot become a vocabulary, WeightsError where the text encoder is
        needed and not there.
        """
        known = [known] if isinstance(known, Vocabulary) else known or ()
        for each in known:
            self._check_vocabulary(each)
        return encode_classes(parse_classes(classes), self.model, self.networks, known, mapper)

    def load_vocabulary(self, path: str | Path) -> Vocabulary:
        """Read a file of `talk2dino encode`, or of `Vocabulary.save`; needs no text encoder.

        Raises VocabularyError, also where another model or projection has encoded it.
        """
        vocabulary = Vocabulary.load(path)
        check_encoded_by(vocabulary, self.model, self.networks.projection_sum, str(path))
        return vocabulary

    @overload
    def segment(
        self,
        rgb: npt.NDArray[np.uint8],
        vocabulary: Vocabulary,
        return_scores: bool = False,
        timer: StageTimer | None = None,
        memory: ScoreMemory | None = None,
        *,
        return_patches: bool = False,
    ) -> Segmentation: ...
    @overload
    def segment(
        self,
        rgb: Sequence[npt.NDArray[np.uint8]],
        vocabulary: Vocabulary,
        return_scores: bool = False,
        timer: StageTimer | None = None,
        memory: Sequence[ScoreMemory | None] | None = None,
        *,
        return_patches: bool | Sequence[bool] = False,
    ) -> list[Segmentation]: ...

    def segment(
        self,
        rgb: npt.NDArray[np.uint8] | Sequence[npt.NDArray[np.uint8]],
        vocabulary: Vocabulary,
        return_scores: bool = False,
        timer: StageTimer | None = None,
        memory: ScoreMemory | Sequence[ScoreMemory | None] | None = None,
        *,
        return_patches: bool | Sequence[bool] = False,
    ) -> Segmentation | list[Segmentation]:
        """Segment one image, or a list of images (of any sizes) in one batch.

        rgb: uint8 [H, W, 3] RGB. The result has the image's size. timer: gets the stages' times; see `stage_timer`.
        memory: the camera's, one per image of a list, for `score_smoothing`; without it each image stands alone.
        return_patches: whether the result has `patches`; for a list also one for each image.
        Raises ImageError for an array of another kind, VocabularyError for a vocabulary of another model.
        """
        images = [rgb] if isinstance(rgb, np.ndarray) else list(rgb)
        for image in images:
            check_image(image)
        self._check_vocabulary(vocabulary)
        memories = memory_per_image(memory, len(images), self.options.score_smoothing)
        asked = _one_each(return_patches, len(images))
        planned = [
            PlannedImage(image, self.plan((image.shape[0], image.shape[1])), own, return_scores, patches)
            for image, own, patches in zip(images, memories, asked, strict=True)
        ]
        with working(self.device):
            results = self._segment_within_memory(planned, vocabulary, timer)
        for own in filter(None, memories):
            own.keep()
        return results[0] if isinstance(rgb, np.ndarray) else results

    def _segment_within_memory(
        self, images: list[PlannedImage], vocabulary: Vocabulary, timer: StageTimer | None
    ) -> list[Segmentation]:
        """Segment in one batch; where the device's memory is too small for it, once more image by image."""
        try:
            return self._segment_batch(images, vocabulary, timer)
        except torch.OutOfMemoryError:
            _LOG.warning("%s has too little memory for one batch; images and windows go one by one", self.device)
        release_memory()  # not in the handler, where the traceback still holds the batch's tensors
        try:
            return [self._segment_batch([image], vocabulary, timer, at_once=1)[0] for image in images]
        except torch.OutOfMemoryError as error:
            height, width = images[0].size
            raise ModelError(
                f"{self.device} has too little memory for an image of {width}x{height} and "
                f"{len(vocabulary.classes)} classes, also one window at a time, expected it to fit; choose a smaller "
                "input_size or refine_pixels, refine none, precision fp16 or a smaller model"
            ) from error

    @torch.inference_mode()
    def _segment_batch(
        self,
        images: list[PlannedImage],
        vocabulary: Vocabulary,
        timer: StageTimer | None,
        at_once: int = CROPS_PER_BATCH,
    ) -> list[Segmentation]:
        labels = self._path(images, vocabulary, timer, at_once)
        with stage(timer, "download"):
            return [self._downloaded(*each, vocabulary) for each in zip(images, labels, strict=True)]

    def plan(self, size: tuple[int, int]) -> Plan:
        """Return which parts of an image of `size` (H, W) the network sees, and at what size."""
        options, patch_size = self.options, self.networks.image_encoder.patch_size
        base = nearest_multiple(options.input_size or self.model.base_size, patch_size)
        limit = options.refine_pixels if options.refine != "none" else None
        share = options.window_share or self.model.window_share
        return make_plan(options.input, size, base, patch_size, limit, window_share=share)

    def _downloaded(self, image: PlannedImage, labels: Labels, vocabulary: Vocabulary) -> Segmentation:
        class_ids, confidence = labels.mask.cpu().numpy()
        patch_size = self.networks.image_encoder.patch_size
        scores = patch_grid(labels.cosines, image.plan, patch_size) if image.wants_scores else None
        pairs = zip(vocabulary.ids, vocabulary.classes, strict=True)
        ids = (class_id for class_id, entry in pairs if entry.question)
        answers = {each: answer.cpu().numpy() for each, answer in zip(ids, labels.answers, strict=True)}
        patches = image_patches(labels.patch_features, image.plan, image.size) if image.wants_patches else None
        return Segmentation(class_ids, confidence, scores, answers, patches)

    def _check_vocabulary(self, vocabulary: Vocabulary) -> None:
        check_encoded_by(vocabulary, self.model, self.networks.projection_sum)
        if self.options.window_scores == "softmax" and vocabulary.thresholds():
            raise VocabularyError(
                f"{counted(len(vocabulary.thresholds()), 'class has', 'classes have')} a threshold with window_scores "
                "'softmax', expected none, as its shares of the classes are no scores; leave the thresholds out or "
                "choose sigmoid"
            )


def _gpu_path() -> "type[GpuPath]":
    from talk2dino_ros.engine.inference.gpu.gpu_path import GpuPath  # a start on a CPU need not wait for it

    return GpuPath


def _one_each(return_patches: bool | Sequence[bool], image_count: int) -> list[bool]:
    asked = [return_patches] * image_count if isinstance(return_patches, bool) else list(return_patches)
    if len(asked) != image_count:
        raise ModelError(
            f"return_patches has {counted(len(asked), 'value')} for {counted(image_count, 'image')}, expected one, or "
            "one for each; correct the call"
        )
    return asked
