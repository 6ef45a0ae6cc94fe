# SPDX-License-Identifier: Apache-2.0
"""The parts of `mini`: the image encoder against hand-made logits, the text encoder against transformers' own way."""

import math
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from transformers import AutoModel, AutoTokenizer

from talk2dino_ros.engine.models import mini
from talk2dino_ros.engine.models.networks import load_networks
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.weights.state_dicts import read_state_dict

PHOTOS = Path(__file__).parents[3] / "talk2dino_ros" / "demo" / "photos"


@pytest.fixture(scope="module")
def networks():
    return load_networks(MODELS["mini"], "cpu", torch.float32)


@pytest.fixture(scope="module")
def checker(networks):
    """An image encoder whose concepts are those of three classes, two of which form a group."""
    members = torch.zeros(1, mini.CLASSES)
    members[0, :2] = 1
    return mini.MiniImageEncoder(networks.image_encoder.network, members)


def logits_of(**values):
    logits = torch.zeros(1, mini.CLASSES, 1, 2)
    for name, value in values.items():
        logits[0, int(name[1:]), 0, 1] = value
    return logits


def test_a_blank_patch_has_no_concept_and_every_patch_the_same_length(checker):
    features = checker._concepts(logits_of(c0=9.0, c5=8.0))
    assert features[0, :-2, 0, 0].abs().max() == 0
    torch.testing.assert_close(features.norm(dim=1), torch.full((1, 1, 2), math.sqrt(2)))
    assert features[0, -1].abs().max() == 0


def test_a_concept_is_the_root_of_its_classes_probability(checker):
    features = checker._concepts(logits_of(c0=9.0, c1=8.0, c5=10.0))[0, :, 0, 1]
    over = [math.exp(logit) - math.exp(2) for logit in (9.0, 8.0, 10.0)]
    total = math.exp(7) + sum(over)
    assert features[0] ** 2 == pytest.approx(over[0] / total, rel=1e-5)
    assert features[mini.CLASSES] ** 2 == pytest.approx((over[0] + over[1]) / total, rel=1e-5)


def test_smoothing_is_twice_the_weighted_mean_over_patches_written_as_loops():
    rng = np.random.default_rng(0)
    logits, features = rng.normal(size=(4, 3, 5)), rng.normal(size=(6, 3, 5))
    centred = features - features.mean(axis=(1, 2), keepdims=True)
    centred /= np.linalg.norm(centred, axis=0)

    def mean_around(values, y, x):
        weights = np.zeros((3, 5))
        for v, u in np.ndindex(3, 5):
            distance = ((y - v) / 3) ** 2 + ((x - u) / 5) ** 2
            weights[v, u] = math.exp(centred[:, y, x] @ centred[:, v, u] / 0.2 - distance / (2 * 0.2**2))
        return (values * weights).sum(axis=(1, 2)) / weights.sum()

    expected = logits
    for _ in range(2):
        expected = np.array([[mean_around(expected, y, x) for x in range(5)] for y in range(3)]).transpose(2, 0, 1)
    found = mini.smoothed(torch.tensor(logits)[None], torch.tensor(features)[None])[0]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_a_class_with_a_large_maximum_is_lowered_at_every_patch():
    logits = torch.tensor([[[[20.0, 9.0]], [[11.0, 9.0]]]])
    torch.testing.assert_close(mini.tightened(logits), torch.tensor([[[[16.0, 5.0]], [[11.0, 9.0]]]]))


def test_folding_the_batch_norms_changes_no_output():
    network = timm.create_model("tf_efficientnet_lite0").eval().requires_grad_(False).double()
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low in ((module.weight, 0.5), (module.bias, -0.5), (module.running_mean, -0.5)):
                tensor.copy_(low + torch.rand(tensor.shape, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))
    images = torch.rand(1, 3, 64, 64, generator=generator).double()
    expected = network(images)
    mini.fold_batch_norms(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    torch.testing.assert_close(network(images), expected)


def test_the_logits_are_those_of_the_plain_classifier_at_each_patch(networks):
    plain = timm.create_model("tf_efficientnet_lite2", output_stride=16).eval()
    weights = next(file for file in MODELS["mini"].files if file.role == "image")
    state = torch.load(weights.source.find(), weights_only=True)
    plain.load_state_dict(dict(zip(plain.state_dict(), state.values(), strict=True)))
    pixels = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        seen, early = networks.image_encoder._look(pixels)
        logits = networks.image_encoder._classify(seen)
        expected = plain.classifier(plain.forward_features(pixels).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    assert early.shape[2:] == (8, 12)
    torch.testing.assert_close(logits, expected, atol=1e-3, rtol=1e-3)


def test_the_two_scales_are_mixed_as_if_each_had_been_classified(networks):
    encoder, images = networks.image_encoder, torch.rand(1, 3, 96, 64, generator=torch.Generator().manual_seed(0))
    pixels = images * 2 - 1
    with torch.inference_mode():
        fine, early = encoder._look(pixels)
        coarse, _ = encoder._look(F.interpolate(pixels, (64, 48), mode="bilinear", antialias=True))  # by the root of 2
        upsampled = F.interpolate(encoder._classify(coarse), (6, 4), mode="bilinear")
        logits = 0.7 * encoder._classify(fine) + 0.3 * upsampled
        expected = encoder._concepts(mini.tightened(mini.smoothed(logits, F.adaptive_avg_pool2d(early, (6, 4)))))
        found = encoder(images).patch_features
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(64, 96), (16, 160)])
def test_any_size_in_patches_is_encoded(networks, height, width):
    images = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = networks.image_encoder(images).patch_features
    assert features.shape == (2, mini.EMBEDDING_SIZE, height // 16, width // 16)
    assert torch.isfinite(features).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_gives_the_same_best_concept(networks, dtype):
    image = torch.from_numpy(np.array(Image.open(PHOTOS / "coffee.jpg").resize((448, 448)))).permute(2, 0, 1) / 255
    half = load_networks(MODELS["mini"], "cpu", dtype).image_encoder
    with torch.inference_mode():
        best = [
            encoder(image[None]).patch_features[:, :-2].amax((2, 3)).argmax()
            for encoder in (half, networks.image_encoder)
        ]
    assert best[0] == best[1]


def test_an_image_is_encoded_the_same_alone_and_in_a_batch(networks):
    images = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        together = networks.image_encoder(images).patch_features
        alone = networks.image_encoder(images[1:2]).patch_features
    torch.testing.assert_close(together[1:2], alone, atol=1e-3, rtol=1e-3)


def test_text_features_are_those_of_transformers_own_classes(networks):
    prompts = ["cup", "a much longer prompt, so that the short one is padded", "Kaffee ☕"]
    folder = next(file for file in MODELS["mini"].files if file.role == "text").source.find().parent
    tokens = AutoTokenizer.from_pretrained(folder)(prompts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = AutoModel.from_pretrained(folder, local_files_only=True).eval()(**tokens).last_hidden_state
    mask = tokens["attention_mask"][:, :, None]
    expected = F.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
    torch.testing.assert_close(networks.text.encoder.encode(prompts), expected, atol=1e-5, rtol=1e-4)


def test_only_prompts_over_256_tokens_are_truncated(networks):
    assert networks.text.encoder.truncated(["cup", "cup " * 254, "cup " * 255]) == [False, False, True]


def test_the_shipped_files_fit_each_other():
    members = read_state_dict(mini.CONCEPTS_FILE)["members"]
    assert members.shape == (mini.EMBEDDING_SIZE - mini.CLASSES - 2, mini.CLASSES)
    assert set(members.unique().tolist()) == {0, 1}
    assert (members.sum(dim=1) > 1).all()


def test_words_without_an_imagenet_class_match_no_patch(networks):
    with torch.inference_mode():
        projected = F.normalize(networks.projection(networks.text.encoder.encode(["sky", "wall", "ladder", "dog"])))
    assert projected[:3, :-1].abs().max() < 0.3
    assert projected[3, :-1].abs().max() > 0.8
