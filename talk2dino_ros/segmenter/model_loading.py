# SPDX-License-Identifier: Apache-2.0
"""Load a segmenter from the node's parameters and warm it up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from talk2dino_ros import engine
from talk2dino_ros.engine.options import options_of
from talk2dino_ros.segmenter.parameters.segmentation_parameters import RECOMMENDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from talk2dino_ros.engine import Segmenter, Vocabulary
    from talk2dino_ros.engine.selfcheck.stage_check import SelfCheck
    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters


def load(parameters: Parameters) -> Segmenter:
    """Load the model; raise ModelError or WeightsError where it cannot be had."""
    segmenter = engine.load_segmenter(
        parameters.model,
        device=parameters.device,
        precision=parameters.precision,
        backend=parameters.backend,
        onnx_file=parameters.onnx_file or None,
        weights_dir=parameters.weights_dir or None,
        cuda_graphs=parameters.cuda_graphs,
        text_cache_dir=parameters.text_cache_dir,
        projection_file=parameters.projection_file or None,
        patch_source=parameters.patch_source,
        text_encoder=_text_encoder(parameters),
        needs_text_encoder=not parameters.vocabulary_file,
    )
    _ = segmenter.feature_space  # it may read the weights file once, for which no image shall wait
    return with_options(segmenter, parameters)


def self_checked(
    segmenter: Segmenter, parameters: Parameters, warn: Callable[[str], object]
) -> tuple[Segmenter, SelfCheck]:
    """Return the segmenter without what its fast path gets wrong on this device; see engine/selfcheck/self_check.py."""
    from talk2dino_ros.engine.selfcheck import self_check  # imports torch, which a start need not wait for

    return self_check.self_checked(
        segmenter,
        weights_dir=parameters.weights_dir or None,
        require_fast_path=parameters.require_fast_path,
        warn=warn,
    )


def with_options(segmenter: Segmenter, parameters: Parameters) -> Segmenter:
    """Return a segmenter with the parameters' options; raise ModelError where the model cannot have them."""
    options = options_of(parameters) | {"background": _threshold(parameters.background, segmenter)}
    return segmenter.with_options(**options)


def warm_up(segmenter: Segmenter, vocabulary: Vocabulary) -> None:
    """Segment a black image as the parameters ask: the first time is slow. Then all is loaded that no image and no word
    that come later shall wait for. Raises WeightsError for the text encoder's file.
    """
    height, width = segmenter.fixed_size or (480, 640)  # with input aspect an exported file fits its camera alone
    with ThreadPoolExecutor(1) as beside:
        compiled = beside.submit(segmenter.prepare_refinement)  # PAMR, as `refine` is live
        segmenter.segment(np.zeros((height, width, 3), np.uint8), vocabulary)
        compiled.result()
    # not beside the image: the first one reads what OpenVINO has converted, which takes as much memory for a moment
    if segmenter.keeps_text_encoder:
        segmenter.load_text_encoder()


def _threshold(background: float, segmenter: Segmenter) -> float | None:
    if background == RECOMMENDED:
        return segmenter.model.background
    return background or None


def _text_encoder(parameters: Parameters) -> str:
    """Return the choice for the text encoder; `auto` with a vocabulary file is `free`."""
    return "free" if parameters.vocabulary_file and parameters.text_encoder == "auto" else parameters.text_encoder


def release() -> None:
    """Return the memory of a segmenter that nobody refers to any more."""
    from talk2dino_ros.engine.runtime.memory import release_memory  # imports torch, which a start need not wait for

    release_memory()
