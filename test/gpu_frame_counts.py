# SPDX-License-Identifier: Apache-2.0
"""Count what the GPU rows of the benchmark do, at their real sizes, in fake tensors: engine/gpu_budgets.json has it."""

from dataclasses import asdict

import numpy as np
import timm
import torch
from fake_cuda import fake_cuda

from talk2dino_ros.engine.models.networks import Networks
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.models.vit import DinoImageEncoder
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.vocabulary import Vocabulary

MODEL, NETWORK = "talk2dino_vitb", "vit_base_patch14_reg4_dinov2"
# name in bench/gpu_rows.py: images, (width, height), classes
ROWS = {
    "gpu_frame": (1, (640, 480), 20),
    "gpu_two_cameras": (2, (640, 480), 20),
    "gpu_batch": (8, (640, 480), 20),
    "gpu_large": (1, (1280, 720), 150),
}


def vocabulary(count):
    vectors = np.random.default_rng(0).normal(size=(count, MODELS[MODEL].embedding_size))
    return Vocabulary.from_embeddings([f"word {number}" for number in range(count)], vectors)


def encoder_on_gpu(dtype):
    """Give the model's image encoder with fake weights on the GPU, where it stays."""
    network = timm.create_model(NETWORK, num_classes=0, dynamic_img_size=True, device="meta").eval()
    for module in network.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                module._parameters[name] = torch.empty(parameter.shape, dtype=dtype, device="cuda")
    encoder = DinoImageEncoder(network, (0.5,) * 3, (0.5,) * 3)
    for name, buffer in encoder._buffers.items():
        encoder._buffers[name] = buffer.to("cuda")
    encoder.to = lambda _device: encoder
    return encoder


def make_segmenter(*, cuda_graphs, dtype=torch.bfloat16):
    """Give the model with weights that have no values: inside of `fake_cuda` only."""
    row, encoder = MODELS[MODEL], encoder_on_gpu(dtype)
    networks = Networks(
        row, {}, "cuda", dtype, image_encoder=encoder, cuda_graphs=cuda_graphs, find_word_files=lambda: {}
    )
    return Segmenter(row, networks, Options(refine="pamr"))


def counted(name, *, cuda_graphs):
    """Count the second call of a row, as images stream: launches, waits, copies; without graphs by stage, and the peak.

    What a graph's kernels hold is what they hold without, in a pool of their own.
    """
    images, (width, height), classes = ROWS[name]
    with fake_cuda() as watch:
        segmenter = make_segmenter(cuda_graphs=cuda_graphs)
        segmenter.prepare_refinement()
        words, rgb = vocabulary(classes), [np.zeros((height, width, 3), np.uint8)] * images
        timer = None if cuda_graphs else watch.timer
        segmenter.segment(rgb, words, timer=timer)
        watch.counts.restart()
        watch.waits.clear()
        segmenter.segment(rgb, words, timer=timer)
        counts = watch.counts
        found = {
            "launches": counts.launches,
            "waits": len(watch.waits),
            "uploads": len(counts.uploads),
            "downloads": len(counts.downloads),
        }
        if cuda_graphs:
            return found
        return found | {
            "upload_bytes": sum(counts.uploads),
            "download_bytes": sum(counts.downloads),
            "peak_bytes": counts.peak_bytes,
            "stages": {stage: asdict(own) for stage, own in counts.stages.items()},
        }
