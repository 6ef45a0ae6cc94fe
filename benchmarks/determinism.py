# SPDX-License-Identifier: Apache-2.0
"""Check that a photograph's mask depends on nothing else: `python -m benchmarks.determinism mini talk2dino_vitb`.

Segments it alone, again, in each place of a batch with images of the same and of other sizes, with fewer threads, and
by networks that were loaded anew, and compares cosines and mask, bit by bit; and what OpenVINO gives with what torch
gives, as while a size is converted. With weights of seeded values where none are named: rounding does not
depend on them. Writes what it found to benchmarks/results/.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from benchmarks.machine import write_result
from talk2dino_ros.engine.bench.seeded import without_sums, write_seeded_weights
from talk2dino_ros.engine.bench.subject import settled
from talk2dino_ros.engine.factory import networks_of
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.runtime.openvino_library import cpu_computes_in
from talk2dino_ros.engine.segmenter import Segmentation, Segmenter
from talk2dino_ros.engine.selfcheck.classes import classes_of_picture
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.viz.pictures import read_picture

PHOTOS = sorted((Path(__file__).parents[1] / "test" / "photos").glob("*.jpg"))
WORDS = ["dog", "cup", "vase", "drum", "brush", "fruit", "plant", "floor", "wall"]
CLASSES = 20  # of seeded weights
WAYS: dict[str, dict[str, Any]] = {
    "whole": {"refine": "none"},
    "whole, PAMR": {"refine": "pamr"},
    "slide": {"input": "slide", "refine": "none"},
}


@dataclass(frozen=True)
class Found:
    """How one way of computing differs from the first. confidence: the largest of a pixel with another label."""

    cosines: float
    labels: float
    confidence: int

    @property
    def said(self) -> str:
        if not self.cosines and not self.labels:
            return "the same, bit for bit"
        other = f"{self.labels:.4%} of the labels differ, at a confidence of {self.confidence} and less"
        return f"cosines differ by up to {self.cosines:.1e}; {other if self.labels else 'every label is the same'}"


def main() -> None:
    """Compare each model by each backend, print what was found, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", help="model names, such as mini")
    parser.add_argument("--weights-dir", type=Path, help="folder with the published files; default: seeded values")
    parser.add_argument(
        "--size", type=int, default=0, help="pixels of the network's square input (default: the model's own)"
    )
    parser.add_argument("--output", type=Path, help="write here, and not into benchmarks/results")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # so that OpenVINO converts anew
        facts = {name: dict(_of_model(name, Path(folder), arguments)) for name in arguments.models}
    write_result(f"determinism_{'_'.join(arguments.models)}", facts, arguments.output)


def _of_model(name: str, folder: Path, arguments: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    weights, model = arguments.weights_dir, find_model(name)
    if weights is None and name != "mini":
        weights, model = folder / name, without_sums(model)
        write_seeded_weights(name, weights)

    def load(backend: str, precision: str, **options: Any) -> Segmenter:
        background = model.background if name == "mini" else None
        networks = networks_of(model, "cpu", precision, weights, backend=backend)
        return Segmenter(model, networks, Options(background=background, input_size=arguments.size, **options))

    yield "weights", "published" if arguments.weights_dir or name == "mini" else "seeded"
    photos = [cv2.resize(read_picture(path), (640, 480), interpolation=cv2.INTER_AREA) for path in PHOTOS]
    vocabulary = _vocabulary(load("torch", "fp32"), photos[0])
    formats = [each for each in ("fp32", "bf16") if cpu_computes_in(each)]
    plain = {}
    for backend, precision in [("torch", "fp32"), *(("openvino", each) for each in formats)]:
        for way, options in WAYS.items():
            print(f"{name}, {backend} {precision}, {way}")
            found = dict(_compare(partial(load, backend, precision, **options), photos, vocabulary))
            first = found.pop("first")
            if backend == "torch":
                plain[way] = first
            else:
                found["against torch fp32"] = _difference(plain[way], first)
            for what, difference in found.items():
                print(f"  {what}: {difference.said}")
            yield f"{backend} {precision}, {way}", {what: vars(each) for what, each in found.items()}


def _vocabulary(segmenter: Segmenter, photo: Any) -> Vocabulary:
    if segmenter.model.name == "mini":
        return segmenter.encode_vocabulary(WORDS)
    with torch.inference_mode():
        side = segmenter.model.base_size
        pixels = torch.from_numpy(cv2.resize(photo, (side, side))).permute(2, 0, 1)[None] / 255
        features = segmenter.networks.image_encoder(pixels).patch_features[0]
    return classes_of_picture(features.float().numpy(), CLASSES)


def _compare(load: Callable[[], Segmenter], photos: list[Any], vocabulary: Vocabulary) -> Iterator[tuple[str, Any]]:
    photo, *others = photos
    small = [cv2.resize(each, (320, 256)) for each in others]
    segmenter = settled(load(), photo, vocabulary)

    def alone(by: Segmenter) -> Segmentation:
        found: Segmentation = by.segment(photo, vocabulary, return_scores=True)
        return found

    def among(before: list[Any], after: list[Any]) -> Segmentation:
        images = [*before, photo, *after]
        found: list[Segmentation] = segmenter.segment(images, vocabulary, return_scores=True)
        return found[len(before)]

    first = alone(segmenter)
    yield "first", first
    yield "again", _difference(first, alone(segmenter))
    yield "the first of two", _difference(first, among([], others[:1]))
    yield "the second of two", _difference(first, among(others[:1], []))
    yield "the third of four", _difference(first, among(others[:2], others[2:3]))
    yield "beside another size", _difference(first, among(small[:1], []))
    yield "loaded anew", _difference(first, alone(settled(load(), photo, vocabulary)))
    with _threads(1):
        yield "with one thread", _difference(first, alone(settled(load(), photo, vocabulary)))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


def _difference(one: Segmentation, other: Segmentation) -> Found:
    differ = one.class_ids != other.class_ids
    assert one.scores is not None
    assert other.scores is not None
    cosines = float(np.abs(one.scores - other.scores).max())
    confidence = int(np.maximum(one.confidence, other.confidence)[differ].max()) if differ.any() else 0
    return Found(cosines, float(differ.mean()), confidence)


if __name__ == "__main__":
    main()
