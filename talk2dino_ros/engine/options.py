# SPDX-License-Identifier: Apache-2.0
"""The options that change a segmentation's result, with the paper's values where the paper has one."""

from dataclasses import dataclass

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.vocabulary import UNLABELED_ID

INPUTS = ("square", "slide", "aspect")
REFINEMENTS = ("none", "pamr")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")  # what devices.py resolves; it imports torch, this module does not
LARGEST_INPUT = 2048  # pixels of a side; attention's cost grows with its fourth power
LARGEST_REFINED = 4096 * 2160
MOST_SMOOTHING = 0.99  # a hundred images; at 1 no image would count


@dataclass(frozen=True)
class Options:
    """How to segment.

    input: `square` squashes the image to the model's square (the authors' demo); `slide` is the published
        protocol (short side 448, overlapping windows, averaged); `aspect` keeps the aspect ratio in one pass.
    refine: `pamr` sharpens the scores along the image's edges; `none` does not.
    background: pixels whose best score, sigmoid(cosine), is not above it are unlabeled; None: every pixel
        gets a class. The paper's values are 0.55 (ViT-B) and 0.54 (ViT-L).
    background_cleaning: mix in the attention of the class token (the paper's inference on VOC and COCO-Object).
    unlabeled_id: the mask's value where no class won.
    input_size: pixels of the network's square, or of its short side, rounded to the model's patch; 0: the model's own.
        Smaller is faster and coarser.
    refine_pixels: larger images are refined at this many pixels, then upsampled: PAMR's time and memory grow with it.
    score_smoothing: the share of a camera's earlier images in a patch's scores (an exponential mean, held by the
        caller's `ScoreMemory`), as pixels between two classes flicker from image to image. 0.0: none, for what moves
        leaves a trail, and that is everything where the camera moves.
    """

    input: str = "square"
    refine: str = "none"
    background: float | None = None
    background_cleaning: bool = False
    unlabeled_id: int = UNLABELED_ID
    input_size: int = 0
    refine_pixels: int = 1280 * 720
    score_smoothing: float = 0.0

    def __post_init__(self) -> None:
        _check_choice("input", self.input, INPUTS)
        _check_choice("refine", self.refine, REFINEMENTS)
        if self.background is not None and not 0 <= self.background < 1:
            raise ModelError(
                f"background is {self.background}, expected a score from 0 up to, but not including, 1 "
                "(a sigmoid of a cosine) or None; the paper uses 0.55"
            )
        if not 0 <= self.unlabeled_id <= 255:
            raise ModelError(
                f"unlabeled_id is {self.unlabeled_id}, expected 0..255 as the mask has 8 bits; use 255 or 0"
            )
        _check_range("input_size", self.input_size, 0, LARGEST_INPUT)
        _check_range("refine_pixels", self.refine_pixels, 1, LARGEST_REFINED)
        _check_range("score_smoothing", self.score_smoothing, 0.0, MOST_SMOOTHING)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ModelError(f"{name} is {value!r}, expected one of {', '.join(choices)}; choose one of these")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ModelError(f"{name} is {value}, expected {low} to {high}; choose one in between")
