# SPDX-License-Identifier: Apache-2.0
"""Run a batch of images on a GPU; read frame_program.py for what is computed.

Images of one size go together. Uploads, kernels and downloads are only started; then there is one wait for all.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from talk2dino_ros.engine.inference.crops import CROPS_PER_BATCH
from talk2dino_ros.engine.inference.decision import Decision
from talk2dino_ros.engine.inference.gpu.frame_program import FrameOutputs, FrameProgram, FrameShape
from talk2dino_ros.engine.inference.gpu.gpu_words import HostWords
from talk2dino_ros.engine.inference.planned_image import PlannedImage
from talk2dino_ros.engine.inference.resizing import resized_picture
from talk2dino_ros.engine.inference.score_smoothing import ScoredBy
from talk2dino_ros.engine.inference.scoring import Labels
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.networks import Networks
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.runtime.gpu_lane import GpuLane
from talk2dino_ros.engine.runtime.stage_times import StageTimer, stage
from talk2dino_ros.engine.vocabulary import Vocabulary

GROUP_VALUES = 1 << 27  # scores at the images' size that are refined together: 512 MiB, and PAMR has three of them


class _Prepared:
    """A program with what runs it, and whose words it has."""

    def __init__(self, program: FrameProgram, lane: GpuLane) -> None:
        self.program = program
        self._lane = lane
        self._subject: object = None
        self._run: Callable[[], FrameOutputs] | None = None
        self._network = program.network

    def set_words(self, words: HostWords, subject: object) -> None:
        """Upload words where they are others than before. subject: equal where they are the same."""
        if subject != self._subject:
            for array, tensor in zip(words.arrays, self.program.inputs.words.tensors(), strict=True):
                self._lane.upload(array, tensor)
            self._subject = subject

    def run(self, timer: StageTimer | None) -> FrameOutputs:
        """Compute, by one launch where the lane records."""
        if not self._lane.records or self.program.shape.at_once < CROPS_PER_BATCH:
            return self.program(timer)
        with stage(timer, "graph"):
            self._run = self._run or self._lane.recorded(self.program)
            return self._run()


class GpuPath:
    """From images to labels in the host's memory, for one model with its options."""

    def __init__(self, model: Model, networks: Networks, options: Options) -> None:
        assert networks.lane is not None  # else there is no GPU
        self._model = model
        self._networks = networks
        self._options = options
        self._lane = networks.lane
        self._decision = Decision(options.background, model.logit_scale, options.unlabeled_id)
        self._words: tuple[Vocabulary, HostWords] | None = None

    def __call__(
        self, images: Sequence[PlannedImage], vocabulary: Vocabulary, timer: StageTimer | None, at_once: int
    ) -> list[Labels]:
        """Label each image at its own size; cosines and patch features are there where the image wants them.

        at_once: crops that are encoded and refined together. Raises torch's OutOfMemoryError.
        """
        words = self._host_words(vocabulary)
        found: dict[int, Labels] = {}
        with self._lane.entered():
            if at_once < CROPS_PER_BATCH:
                self._lane.give_up()
            started = []
            for numbers in self._groups(images, words):
                group = [images[number] for number in numbers]
                outputs = self._started(group, words, vocabulary, timer, at_once)
                with stage(timer, "download"):
                    started.append((numbers, self._downloaded(group, outputs)))
            with stage(timer, "download"):
                self._lane.wait()
                for numbers, outputs in started:
                    found.update(zip(numbers, self._labels(outputs, words), strict=True))
        return [found[number] for number in range(len(images))]

    def _host_words(self, vocabulary: Vocabulary) -> HostWords:
        """Lay out a vocabulary, once per change."""
        known = self._words
        if known is None or known[0] is not vocabulary:
            known = self._words = (vocabulary, HostWords(vocabulary, self._decision))
        return known[1]

    def _groups(self, images: Sequence[PlannedImage], words: HostWords) -> list[list[int]]:
        """Return the numbers of images of one size and plan, as many as are computed together."""
        by_kind: dict[object, list[int]] = {}
        for number, image in enumerate(images):
            by_kind.setdefault((image.size, image.plan), []).append(number)
        values = {kind: self._values(images[numbers[0]], words) for kind, numbers in by_kind.items()}
        most = {kind: max(1, min(CROPS_PER_BATCH, GROUP_VALUES // count)) for kind, count in values.items()}
        return [
            numbers[start : start + most[kind]]
            for kind, numbers in by_kind.items()
            for start in range(0, len(numbers), most[kind])
        ]

    def _values(self, image: PlannedImage, words: HostWords) -> int:
        crops = image.plan.crops
        return len(crops) * crops[0].height * crops[0].width * words.shape.rows

    def _started(
        self,
        group: Sequence[PlannedImage],
        words: HostWords,
        vocabulary: Vocabulary,
        timer: StageTimer | None,
        at_once: int,
    ) -> FrameOutputs:
        with stage(timer, "upload"):
            prepared = self._prepared(group, words, at_once)
            prepared.set_words(words, (vocabulary, self._decision))
            self._upload(group, prepared, vocabulary)
        outputs = prepared.run(timer)
        self._remember(group, outputs, vocabulary)
        return outputs

    def _prepared(self, group: Sequence[PlannedImage], words: HostWords, at_once: int) -> _Prepared:
        first = group[0]
        pixels = first.size if self._options.resize == "antialias" else first.plan.canvas
        shape = FrameShape(len(group), first.size, pixels, first.plan, words.shape, at_once)
        # what is a number in the inputs needs no other program
        options = replace(
            self._options, background=None, unlabeled_id=0, score_smoothing=0.5 if self._options.score_smoothing else 0
        )

        def make() -> _Prepared:
            return _Prepared(FrameProgram(self._networks, options, shape, self._model.embedding_size), self._lane)

        prepared: _Prepared = self._lane.keep((shape, options, self._networks.image_encoder), make)
        return prepared

    def _upload(self, group: Sequence[PlannedImage], prepared: _Prepared, vocabulary: Vocabulary) -> None:
        inputs, shape = prepared.program.inputs, prepared.program.shape
        rgb = [image.rgb for image in group]
        if shape.pixels != shape.size:
            rgb = [resized_picture(each, shape.pixels, self._options.resize) for each in rgb]
        self._lane.upload(rgb, inputs.pixels)
        if inputs.means is None or inputs.shares is None:
            return
        for image, means, share in zip(group, inputs.means, inputs.shares, strict=True):
            known = image.memory and image.memory.mean_about(self._subject(image, vocabulary))
            share.fill_(self._options.score_smoothing if known else 0)
            for target, mean in zip(means, known or (), strict=bool(known)):
                target.copy_(mean)

    def _remember(self, group: Sequence[PlannedImage], outputs: FrameOutputs, vocabulary: Vocabulary) -> None:
        if outputs.scores is None:
            return
        for image, scores in zip(group, outputs.scores, strict=True):
            if image.memory is not None:  # a copy, as the next image is computed in the same memory
                image.memory.propose(self._subject(image, vocabulary), list(scores.clone()))

    def _subject(self, image: PlannedImage, vocabulary: Vocabulary) -> object:
        """Return what scores are about; those about something else cannot be compared."""
        return ScoredBy(vocabulary), self._model, self._options, image.size, image.plan, self._lane.device

    def _downloaded(self, group: Sequence[PlannedImage], outputs: FrameOutputs) -> FrameOutputs:
        """Start to download what the images want; the rest is empty."""
        labels = self._lane.download(outputs.labels)
        wants_scores = any(image.wants_scores for image in group)
        cosines = self._lane.download(outputs.cosines) if wants_scores else _NOTHING
        wants_patches = any(image.wants_patches for image in group)
        features = self._lane.download(outputs.features) if wants_patches else _NOTHING
        return FrameOutputs(labels, features, cosines, None)

    @staticmethod
    def _labels(outputs: FrameOutputs, words: HostWords) -> list[Labels]:
        """Copy what was downloaded out of pinned memory, which is for the next images."""
        rows = torch.from_numpy(words.rows)
        labels = outputs.labels.transpose(0, 2).transpose(1, 2).clone()  # [B, 2, K, H, W]
        cosines = outputs.cosines[:, :, rows] if outputs.cosines.numel() else [()] * len(labels)
        features = outputs.features if outputs.features.numel() else [()] * len(labels)
        parts = zip(labels, cosines, features, strict=True)
        return [Labels(seen[:, 0], list(seen[1, 1:]), list(grids), list(patches)) for seen, grids, patches in parts]


_NOTHING = torch.empty(0)
