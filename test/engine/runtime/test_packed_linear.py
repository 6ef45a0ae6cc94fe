# SPDX-License-Identifier: Apache-2.0
"""Against PyTorch's own linear layer."""

import os
import platform
import subprocess
import sys

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F

from talk2dino_ros.engine.models.vit import DinoImageEncoder
from talk2dino_ros.engine.runtime import packed_linear
from talk2dino_ros.engine.runtime.packed_linear import PackedLinear, can_pack, pack_linears

pytestmark = pytest.mark.skipif(not can_pack(), reason="this PyTorch has no oneDNN, or not its packed linear layer")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 37, 64), (3, 5, 64), (7, 64)])
def test_a_packed_layer_equals_a_linear_layer(shape, bias):
    torch.manual_seed(0)
    linear = nn.Linear(64, 96, bias=bias).bfloat16()
    x = torch.randn(shape).bfloat16()
    with torch.inference_mode():
        exact = linear.float()(x.float())
        packed = PackedLinear(linear.bfloat16())(x)
    assert packed.dtype == torch.bfloat16
    torch.testing.assert_close(packed.float(), exact, rtol=2**-8, atol=2**-8)  # bf16 keeps 8 bits


@pytest.fixture
def two_threads(of_threads):
    with of_threads(2):
        yield


@pytest.fixture
def amx(monkeypatch):
    """A CPU with it, where pieces pay; they compute the same on any."""
    monkeypatch.setattr(packed_linear, "cpu_has", lambda name: name == "amx_bf16")


@pytest.mark.usefixtures("two_threads", "amx")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("width", [768, 1024])
@pytest.mark.parametrize(
    ("shape", "in_pieces"), [((1, 479), False), ((2, 240), True), ((1319,), True), ((1320,), False)]
)
def test_a_narrow_layer_split_in_pieces_gives_the_same_result(width, shape, in_pieces, bias):
    torch.manual_seed(0)
    linear = nn.Linear(96, width, bias=bias).bfloat16()
    x = torch.randn(*shape, 96).bfloat16()
    packed = PackedLinear(linear)
    with torch.inference_mode():
        result, exact = packed(x), linear.float()(x.float())
    assert packed.takes_pieces(x[..., 0].numel()) == in_pieces
    assert result.shape == exact.shape
    torch.testing.assert_close(result.float(), exact, rtol=2**-8, atol=2**-8)


@pytest.mark.usefixtures("two_threads", "amx")
@pytest.mark.parametrize(("size", "width"), [(768, 2304), (4096, 1024), (384, 384)])
def test_layers_whose_width_suits_two_threads_are_not_split(size, width):
    assert not PackedLinear(nn.Linear(size, width).bfloat16()).takes_pieces(1029)


@pytest.mark.parametrize(
    ("threads", "instructions"), [(2, "avx512_bf16"), (2, "bf16"), (1, "amx_bf16"), (4, "amx_bf16")]
)
def test_layers_are_split_only_with_amx_and_two_threads(monkeypatch, of_threads, threads, instructions):
    monkeypatch.setattr(packed_linear, "cpu_has", lambda name: name == instructions)
    with of_threads(threads):
        assert not PackedLinear(nn.Linear(96, 768).bfloat16()).takes_pieces(1029)


def test_gelu_is_taken_before_the_result_is_rounded():
    torch.manual_seed(0)
    linear = nn.Linear(64, 96).bfloat16()
    x = torch.randn(500, 64).bfloat16()
    with torch.inference_mode():
        result = PackedLinear(linear, gelu=True)(x)
        exact = F.gelu(linear.double()(x.double()))
    torch.testing.assert_close(result.double(), exact, rtol=2**-8, atol=2**-12)


def names_of_packed(network):
    """Which layers of which block are packed."""
    packed = [name.split(".", 2) for name, part in network.named_modules() if isinstance(part, PackedLinear)]
    return {int(number): {name for _, other, name in packed if other == number} for _, number, _ in packed}


OTHERS = {"attn.proj", "mlp.fc1", "mlp.fc2"}
ALL = {"attn.qkv", *OTHERS}


# the weights of qkv are read in the last block for the attention; and in all where timm adds biases of their own
@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("vit_small_patch14_reg4_dinov2", {0: ALL, 1: ALL, 2: OTHERS}),
        ("vit_small_patch16_dinov3", {0: ALL, 1: ALL, 2: OTHERS}),
        ("vit_small_patch16_dinov3_qkvb", {0: OTHERS, 1: OTHERS, 2: OTHERS}),
    ],
)
def test_a_packed_network_gives_the_same_features(name, packed, seed):
    vit = timm.create_model(name, depth=3, num_classes=0, dynamic_img_size=True)
    seed(vit)
    encoder = DinoImageEncoder(vit.bfloat16(), (0.5,) * 3, (0.5,) * 3)
    images = torch.rand(2, 3, 112, 112)
    with torch.inference_mode():
        before = encoder(images, return_attention=True)
        pack_linears(vit)
        after = encoder(images, return_attention=True)
    assert names_of_packed(vit) == packed
    for one, other in zip(before, after, strict=True):
        cosine = torch.cosine_similarity(one.flatten(1).float(), other.flatten(1).float())
        assert cosine.min() > 0.9999


@pytest.mark.parametrize(("approximate", "taken"), [("none", True), ("tanh", False)])
def test_the_exact_gelu_alone_becomes_part_of_the_layer_before_it(approximate, taken, seed):
    vit = timm.create_model("vit_small_patch14_reg4_dinov2", depth=1, num_classes=0, img_size=56)
    vit.blocks[0].mlp.act = nn.GELU(approximate=approximate)
    seed(vit)
    vit.bfloat16()
    images = torch.rand(1, 3, 56, 56).bfloat16()
    with torch.inference_mode():
        before = vit.forward_features(images)
        pack_linears(vit)
        after = vit.forward_features(images)
    assert isinstance(vit.blocks[0].mlp.act, nn.Identity) == taken
    assert torch.cosine_similarity(before.float(), after.float(), dim=-1).min() > 0.9999


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="only x86's instructions can be limited")
def test_where_onednn_takes_no_bf16_the_layers_stay_as_they_are_and_compute():
    program = """
import timm, torch
from talk2dino_ros.engine.runtime.packed_linear import can_pack, pack_linears
vit = timm.create_model("vit_tiny_patch16_224", depth=1, num_classes=0, img_size=32).bfloat16().eval()
pack_linears(vit)
with torch.inference_mode():
    seen = vit(torch.ones(1, 3, 32, 32).bfloat16())
    print(can_pack(), type(vit.blocks[0].mlp.fc1).__name__, seen.isfinite().all().item())
"""
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.stdout.split() == ["False", "Linear", "True"], run.stderr


def test_layers_in_float32_stay_as_they_are():
    vit = timm.create_model("vit_small_patch14_reg4_dinov2", depth=1, num_classes=0)
    pack_linears(vit)
    assert not names_of_packed(vit)
