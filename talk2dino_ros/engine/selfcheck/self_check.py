# SPDX-License-Identifier: Apache-2.0
"""Hold a segmenter's fast path to plain fp32 PyTorch, once on each device, and go without what differs.

Another GPU, driver or library can compute something else than was tested: so each stage's fast path is compared with
its plain one, on the same seeded input, where the model first runs. The result is kept in the cache folder.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.files.regular_files import user_path
from talk2dino_ros.engine.inference.canvas import make_canvas, resized
from talk2dino_ros.engine.models.vit import ImageEncoder, ImageFeatures
from talk2dino_ros.engine.openvino.openvino_encoder import OpenVinoImageEncoder
from talk2dino_ros.engine.options import PLAIN_STAGES, Options
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.selfcheck.check_cache import CheckCache
from talk2dino_ros.engine.selfcheck.classes import classes_of_picture
from talk2dino_ros.engine.selfcheck.device_key import device_key
from talk2dino_ros.engine.selfcheck.seeded_scene import CLASSES, seeded_picture
from talk2dino_ros.engine.selfcheck.stage_check import STAGES, SelfCheck, StageCheck
from talk2dino_ros.engine.selfcheck.stage_comparisons import (
    check_decision,
    check_pamr,
    check_scores,
    compare_features,
    compare_segmentations,
    timed,
)
from talk2dino_ros.engine.weights.weights_files import Checkpoint, find

_LOG = logging.getLogger("talk2dino")

CPU_SHRINKS = 4  # by so much the picture is smaller than the network's input
CPU_PATCHES = 12  # of a side, where the network takes any size: plain fp32 is slow there


def self_checked(
    segmenter: Segmenter,
    *,
    weights_dir: str | Path | None = None,
    cache_folder: str | Path = "",
    require_fast_path: bool = False,
    warn: Callable[[str], object] = _LOG.warning,
) -> tuple[Segmenter, SelfCheck]:
    """Return a segmenter that computes plainly what its fast path gets wrong on this device, and what was found.

    weights_dir: as it was loaded from. cache_folder: '' for the standard one. warn: gets each sentence for a person.
    Raises ModelError where a stage differs and `require_fast_path` is set.
    """
    folder = user_path(weights_dir) if weights_dir else None
    load_plain = cache(lambda: _plain_encoder(segmenter, folder))
    checks, key = CheckCache(cache_folder), device_key(segmenter, folder, _size(segmenter))
    check = checks.read(key)
    if check is None:
        check = _check(segmenter, load_plain, key)
        check = replace(check, note="" if check.unchecked else checks.write(check))
    if check.note:
        warn(check.note)
    if not check.differing:
        return segmenter, check
    if require_fast_path:
        raise ModelError(
            f"the fast path differs from plain fp32 PyTorch on {key['device']} ({_differences(check)}), expected it "
            "to compute the same; update the driver and PyTorch, or set require_fast_path to false, which computes "
            "that plainly"
        )
    warn(
        f"the fast path differs from plain fp32 PyTorch on {key['device']} ({_differences(check)}), expected the same; "
        "computed plainly instead, which is slower: update the driver and PyTorch, or send the file of "
        "`talk2dino doctor --output FILE` to this package's authors"
    )
    return _without(segmenter, check.differing, load_plain), check


def _check(segmenter: Segmenter, load_plain: Callable[[], ImageEncoder | None], key: dict[str, str]) -> SelfCheck:
    begin_s = time.perf_counter()
    with torch.inference_mode():
        stages = _stages(segmenter, load_plain)
    if segmenter.networks.lane is not None:
        segmenter.networks.lane.give_up()  # what was recorded for the check's picture alone
    first_calls_s = sum(each.first_s for each in stages)
    return SelfCheck(key, tuple(stages), time.perf_counter() - begin_s - first_calls_s)


def _stages(segmenter: Segmenter, load_plain: Callable[[], ImageEncoder | None]) -> list[StageCheck]:
    """Compare every stage; the whole image with those that differ replaced, so that it shows what else does."""
    size, device = _size(segmenter), torch.device(segmenter.device)
    options = _options(segmenter, size)
    picture, pixels = _picture(segmenter.with_options(**options), size)
    encoder = segmenter.networks.image_encoder
    cleaning = segmenter.options.background_cleaning  # OpenVINO has another network for it
    try:
        plain = encoder if isinstance(encoder, OpenVinoImageEncoder) else load_plain()
        reference = _Remembering(plain or encoder)
        features = reference(pixels, cleaning).patch_features
    except torch.OutOfMemoryError:
        return [StageCheck(stage, None, "too little memory for a plain image encoder") for stage in STAGES]
    stages = [
        _encoder_stage(lambda: encoder(pixels, cleaning), reference, features)
        if plain is not None
        else StageCheck("encoder", None, "the model's own file is not on this machine, so nothing to compare it with")
    ]
    vocabulary = classes_of_picture(features[0].float().cpu().numpy(), CLASSES)
    embeddings = torch.from_numpy(vocabulary.embeddings.copy()).to(device)
    stages += [check_scores(features[0].float(), embeddings), check_pamr(device), check_decision(device)]
    repaired = _without(segmenter, [each for each in stages if each.is_equal is False], load_plain)
    fast = repaired.with_options(**options, plain_stages=repaired.options.plain_stages)
    slow = Segmenter(segmenter.model, segmenter.networks.with_image_encoder(reference, torch.float32, ""), fast.options)
    slow = slow.with_options(plain_stages=PLAIN_STAGES)
    both = (lambda: fast.segment(picture, vocabulary)), (lambda: slow.segment(picture, vocabulary))
    return [*stages, timed("image", *both, compare_segmentations, is_cold=False)]


def _encoder_stage(fast: Callable[[], ImageFeatures], reference: _Remembering, features: Tensor) -> StageCheck:
    stage = timed("encoder", lambda: fast().patch_features, lambda: features, compare_features)
    return replace(stage, plain_s=reference.seconds, first_s=stage.first_s + reference.conversion_s)


def _without(segmenter: Segmenter, differing: Any, load_plain: Callable[[], ImageEncoder | None]) -> Segmenter:
    """Return a segmenter that computes these stages plainly; all of them where the whole image differs."""
    names = {each.stage for each in differing}
    if "image" in names:
        names |= set(STAGES)
    networks = segmenter.networks
    if "encoder" in names and (plain := load_plain()) is not None:
        networks = networks.with_image_encoder(plain, torch.float32, "the self-check found a difference in the other")
    stages = tuple(stage for stage in PLAIN_STAGES if stage in names)
    return Segmenter(segmenter.model, networks, segmenter.options).with_options(plain_stages=stages)


def _differences(check: SelfCheck) -> str:
    return "; ".join(f"{each.name}: {each.said}" for each in check.differing)


def _plain_encoder(segmenter: Segmenter, weights_dir: Path | None) -> ImageEncoder | None:
    """Return the model's own image encoder in fp32; None where its file is not on this machine."""
    model, fast = segmenter.model, segmenter.networks.image_encoder
    if isinstance(fast, OpenVinoImageEncoder):
        return fast.plain()
    places = {file.role: (file, find(file, weights_dir)) for file in model.files if file.role in model.image_roles}
    if any(path is None for _, path in places.values()):
        return None
    checkpoints = {role: Checkpoint(file, path) for role, (file, path) in places.items() if path is not None}
    encoder: ImageEncoder = model.load_image_encoder(checkpoints, torch.float32).to(segmenter.device)
    return encoder


def _size(segmenter: Segmenter) -> tuple[int, int]:
    """Return the side of picture and network input: the real one, unless torch on a CPU takes a smaller one too; for
    OpenVINO each size is a conversion, so that it is the stream's.
    """
    if segmenter.fixed_size:
        return segmenter.fixed_size
    if segmenter.networks.backend == "torch" and segmenter.device == "cpu":
        return (segmenter.networks.image_encoder.patch_size * CPU_PATCHES,) * 2
    height, width = segmenter.plan((480, 640)).network
    return (height, width) if segmenter.networks.backend == "openvino" else (height, height)


def _picture(segmenter: Segmenter, size: tuple[int, int]) -> tuple[npt.NDArray[np.uint8], Tensor]:
    """Return a picture, uint8 [H, W, 3], and what the network sees of it, float32 [1, 3, *size].

    On a CPU it is small: PAMR at all of a network's pixels takes plain PyTorch seconds.
    """
    small = (size[0] // CPU_SHRINKS, size[1] // CPU_SHRINKS)
    sizes = (small, size) if segmenter.device == "cpu" else (size,)
    height_width = next(each for each in sizes if segmenter.plan(each).network == size)
    picture = seeded_picture(height_width)
    canvas = make_canvas(picture, segmenter.plan(height_width), segmenter.device)
    return picture, resized(canvas, size)[None]


def _options(segmenter: Segmenter, size: tuple[int, int]) -> dict[str, Any]:
    """Return options that take every stage once over a picture of this size; the user's choose among the same paths."""
    is_square = size[0] == size[1]
    own = {"background_cleaning": segmenter.options.background_cleaning}
    options = asdict(
        Options(input="square" if is_square else "aspect", input_size=min(size), refine="pamr", background=0.5)
    )
    del options["plain_stages"]
    return options | own


class _Remembering:
    """An image encoder in torch that computes the same images once. seconds: that it took.

    OpenVINO's stands for the one that it is compared with. conversion_s: of a conversion that gave the features.
    """

    def __init__(self, encoder: ImageEncoder) -> None:
        self.patch_size, self.has_attention = encoder.patch_size, encoder.has_attention
        self.seconds = self.conversion_s = 0.0
        self._encoder = encoder
        self._known: list[tuple[Tensor, bool, ImageFeatures]] = []

    def __call__(self, images: Tensor, return_attention: bool = False) -> ImageFeatures:
        for known, had_attention, features in self._known:
            if had_attention >= return_attention and known.shape == images.shape and torch.equal(known, images):
                return features
        features = self._encode(images, return_attention)
        self._known.append((images, return_attention, features))
        return features

    def _encode(self, images: Tensor, return_attention: bool) -> ImageFeatures:
        if isinstance(self._encoder, OpenVinoImageEncoder):
            (features, self.seconds), self.conversion_s = self._encoder.by_torch(images, return_attention)
            return features
        begin_s = time.perf_counter()
        features = self._encoder(images, return_attention)
        if images.is_cuda:
            torch.cuda.synchronize(images.device)
        self.seconds = time.perf_counter() - begin_s
        return features

    def to(self, device: str) -> Any:
        return self

    def at_size(self, size: tuple[int, int]) -> Any:
        return self._encoder.at_size(size)
