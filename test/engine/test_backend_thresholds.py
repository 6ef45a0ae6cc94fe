# SPDX-License-Identifier: Apache-2.0
"""Thresholds of single classes through each backend of the image encoder: tiny networks, and masks held to torch's."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from exported_models import tiny_row

from talk2dino_ros.engine.models.networks import find_checkpoint, load_networks
from talk2dino_ros.engine.openvino import openvino_encoder
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.presets import PRESETS
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.vocabulary import Vocabulary

SIZE = 168  # of preset fast: 12 x 12 patches
CLASSES, MOST_OFF = 5, 1e-5  # what two ways to compute in fp32 may differ by, of a score
FAST = {name: value for name, value in PRESETS["fast"].items() if name in {field.name for field in fields(Options)}}
OPTIONS = {
    "plain": {"input_size": SIZE},
    "background": {"input_size": SIZE, "background": 0.5},
    "pamr": {"input_size": SIZE, "refine": "pamr"},
    "preset fast": {**FAST, "background": 0.5},
}


def picture(number):
    """A board of six squares, each of a colour and a noise of its own: uint8 [120, 168, 3]."""
    generator = np.random.default_rng(number)
    rows, columns = np.indices((120, 168))
    colours = generator.integers(20, 235, (6, 3))
    board = colours[(rows // 60) * 3 + columns // 56]
    return np.clip(board + generator.integers(-20, 20, board.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, seed):
    """(row, its weights_dir)."""
    folder = tmp_path_factory.mktemp("tiny")
    return tiny_row("talk2dino_vitb", folder, seed), folder


@pytest.fixture(scope="module")
def with_torch(tiny):
    return segmenter_with(None, tiny)


def segmenter_with(encoder, tiny):
    row, folder = tiny
    options = {"image_encoder": encoder, "needs_text_encoder": False}
    return Segmenter(row, load_networks(row, "cpu", torch.float32, folder, **options), Options())


@pytest.fixture(scope="module", params=["onnxruntime", "openvino"])
def other(request, tiny, tmp_path_factory):
    """A segmenter whose image encoder another library runs."""
    row, folder = tiny
    if request.param == "openvino":
        pytest.importorskip("openvino", reason="pip install -r tools/requirements/engine.txt is missing")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
            checkpoints = {"image": find_checkpoint(row, "image", folder)}
            yield segmenter_with(openvino_encoder.open_openvino(row, checkpoints, "fp32"), tiny)
        return
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package, reason="pip install -r tools/requirements/onnx.txt is missing")
    from talk2dino_ros.engine.onnx.onnx_encoder import open_exported
    from talk2dino_ros.engine.onnx.onnx_export import export_image_encoder

    path = folder / "exported.onnx"
    export_image_encoder(row, path, (SIZE, SIZE), picture(0), weights_dir=folder)
    yield segmenter_with(open_exported(path, row, "onnxruntime", "cpu"), tiny)


@pytest.fixture(scope="module")
def free(with_torch):
    """A vocabulary without thresholds: the patches in the middle of five squares of the first picture."""
    pixels = torch.from_numpy(picture(0)).permute(2, 0, 1)[None].float() / 255
    squashed = torch.nn.functional.interpolate(pixels, (SIZE, SIZE), mode="bilinear", antialias=True)
    with torch.inference_mode():
        features = with_torch.networks.image_encoder(squashed).patch_features[0]  # [D, 12, 12]
    vectors = torch.stack([features[:, row, column] for row in (3, 9) for column in (2, 6, 10)][:CLASSES])
    return Vocabulary.from_embeddings([f"class {number + 1}" for number in range(CLASSES)], vectors.numpy())


@pytest.fixture(scope="module")
def own(with_torch, free):
    """The same with a threshold that a third of the patches of each class is below; the last class has none."""
    scores = patch_scores(with_torch.with_options(input_size=SIZE), picture(0), free)
    winners = scores.argmax(axis=0)
    thirds = [float(np.quantile(scores[number][winners == number], 1 / 3)) for number in range(CLASSES - 1)]
    texts = [f"{name} >= {third:.4f}" for name, third in zip(free.names, thirds, strict=False)] + [free.names[-1]]
    return Vocabulary.from_embeddings(texts, free.embeddings)


def patch_scores(segmenter, image, vocabulary):
    return 1 / (1 + np.exp(-segmenter.segment(image, vocabulary, return_scores=True).scores.astype(np.float64)))


def masks(segmenter, vocabulary, **options):
    """Masks of two pictures in one batch, and of each alone."""
    chosen, pictures = segmenter.with_options(**options), [picture(0), picture(1)]
    together = [result.class_ids for result in chosen.segment(pictures, vocabulary)]
    return together, [chosen.segment(each, vocabulary).class_ids for each in pictures]


def test_the_backends_scores_are_torchs(with_torch, other, own):
    for number in (0, 1):
        expected, found = (
            patch_scores(each.with_options(input_size=SIZE), picture(number), own) for each in (with_torch, other)
        )
        assert not np.array_equal(found, expected), "another library has computed nothing"
        np.testing.assert_allclose(found, expected, rtol=0, atol=MOST_OFF)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_masks_with_thresholds_are_torchs_alone_and_in_a_batch(with_torch, other, free, own, options):
    """But where torch's own mask changes with thresholds that differ by as much as the libraries do."""
    together, alone = masks(other, own, **options)
    expected = masks(with_torch, own, **options)[0]
    unlimited = masks(with_torch, free, **{**options, "background": None})[0]
    near = [masks(with_torch, moved(own, by), **options)[0] for by in (-MOST_OFF, MOST_OFF)]
    for number in (0, 1):
        sure = (near[0][number] == expected[number]) & (near[1][number] == expected[number])
        assert sure.mean() > 0.99
        for found in (together[number], alone[number]):
            np.testing.assert_array_equal(found[sure], expected[number][sure])
    taken = (unlimited[0] != expected[0]) & (expected[0] == 255)
    assert taken.mean() > 0.2, "thresholds that take nothing tell nothing"
    assert (expected[0] != 255).mean() > 0.2


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_threshold_gives_no_pixel_to_another_class(other, free, own, options):
    unlimited, limited = masks(other, free, **{**options, "background": None})[0], masks(other, own, **options)[0]
    for before, after in zip(unlimited, limited, strict=True):
        assert set(np.unique(after[after != before])) == {255}


def moved(vocabulary, by):
    entries = [
        replace(entry, threshold=None if entry.threshold is None else entry.threshold + by)
        for entry in vocabulary.classes
    ]
    return vocabulary.with_classes(tuple(entries))
