# SPDX-License-Identifier: Apache-2.0
"""Train a mapping in the synthetic world, and measure its mIoU on unseen scenes.

And choosing, for each caption, the attention head that fits it best beats the mean of the heads and of the patches.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.synthetic.backbone import BackboneRecipe
from benchmarks.synthetic.synthetic_attention import weight_on_named
from benchmarks.synthetic.synthetic_mapping import MappingRecipe, extract_scenes, learn_mapping
from benchmarks.synthetic.synthetic_model import (
    MAPPING_SCENES,
    TEST_SCENES,
    UNSEEN_SCENES,
    make_synthetic_model,
    open_segmenter,
)
from benchmarks.synthetic.synthetic_world import OBJECTS, WORDS, Pair, Scene, draw_scenes
from talk2dino_ros.engine.evaluate.confusion import Confusion, Figures
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.train.features.store import FeatureStore

HEAD_CHOICES = ("max_score", "mean_heads", "average")
# Each pattern and each colour occurs in other objects; these three neither the backbone nor the mapping ever sees
UNSEEN: tuple[Pair, ...] = (("striped", "red"), ("chequered", "blue"), ("plain", "purple"))
UNSEEN_IDS = tuple(OBJECTS.index(pair) for pair in UNSEEN)
SEEN_IDS = tuple(number for number in range(len(WORDS)) if number not in UNSEEN_IDS)
_AT_ONCE = 50  # scenes that are segmented in one batch


@dataclass(frozen=True)
class Outcome:
    """Results of one seed; all are mIoU, 0..1, over the pixels of test scenes.

    constant, random: of the best single word for every pixel, and of words drawn by lot. untrained: with the
    projection's first values. shuffled: mapped by captions of other images. mapped: by head choice.
    unseen: by head choice, over the UNSEEN objects' words alone, in scenes that have one each and among all words;
    unseen_random: by lot.
    weight_on_named: see synthetic_attention.py. cpu_s: processor time of the parts, in seconds.
    """

    seed: int
    constant: float
    random: float
    untrained: float
    shuffled: float
    mapped: dict[str, float]
    unseen: dict[str, float]
    unseen_random: float
    weight_on_named: dict[str, float]
    cpu_s: dict[str, float]


def trained_segmenter(
    folder: Path, seed: int = 0, backbone: BackboneRecipe | None = None, mapping: MappingRecipe | None = None
) -> Segmenter:
    """Teach a backbone, map words to it with the choice of heads, and load both: a minute or so on a CPU.

    folder: gets the weights' files, which the segmenter goes on reading. Equal arguments, equal segmenter.
    """
    model, store, epochs = _frozen_side(folder, seed, backbone, mapping, without=())
    return open_segmenter(learn_mapping(model, store, folder / "max_score.safetensors", epochs=epochs, seed=seed))


def prove(
    folder: Path,
    seed: int = 0,
    backbone: BackboneRecipe | None = None,
    mapping: MappingRecipe | None = None,
    tests: int = 200,
) -> Outcome:
    """Teach a backbone, learn one mapping per head choice from one store, and score them on unseen scenes."""
    start = time.process_time()
    model, store, epochs = _frozen_side(folder, seed, backbone, mapping, without=UNSEEN)
    scenes = draw_scenes(tests, (seed, TEST_SCENES), without=UNSEEN)
    strange = draw_scenes(tests, (seed, UNSEEN_SCENES), without=UNSEEN, each_with=UNSEEN)
    frozen_s = time.process_time() - start
    rows, mapped, unseen = {}, {}, {}
    for choice in HEAD_CHOICES:
        rows[choice] = learn_mapping(
            model, store, folder / f"{choice}.safetensors", head_choice=choice, epochs=epochs, seed=seed
        )
        segmenter = open_segmenter(rows[choice])
        mapped[choice] = segmented(segmenter, scenes, SEEN_IDS).mean_iou
        unseen[choice] = mean_iou(segmented(segmenter, strange), UNSEEN_IDS)
    shuffled = learn_mapping(model, store, folder / "shuffled.safetensors", epochs=epochs, seed=seed, shuffled=True)
    return Outcome(
        seed=seed,
        constant=max(drawn(scenes, [word]).mean_iou for word in SEEN_IDS),
        random=drawn(scenes, SEEN_IDS).mean_iou,
        untrained=segmented(open_segmenter(model), scenes, SEEN_IDS).mean_iou,
        shuffled=segmented(open_segmenter(shuffled), scenes, SEEN_IDS).mean_iou,
        mapped=mapped,
        unseen=unseen,
        unseen_random=mean_iou(drawn(strange, range(len(WORDS))), UNSEEN_IDS),
        weight_on_named=weight_on_named(rows["max_score"], scenes),
        cpu_s={"frozen side": frozen_s, "mappings and tests": time.process_time() - start - frozen_s},
    )


def _frozen_side(
    folder: Path,
    seed: int,
    backbone: BackboneRecipe | None,
    mapping: MappingRecipe | None,
    without: Sequence[Pair],
) -> tuple[Model, FeatureStore, int]:
    """Return the model with its untrained projection, the features that a mapping is learned from, and its epochs."""
    mapping = mapping or MappingRecipe()
    model = make_synthetic_model(folder, seed, backbone, without)
    scenes = draw_scenes(mapping.scenes, (seed, MAPPING_SCENES), without=without)
    return model, extract_scenes(model, scenes, folder / "store"), mapping.epochs


def segmented(segmenter: Segmenter, scenes: Sequence[Scene], words: Sequence[int] = range(len(WORDS))) -> Figures:
    """Segment scenes with a vocabulary of these words, and compare with the truth.

    The figures' classes are WORDS; a word that is not in the vocabulary has nan, if it is not in the scenes either.
    """
    vocabulary = segmenter.encode_vocabulary([WORDS[word] for word in words]).with_ids(words, version=0)
    confusion = Confusion.empty(len(WORDS))
    for first in range(0, len(scenes), _AT_ONCE):
        some = scenes[first : first + _AT_ONCE]
        for scene, result in zip(some, segmenter.segment([scene.rgb for scene in some], vocabulary), strict=True):
            confusion.add(scene.truth, result.class_ids.astype(np.int64))
    return confusion.figures()


def drawn(scenes: Sequence[Scene], words: Sequence[int]) -> Figures:
    """Give each pixel one of these words by lot, and compare with the truth."""
    rng = np.random.default_rng(0)
    confusion = Confusion.empty(len(WORDS))
    for scene in scenes:
        confusion.add(scene.truth, rng.choice(words, scene.truth.shape))
    return confusion.figures()


def mean_iou(figures: Figures, words: Sequence[int]) -> float:
    """Return the mean IoU of some of the words."""
    return float(np.mean(figures.iou[list(words)]))
