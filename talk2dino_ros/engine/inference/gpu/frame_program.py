# SPDX-License-Identifier: Apache-2.0
"""What is computed on a GPU for a batch of images of one size, from uint8 pixels to uint8 labels.

Shapes are fixed, no value is read and nothing comes from the host, so that it can be recorded as one graph. Its results
are those of scoring.py; no class is pruned, as which ones can win would have to be read.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from talk2dino_ros.engine.inference.background_cleaning import clean_background
from talk2dino_ros.engine.inference.canvas import averaged, cut, resized, upsampled
from talk2dino_ros.engine.inference.crop_plan import Plan
from talk2dino_ros.engine.inference.decision.decision_batch import decide, prepare_decision
from talk2dino_ros.engine.inference.decision.decision_table import ABSENT, DecisionTable
from talk2dino_ros.engine.inference.gpu.gpu_words import GpuWords, WordShape
from talk2dino_ros.engine.inference.pamr import pamr
from talk2dino_ros.engine.inference.pamr.pamr_plain import pamr_plain
from talk2dino_ros.engine.inference.scoring import patch_cosines, plain_cosines
from talk2dino_ros.engine.models.networks import Networks
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.runtime.stage_times import StageTimer, stage


class FrameShape(NamedTuple):
    """All that fixes a program's shapes: images in the batch, their size (H, W), the uploaded pixels' size, the plan,
    the words' shape, and how many crops are computed at once.
    """

    images: int
    size: tuple[int, int]
    pixels: tuple[int, int]
    plan: Plan
    words: WordShape
    at_once: int


class FrameInputs(NamedTuple):
    """What is written before each run. pixels: uint8 [B, H, W, 3] RGB.

    means: float32 [B, n, P, h, w], the cameras' remembered scores of n crops; shares: float32 [B, 1, 1, 1, 1], their
    shares in the new ones, 0 where nothing is remembered; None without smoothing.
    """

    pixels: Tensor
    words: GpuWords
    means: Tensor | None
    shares: Tensor | None


class FrameOutputs(NamedTuple):
    """labels: uint8 [2, K, B, H, W], class ids and confidence for each ballot.

    features: float32 [B, n, D, h, w], as the encoder gave them. cosines: float32 [B, n, P, h, w].
    scores: float32 [B, n, P, h, w], what a camera's memory is to remember; None without smoothing.
    """

    labels: Tensor
    features: Tensor
    cosines: Tensor
    scores: Tensor | None


@dataclass(frozen=True)
class FrameProgram:
    """Kernels from `inputs`, which stay where they are, to FrameOutputs. options: those of the segmenter."""

    networks: Networks
    options: Options
    shape: FrameShape
    embedding_size: int
    inputs: FrameInputs = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", self._empty_inputs())
        prepare_decision(self.inputs.pixels.device)

    @property
    def network(self) -> object:
        """What images of this size are encoded with: a graph reads its buffers as long as it is there."""
        return self.networks.image_encoder.at_size(self.shape.plan.network)

    def __call__(self, timer: StageTimer | None = None) -> FrameOutputs:
        """Compute; timer: gets the stages' times, and waits around each of them."""
        with stage(timer, "upload"):
            canvas = self._canvas()
            crops = self._crops(canvas)
        with stage(timer, "backbone"):
            features, attention = self._encoded(crops)
        with stage(timer, "score"):
            cosines = self._cosines(features)
            scores = self._smoothed(self._scores(cosines, features, attention))
        with stage(timer, "refine"):
            large = self._stitched(self._refined(scores, canvas))
        with stage(timer, "decide"):
            labels = self._decided(large)
        mixed = None if self.inputs.means is None else self._by_image(scores)
        return FrameOutputs(labels, self._by_image(features), self._by_image(cosines), mixed)

    def _empty_inputs(self) -> FrameInputs:
        shape, device = self.shape, torch.device(self.networks.device)
        words = GpuWords.empty(shape.words, self.embedding_size, device)
        pixels = torch.empty(shape.images, *shape.pixels, 3, dtype=torch.uint8, device=device)
        if not self.options.score_smoothing:
            return FrameInputs(pixels, words, None, None)
        h, w = (side // self.networks.image_encoder.patch_size for side in shape.plan.network)
        means = torch.zeros(shape.images, len(shape.plan.crops), len(words.embeddings), h, w, device=device)
        return FrameInputs(pixels, words, means, torch.zeros(shape.images, 1, 1, 1, 1, device=device))

    def _canvas(self) -> Tensor:
        """Return the canvases: float32 [B, 3, H, W] RGB 0..1."""
        pixels = self.inputs.pixels.permute(0, 3, 1, 2)
        return resized(pixels.to(torch.float32, memory_format=torch.contiguous_format) / 255, self.shape.plan.canvas)

    def _crops(self, canvas: Tensor) -> Tensor:
        """Cut float32 [B * n, 3, h, w], each image's crops one after the other; from here on all is by crop."""
        return resized(self._cut(canvas), self.shape.plan.network)

    def _cut(self, canvas: Tensor) -> Tensor:
        crops = self.shape.plan.crops
        if len(crops) == 1:
            return cut(canvas, crops[0])
        return torch.stack([cut(canvas, crop) for crop in crops], dim=1).flatten(0, 1)

    def _encoded(self, crops: Tensor) -> tuple[Tensor, Tensor | None]:
        cleaning = self.options.background_cleaning
        parts = [self.networks.image_encoder(some, return_attention=cleaning) for some in self._some(crops)]
        features = _joined([part.patch_features for part in parts]).float()
        attentions = [part.cls_attention for part in parts if part.cls_attention is not None]
        return features, _joined(attentions).float() if attentions else None

    def _some(self, values: Tensor) -> tuple[Tensor, ...]:
        some: tuple[Tensor, ...] = values.split(self.shape.at_once)
        return some

    def _cosines(self, features: Tensor) -> Tensor:
        """Compute the questions' apart, so that those of the mask's classes keep their bits."""
        blocks = [block for block in self._blocks(self.inputs.words.embeddings, 0) if len(block)]
        cosines_of = plain_cosines if "scores" in self.options.plain_stages else patch_cosines
        return _joined([cosines_of(features, block) for block in blocks], dim=1)

    def _blocks(self, values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
        first, second = values.split([self.shape.words.in_mask, self.shape.words.questions], dim=dim)
        return first, second

    def _scores(self, cosines: Tensor, features: Tensor, attention: Tensor | None) -> Tensor:
        if self.options.window_scores == "softmax":
            return cosines
        scores = torch.sigmoid(cosines)
        if attention is None:
            return scores
        embeddings = self.inputs.words.embeddings
        cleaned = clean_background(scores, features, attention, embeddings)
        if not self.shape.words.questions:
            return cleaned
        # cleaning weighs a class beside all others: those of the mask shall not know of questions
        (scores, _), (embeddings, _), (_, asked) = (
            self._blocks(scores, 1),
            self._blocks(embeddings, 0),
            self._blocks(cleaned, 1),
        )
        return torch.cat([clean_background(scores, features, attention, embeddings), asked], dim=1)

    def _smoothed(self, scores: Tensor) -> Tensor:
        means, shares = self.inputs.means, self.inputs.shares
        if means is None or shares is None:
            return scores
        mixed: Tensor = self._by_image(scores).lerp(means, shares).flatten(0, 1)
        return mixed

    def _by_image(self, values: Tensor) -> Tensor:
        parts: Tensor = values.unflatten(0, (self.shape.images, len(self.shape.plan.crops)))
        return parts

    def _refined(self, scores: Tensor, canvas: Tensor) -> Tensor:
        """Refine scores along the image's edges, where asked for; windows' at the windows' size, to be averaged."""
        options, size = self.options, self._crop_size
        if options.window_scores == "softmax":
            return F.interpolate(scores, size, mode="bilinear")
        if options.refine == "none":
            return upsampled(scores, size) if options.input == "slide" else scores
        refine = pamr_plain if "pamr" in options.plain_stages else pamr
        pairs = zip(self._some(scores), self._some(self._cut(canvas)), strict=True)
        return _joined([refine(pixels, some, self.inputs.words.count) for some, pixels in pairs])

    @property
    def _crop_size(self) -> tuple[int, int]:
        crop = self.shape.plan.crops[0]
        return crop.height, crop.width

    def _stitched(self, values: Tensor) -> Tensor:
        """Put crops on their canvas: [B, P, H, W]; what becomes shares of the classes is kept by crop."""
        if len(self.shape.plan.crops) == 1 or self.options.window_scores == "softmax":
            return values
        return averaged(self._by_image(values).unbind(dim=1), self.shape.plan)

    def _decided(self, scores: Tensor) -> Tensor:
        options, words = self.options, self.inputs.words
        if options.window_scores == "softmax":  # whose share is what, depends on who is on the ballot
            ballots = [words.ballot(number) for number in range(self.shape.words.ballots)]
            return _joined([self._decided_by(one, self._voted(scores, one), False) for one in ballots], dim=1)
        return self._decided_by(words.table, scores, options.refine == "none" and options.input != "slide")

    def _decided_by(self, table: DecisionTable, scores: Tensor, align_corners: bool) -> Tensor:
        is_plain = "decision" in self.options.plain_stages
        return decide(scores, self.shape.size, table, align_corners=align_corners, is_plain=is_plain)

    def _voted(self, cosines: Tensor, ballot: DecisionTable) -> Tensor:
        """See scoring.py's `voted`; what is not on the ballot has no share."""
        absent = (ballot.ids[0] == ABSENT)[:, None, None]
        shares = cosines.masked_fill(absent, -torch.inf).softmax(dim=1) / 2
        return averaged(self._by_image(shares).unbind(dim=1), self.shape.plan)


def _joined(parts: list[Tensor], dim: int = 0) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=dim)
