# SPDX-License-Identifier: Apache-2.0
"""Run a batch of images step by step, as the papers have it: a CPU's way, and what gpu/ is held to."""

from collections.abc import Sequence
from dataclasses import dataclass

from talk2dino_ros.engine.inference.ballots import BallotWords
from talk2dino_ros.engine.inference.canvas import make_canvas
from talk2dino_ros.engine.inference.crops import encode_crops
from talk2dino_ros.engine.inference.planned_image import PlannedImage
from talk2dino_ros.engine.inference.scoring import EncodedImage, Labels, Scoring
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.networks import Networks
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.runtime.stage_times import StageTimer, stage
from talk2dino_ros.engine.vocabulary import Vocabulary


@dataclass(frozen=True)
class PlainPath:
    """From images to labels, on the networks' device, for one model with its options."""

    model: Model
    networks: Networks
    options: Options

    def __call__(
        self, images: Sequence[PlannedImage], vocabulary: Vocabulary, timer: StageTimer | None, at_once: int
    ) -> list[Labels]:
        """Encode the images in one batch, `at_once` crops at a time, then label each at its own size."""
        options, device, plans = self.options, str(self.networks.device), [image.plan for image in images]
        with stage(timer, "upload"):
            words = BallotWords.of(vocabulary, options.unlabeled_id, device)
            canvases = [make_canvas(image.rgb, image.plan, device, options.resize) for image in images]
        with stage(timer, "backbone"):
            cleaning = options.background_cleaning
            features = encode_crops(self.networks, canvases, plans, return_attention=cleaning, at_once=at_once)
        label = Scoring(self.model, options)
        seen = zip(images, canvases, features, strict=True)
        views = [EncodedImage(image.size, image.plan, canvas, crops, image.memory) for image, canvas, crops in seen]
        return [label(view, words, timer) for view in views]
