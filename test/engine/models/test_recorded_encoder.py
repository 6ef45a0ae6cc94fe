# SPDX-License-Identifier: Apache-2.0
import pytest
import timm
import torch
from fake_cuda import fake_cuda

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.factory import load_segmenter
from talk2dino_ros.engine.models.recorded_encoder import RECORDINGS, RecordedEncoder
from talk2dino_ros.engine.models.vit import SIZES, DinoImageEncoder, ImageFeatures

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA GPU, which PyTorch does not see here"
)


def test_a_cpu_encoder_is_not_recorded():
    with pytest.raises(
        ModelError, match="cuda_graphs was asked for with device cpu and backend torch, expected a CUDA"
    ):
        load_segmenter("mini", device="cpu", cuda_graphs=True)


class Doubler:
    patch_size = 2
    has_attention = True

    def __init__(self):
        self.calls = 0

    def at_size(self, size):
        return None

    def __call__(self, images, return_attention=False):
        self.calls += 1
        return ImageFeatures(2 * images, images.flatten(2)[:, :, :3] if return_attention else None)


def tiny_encoder(network, **options):
    size = {"embed_dim": 48, "depth": 2, "num_heads": 3, "num_classes": 0}
    network = timm.create_model(network, dynamic_img_size=True, **size, **options)
    return DinoImageEncoder(network.eval(), (0.5,) * 3, (0.5,) * 3)


def test_a_recorded_graphs_inputs_stay_alive_after_many_other_sizes():
    encoder = tiny_encoder("vit_base_patch14_reg4_dinov2", img_size=56)
    with fake_cuda() as watch, torch.inference_mode():
        recorded = RecordedEncoder(encoder.to("cuda"))
        first = torch.rand(1, 3, 70, 70, device="cuda")  # not the size of the weights, whose positions are there anyway
        for other in range(1, 2 * SIZES + 1):  # the first size is recorded once, and replayed since
            recorded(first)
            recorded(torch.rand(1, 3, 70, 70 + 14 * other, device="cuda"))
        assert watch.graphs[0].replays == 2 * SIZES
        assert watch.graphs[0].input_count > 20  # the weights among them


@pytest.mark.parametrize("network", ["vit_base_patch14_reg4_dinov2", "vit_base_patch16_dinov3"])
def test_each_device_records_its_own_graph(network):
    encoders = {device: tiny_encoder(network) for device in ("cuda:1", "cuda:0")}
    with fake_cuda() as watch, torch.inference_mode():
        for device, encoder in encoders.items():
            recorded = RecordedEncoder(encoder.to(device))
            for _ in range(2):
                features = recorded(torch.rand(1, 3, 112, 112, device=device), return_attention=True)
            assert {str(tensor.device) for tensor in features} == {device}
            assert watch.device_index == 0
        assert [graph.replays for graph in watch.graphs] == [2, 2]


@needs_gpu
def test_a_replayed_graph_gives_each_image_its_own_features():
    recorded = RecordedEncoder(Doubler())
    images = [torch.rand(1, 3, 4, 4, device="cuda") for _ in range(3)]
    seen = [recorded(image, return_attention=True) for image in images]
    for image, features in zip(images, seen, strict=True):
        torch.testing.assert_close(features.patch_features, 2 * image)
        torch.testing.assert_close(features.cls_attention, image.flatten(2)[:, :, :3])


@needs_gpu
def test_each_shape_is_recorded_once_and_the_oldest_recording_is_evicted():
    encoder = Doubler()
    recorded = RecordedEncoder(encoder)
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
