# SPDX-License-Identifier: Apache-2.0
"""What a GPU would run, for each family of models: where each tensor is, and who waits."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from fake_cuda import fake_cuda

from talk2dino_ros.engine.inference.score_smoothing import ScoreMemory
from talk2dino_ros.engine.models.clip_text import ClipTextEncoder
from talk2dino_ros.engine.models.dinotxt.dinotxt_text import DinoTxtTextEncoder
from talk2dino_ros.engine.models.dinotxt.dinotxt_vision import HeadedImageEncoder, round_periods
from talk2dino_ros.engine.models.dinotxt.text_tower import TextTower
from talk2dino_ros.engine.models.dinotxt.vision_head import VisionHead
from talk2dino_ros.engine.models.networks import Networks, find_checkpoint
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.models.vit import DinoImageEncoder
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.text.clip_tokenizer import clip_tokenizer
from talk2dino_ros.engine.text.clip_tower import ClipTextTower
from talk2dino_ros.engine.vocabulary import Vocabulary

WIDTH, HEADS, DTYPE = 48, 3, torch.bfloat16
NETWORKS = {2: "vit_base_patch14_reg4_dinov2", 3: "vit_base_patch16_dinov3"}
STATISTICS = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
FAMILIES = ("talk2dino_vitb", "talk2dinov3_vitb", "dinotxt_vitl", "dinotxtv3_vitl", "mini")
PHOTO, OTHER = np.zeros((48, 64, 3), np.uint8), np.zeros((60, 40, 3), np.uint8)


def backbone(generation):
    size = {"embed_dim": WIDTH, "depth": 2, "num_heads": HEADS, "num_classes": 0}
    return timm.create_model(NETWORKS[generation], dynamic_img_size=True, **size).eval().to(DTYPE)


def headed(generation):
    network = backbone(generation)
    round_periods(network)
    return HeadedImageEncoder(network, VisionHead(WIDTH, HEADS).to(DTYPE), *STATISTICS)


def tiny_encoder(family):
    row = MODELS[family]
    if family == "mini":
        return row.load_image_encoder({"image": find_checkpoint(row, "image")}, DTYPE)
    make = (
        headed if "head" in row.image_roles else lambda generation: DinoImageEncoder(backbone(generation), *STATISTICS)
    )
    return make(3 if "v3" in family else 2)


def make_segmenter(family, encoder, device, cuda_graphs):
    row = MODELS[family] if family == "mini" else replace(MODELS[family], embedding_size=WIDTH)
    networks = Networks(
        row, {}, device, DTYPE, image_encoder=encoder, cuda_graphs=cuda_graphs, find_word_files=lambda: {}
    )
    return Segmenter(row, networks, Options(input_size=112))


def words(segmenter):
    asked = (
        "?asked" if segmenter.device == "cuda:1" else "asked"
    )  # what is asked for takes its time, and once is enough
    names = [*(f"word {number}" for number in range(17)), asked, "!wall", "word 17"]
    vectors = np.random.default_rng(5).normal(size=(len(names), segmenter.model.embedding_size))
    return Vocabulary.from_embeddings(names, vectors)


def segment_in_each_way(segmenter, watch):
    """All that takes another way: batches, windows, refinement, cleaning, memory."""
    has_attention, vocabulary = segmenter.networks.image_encoder.has_attention, words(segmenter)
    for options, images in (
        ({"input": "square", "refine": "pamr", "background_cleaning": has_attention}, [PHOTO, OTHER]),
        ({"input": "slide", "refine": "pamr", "background": 0.55, "background_cleaning": has_attention}, PHOTO),
        ({"input": "slide", "window_scores": "softmax"}, PHOTO),
        ({"input": "aspect", "score_smoothing": 0.5, "background": 0.55}, PHOTO),
    ):
        memory = ScoreMemory() if images is PHOTO else None
        chosen = segmenter.with_options(**options)
        chosen.segment(images, vocabulary, return_scores=True, timer=watch.timer, memory=memory)
    chosen.segment(PHOTO, vocabulary, memory=memory)


@pytest.mark.parametrize(("device", "cuda_graphs"), [("cuda", False), ("cuda:1", True)], ids=["eager", "recorded"])
@pytest.mark.parametrize("family", FAMILIES)
def test_everything_is_on_the_device_and_one_wait_is_for_all(family, device, cuda_graphs, monkeypatch):
    monkeypatch.setattr(
        "talk2dino_ros.engine.runtime.gpu_lane.WARM_UPS", 0
    )  # they choose kernels, where there are some
    encoder = tiny_encoder(family)
    with fake_cuda() as watch:
        segmenter = make_segmenter(family, encoder, device, cuda_graphs)
        segmenter.prepare_refinement()
        segment_in_each_way(segmenter, watch)  # the first time for each size; a tensor elsewhere raises
        watch.waits.clear()
        watch.counts.restart()
        segment_in_each_way(segmenter, watch)
    assert {what for _, what in watch.waits} == {"the stream"}
    assert len(watch.waits) == 5  # one for each call
    place = torch.device("cuda", 1 if device == "cuda:1" else 0)
    assert {kernel for kernel, _, _ in watch.launches} == {"spread", "deviate", "average", "choose"}
    assert all(devices == {place} and current == place for _, devices, current in watch.launches)
    assert bool(watch.graphs) == cuda_graphs


def tiny_words(family):
    """Text encoder and projection: CLIP's tower, dino.txt's, or mini's own."""
    row = MODELS[family]
    if family == "mini":
        files = {role: find_checkpoint(row, role) for role in ("text", "tokenizer", "projection")}
        return row.load_text_encoder(files), row.load_projection(files)
    if "dinotxt" in family:
        tower = TextTower(width=40, heads=2, layers=1, output_size=2 * WIDTH)
        return DinoTxtTextEncoder(tower.eval(), clip_tokenizer()), torch.nn.Identity()
    tower = ClipTextTower(width=32, heads=2, layers=1, output_dim=24)
    return ClipTextEncoder(tower.eval(), clip_tokenizer()), torch.nn.Linear(24, WIDTH)


@pytest.mark.parametrize("family", ["talk2dino_vitb", "dinotxt_vitl", "mini"])
def test_words_are_encoded_on_the_device(family):
    encoder, (text, projection) = tiny_encoder(family), tiny_words(family)
    row = replace(MODELS[family], load_text_encoder=lambda _: text, load_projection=lambda _: projection)
    row = row if family == "mini" else replace(row, embedding_size=WIDTH)
    with fake_cuda(), torch.no_grad():
        segmenter = Segmenter(row, Networks(row, {}, "cuda:1", DTYPE, image_encoder=encoder), Options(input_size=112))
        vocabulary = segmenter.encode_vocabulary(["cup", "fire extinguisher: extinguisher, red bottle"])
        assert {str(parameter.device) for parameter in text.parameters()} == {"cuda:1"}
        segmenter.segment(PHOTO, vocabulary)
