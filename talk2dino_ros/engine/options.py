# SPDX-License-Identifier: Apache-2.0
"""Options that change a segmentation's result, with the paper's values where the paper has one."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.vocabulary import UNLABELED_ID

INPUTS = ("square", "slide", "aspect")
REFINEMENTS = ("none", "pamr")
RESIZES = ("antialias", "mmcv", "bicubic")
WINDOW_SCORES = ("sigmoid", "softmax")
TORCH_NAMES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}  # devices.py has the dtypes, and needs torch
PRECISIONS = ("auto", *TORCH_NAMES)
EXPORT_PRECISIONS = ("fp32", "fp16")  # onnxruntime computes little in bf16
BACKENDS = ("auto", "torch", "openvino", "onnxruntime", "tensorrt")  # what runs the image encoder
PATCH_SOURCES = ("head", "backbone")  # of dino.txt, see dinotxt/dinotxt_vision.py
TEXT_ENCODERS = ("auto", "keep", "free")  # what becomes of the text encoder, see `load_segmenter`
PLAIN_STAGES = (
    "scores",
    "pamr",
    "decision",
    "image",
)  # what has a fast path beside plain PyTorch; image: of all in one
LARGEST_INPUT = 2048  # pixels of a side; attention's cost grows with its fourth power
LARGEST_REFINED = 4096 * 2160
MOST_SMOOTHING = 0.99  # a hundred images; at 1 no image would count


@dataclass(frozen=True)
class Options:
    """Options of a segmentation.

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
    score_smoothing: EMA weight of a camera's earlier images in a patch's scores (held by the caller's `ScoreMemory`),
        against pixels that flicker between two classes. 0.0: off; else ghosts follow what moves, and everything does
        where the camera moves.
    window_share, resize, window_scores: what the papers' evaluations do each in its own way with `slide`; for
        `with_options`, as evaluate/protocols.py has them. The windows' side as a share of the short side, 0: the
        model's own; how the image is resized: `antialias` is the engine's own, see resizing.py for the others; what is
        averaged over windows: `sigmoid` of the cosines, or their `softmax` over the classes, for which no background
        score is known.
    plain_stages: of PLAIN_STAGES those that plain PyTorch computes though the device has a faster path: what the
        self-check (selfcheck/) found to differ. The image encoder is the networks'.
    """

    input: str = "square"
    refine: str = "none"
    background: float | None = None
    background_cleaning: bool = False
    unlabeled_id: int = UNLABELED_ID
    input_size: int = 0
    refine_pixels: int = 1280 * 720
    score_smoothing: float = 0.0
    window_share: float = 0.0
    resize: str = "antialias"
    window_scores: str = "sigmoid"
    plain_stages: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_choice("input", self.input, INPUTS)
        _check_choice("refine", self.refine, REFINEMENTS)
        if self.background is not None and not 0 <= self.background < 1:
            raise ModelError(
                f"background is {self.background}, expected a score from 0 up to, but not including, 1 "
                "(a sigmoid of a cosine), or None in Python; give one, such as the paper's 0.55, or leave it out"
            )
        if not 0 <= self.unlabeled_id <= 255:
            raise ModelError(
                f"unlabeled_id is {self.unlabeled_id}, expected 0..255 as the mask has 8 bits; use 255 or 0"
            )
        _check_range("input_size", self.input_size, 0, LARGEST_INPUT)
        _check_range("refine_pixels", self.refine_pixels, 1, LARGEST_REFINED)
        _check_range("score_smoothing", self.score_smoothing, 0.0, MOST_SMOOTHING)
        _check_range("window_share", self.window_share, 0.0, 1.0)
        _check_choice("resize", self.resize, RESIZES)
        _check_choice("window_scores", self.window_scores, WINDOW_SCORES)
        for stage in self.plain_stages:
            _check_choice("plain_stages", stage, PLAIN_STAGES)
        self._check_windows()

    def _check_windows(self) -> None:
        ways = (self.window_share, self.resize, self.window_scores)
        if self.input != "slide" and ways != (0.0, "antialias", "sigmoid"):
            raise ModelError(
                f"window_share, resize and window_scores are {ways} with input {self.input!r}, expected input 'slide', "
                "which alone has windows; leave them out or choose slide"
            )
        if self.window_scores == "softmax" and (
            self.refine != "none" or self.background is not None or self.background_cleaning
        ):
            raise ModelError(
                f"window_scores is 'softmax' with refine {self.refine!r}, background {self.background} and "
                f"background_cleaning {self.background_cleaning}, expected none of these, which need scores of each "
                "class alone; switch them off or choose sigmoid (protocol talk2dino)"
            )


OPTION_NAMES = tuple(field.name for field in fields(Options))


def changed_options(options: Options, changes: Mapping[str, Any], also: tuple[str, ...] = ()) -> Options:
    """Return options with other values, by name; raise ModelError for a name that none has, or a value it cannot have.

    also: what else may be named where the changes were written, for the message.
    """
    if unknown := [name for name in changes if name not in OPTION_NAMES]:
        raise ModelError(
            f"{', '.join(map(repr, unknown))} is not an option, expected {', '.join((*also, *OPTION_NAMES))}; "
            "correct the name"
        )
    return replace(options, **changes)


def options_of(values: object) -> dict[str, Any]:
    """Return the options among an object's attributes, by name: of parameters or of a command's arguments."""
    return {name: getattr(values, name) for name in OPTION_NAMES if hasattr(values, name)}


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ModelError(f"{name} is {value!r}, expected one of {', '.join(choices)}; choose one of these")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ModelError(f"{name} is {value}, expected {low} to {high}; choose one in between")
