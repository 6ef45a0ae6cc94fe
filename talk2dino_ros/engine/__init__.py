# SPDX-License-Identifier: Apache-2.0
"""Segment images by words, without ROS: Talk2DINO (arXiv 2411.19331) in PyTorch.

    from talk2dino_ros.engine import load_segmenter

    segmenter = load_segmenter("talk2dino_vitb")
    vocabulary = segmenter.encode_vocabulary(["door", "fire extinguisher: extinguisher, red fire extinguisher"])
    result = segmenter.segment(rgb, vocabulary)

The names below are loaded when they are first used, so that a program that only needs an error class or
a vocabulary's syntax does not wait seconds for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talk2dino_ros.engine.errors import (
        ImageError,
        ModelError,
        Talk2DinoError,
        VocabularyError,
        WeightsError,
    )
    from talk2dino_ros.engine.factory import encode_vocabulary, load_segmenter
    from talk2dino_ros.engine.inference.score_smoothing import ScoreMemory
    from talk2dino_ros.engine.segmenter import Segmentation, Segmenter
    from talk2dino_ros.engine.vocabulary import Vocabulary

_HOME = {
    "encode_vocabulary": "factory",
    "ImageError": "errors",
    "ModelError": "errors",
    "Talk2DinoError": "errors",
    "VocabularyError": "errors",
    "WeightsError": "errors",
    "ScoreMemory": "inference.score_smoothing",
    "Segmentation": "segmenter",
    "Segmenter": "segmenter",
    "load_segmenter": "factory",
    "Vocabulary": "vocabulary",
}

__all__ = [
    "ImageError",
    "ModelError",
    "ScoreMemory",
    "Segmentation",
    "Segmenter",
    "Talk2DinoError",
    "Vocabulary",
    "VocabularyError",
    "WeightsError",
    "encode_vocabulary",
    "load_segmenter",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
