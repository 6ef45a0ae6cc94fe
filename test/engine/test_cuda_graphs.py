# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from talk2dino_ros.engine.cuda_graphs import RECORDINGS, RecordedEncoder
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.image_encoder import ImageFeatures
from talk2dino_ros.engine.loading import load_segmenter

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA GPU, which PyTorch does not see here"
)


def test_a_cpu_has_no_graphs_to_record():
    with pytest.raises(
        ModelError, match="cuda_graphs was asked for with device cpu and backend torch, expected a CUDA"
    ):
        load_segmenter("mini", device="cpu", cuda_graphs=True)


class Doubler:
    patch_size = 2
    has_attention = True

    def __init__(self):
        self.calls = 0

    def __call__(self, images, return_attention=False):
        self.calls += 1
        return ImageFeatures(2 * images, images.flatten(2)[:, :, :3] if return_attention else None)


@needs_gpu
def test_a_recording_gives_each_image_its_own_features():
    recorded = RecordedEncoder(Doubler(), "cuda")
    images = [torch.rand(1, 3, 4, 4, device="cuda") for _ in range(3)]
    seen = [recorded(image, return_attention=True) for image in images]
    for image, features in zip(images, seen, strict=True):
        torch.testing.assert_close(features.patch_features, 2 * image)
        torch.testing.assert_close(features.cls_attention, image.flatten(2)[:, :, :3])


@needs_gpu
def test_each_shape_is_recorded_once_and_the_oldest_is_given_up():
    encoder = Doubler()
    recorded = RecordedEncoder(encoder, "cuda")
    for height in (2, 4, 2, 4):
        recorded(torch.rand(1, 3, height, 2, device="cuda"))
    calls = encoder.calls
    recorded(torch.rand(1, 3, 2, 2, device="cuda"))
    assert encoder.calls == calls
    for height in range(6, 6 + 2 * RECORDINGS, 2):
        recorded(torch.rand(1, 3, height, 2, device="cuda"))
    calls = encoder.calls
    recorded(torch.rand(1, 3, 2, 2, device="cuda"))
    assert encoder.calls > calls
