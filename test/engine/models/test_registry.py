# SPDX-License-Identifier: Apache-2.0
"""The table of models, held against the published layouts, and loading from a folder."""

import shutil
from dataclasses import replace

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from transformers import Dinov2WithRegistersConfig, Dinov2WithRegistersModel

from talk2dino_ros.engine.errors import ModelError, WeightsError
from talk2dino_ros.engine.models.networks import Networks, load_networks
from talk2dino_ros.engine.models.projection import Projection
from talk2dino_ros.engine.models.registry import MODELS, find_model
from talk2dino_ros.engine.weights.published_layouts import to_timm
from talk2dino_ros.engine.weights.sources import GatedFile, UrlFile
from talk2dino_ros.engine.weights.state_dicts import check_keys

PAPERS = [name for name in MODELS if name.startswith("talk2dino")]


def file_of(model, role):
    return next(file for file in model.files if file.role == role)


def test_an_unknown_model_is_refused_with_the_known_names():
    names = ", ".join(MODELS)
    assert names.startswith("talk2dino_vitb, talk2dino_vitl")
    assert names.endswith("mini")
    with pytest.raises(ModelError, match=rf"model is 'talk2dino', expected one of {names}"):
        find_model("talk2dino")


@pytest.mark.parametrize("name", MODELS)
def test_a_row_is_found_by_its_name_and_has_one_file_for_each_role(name):
    model = find_model(name)
    assert model.name == name
    roles = [file.role for file in model.files]
    assert len(set(roles)) == len(roles)
    assert {"image", "text"} <= set(roles)
    assert ("projection" in roles) == (not name.startswith("dinotxt"))
    assert set(roles) >= {*model.image_roles, *model.text_roles}


@pytest.mark.parametrize("name", PAPERS)
def test_thresholds_and_temperature_are_the_papers(name):
    model = MODELS[name]
    assert model.background == (0.55 if name.endswith("vitb") else 0.54)
    assert model.logit_scale == pytest.approx(14.2857, abs=1e-4)
    assert len(model.templates) == 7


def test_only_dinov3_is_gated():
    gated = {name for name, model in MODELS.items() for f in model.files if isinstance(f.source, GatedFile)}
    assert gated == {"talk2dinov3_vitb", "talk2dinov3_vitl", "dinotxtv3_vitl"}


def published_backbone(generation, width, depth, patch_size):
    """List the tensors of the original file by name, as its documentation and its readers name them."""
    grid = 1 + 37 * 37
    blocks = {
        "norm1.weight": [width],
        "norm1.bias": [width],
        "attn.qkv.weight": [3 * width, width],
        "attn.qkv.bias": [3 * width],
        "attn.proj.weight": [width, width],
        "attn.proj.bias": [width],
        "ls1.gamma": [width],
        "norm2.weight": [width],
        "norm2.bias": [width],
        "mlp.fc1.weight": [4 * width, width],
        "mlp.fc1.bias": [4 * width],
        "mlp.fc2.weight": [width, 4 * width],
        "mlp.fc2.bias": [width],
        "ls2.gamma": [width],
    }
    shapes = {
        "cls_token": [1, 1, width],
        "mask_token": [1, width],
        "patch_embed.proj.weight": [width, 3, patch_size, patch_size],
        "patch_embed.proj.bias": [width],
        "norm.weight": [width],
        "norm.bias": [width],
    }
    if generation == 2:
        shapes |= {"pos_embed": [1, grid, width], "register_tokens": [1, 4, width]}
    else:
        blocks["attn.qkv.bias_mask"] = [3 * width]
        shapes |= {"storage_tokens": [1, 4, width], "rope_embed.periods": [16]}
    shapes |= {f"blocks.{i}.{name}": shape for i in range(depth) for name, shape in blocks.items()}
    return {
        name: torch.zeros(shape, device="cpu" if name.endswith("qkv.bias") else "meta")
        for name, shape in shapes.items()
    }


@pytest.mark.parametrize(
    ("name", "generation", "width", "depth_and_tensors"),
    [
        ("talk2dino_vitb", 2, 768, (12, 176)),
        ("talk2dino_vitl", 2, 1024, (24, 344)),
        ("talk2dinov3_vitb", 3, 768, (12, 188)),
        ("talk2dinov3_vitl", 3, 1024, (24, 368)),
    ],
)
def test_each_rows_network_takes_the_published_backbone_key_for_key(
    name, generation, width, depth_and_tensors, tmp_path
):
    depth, tensors = depth_and_tensors
    model = MODELS[name]
    state = published_backbone(generation, width, depth, model.patch_size)
    assert len(state) == tensors
    network = timm.create_model(model.load_image_encoder.keywords["network"], num_classes=0, device="meta")
    check_keys(network.state_dict(), to_timm(state, tmp_path), tmp_path)
    # the authors' file on the Hub has DINO as `model`, beside CLIP and the projection
    one_file = {"logit_scale": torch.ones(()), "proj.linear_layer.weight": torch.ones(2, 2)}
    one_file |= {f"model.{key}": tensor for key, tensor in state.items()}
    check_keys(network.state_dict(), to_timm(one_file, tmp_path), tmp_path)
    assert network.patch_embed.patch_size == (model.patch_size, model.patch_size)
    assert network.num_prefix_tokens == 5
    assert model.embedding_size == width
    bytes_in_fp32 = 4 * sum(tensor.numel() for tensor in state.values())
    assert file_of(model, "image").size == pytest.approx(bytes_in_fp32, rel=0.01)


def published_clip():
    """The tensors of OpenAI's ViT-B/16 by name; of the visual half one stands for all."""
    width = 512
    block = {
        "attn.in_proj_weight": [3 * width, width],
        "attn.in_proj_bias": [3 * width],
        "attn.out_proj.weight": [width, width],
        "attn.out_proj.bias": [width],
        "ln_1.weight": [width],
        "ln_1.bias": [width],
        "mlp.c_fc.weight": [4 * width, width],
        "mlp.c_fc.bias": [4 * width],
        "mlp.c_proj.weight": [width, 4 * width],
        "mlp.c_proj.bias": [width],
        "ln_2.weight": [width],
        "ln_2.bias": [width],
    }
    shapes = {
        "positional_embedding": [77, width],
        "text_projection": [width, 512],
        "logit_scale": [],
        "visual.conv1.weight": [768, 3, 16, 16],
        "token_embedding.weight": [49408, width],
        "ln_final.weight": [width],
        "ln_final.bias": [width],
    }
    shapes |= {f"transformer.resblocks.{i}.{name}": shape for i in range(12) for name, shape in block.items()}
    return {name: torch.full(shape, 0.01) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def robot_folder(tmp_path_factory, seed, dino_layout):
    """A weights_dir with seeded files of the real sizes, and the backbone's oracle."""
    folder = tmp_path_factory.mktemp("weights")
    oracle = Dinov2WithRegistersModel(
        Dinov2WithRegistersConfig(
            hidden_size=768, num_hidden_layers=12, num_attention_heads=12, image_size=518, patch_size=14
        )
    )
    seed(oracle)
    torch.save(dino_layout(oracle.state_dict()), folder / "dinov2_vitb14_reg4_pretrain.pth")
    save_file(published_clip(), folder / "open_clip_model.safetensors")
    torch.save(Projection(512, 768, 768).state_dict(), folder / "seeded.pth")
    yield folder, oracle
    shutil.rmtree(folder)  # 600 MB, of which pytest would keep the last three runs'


@pytest.fixture
def seeded_vitb():
    """The default model's row, but for the projection's sum."""
    model = MODELS["talk2dino_vitb"]
    projection = replace(file_of(model, "projection"), source=UrlFile("http://localhost/seeded.pth"), sha256={})
    return replace(model, files=(file_of(model, "image"), file_of(model, "text"), projection))


@pytest.mark.slow
def test_the_default_model_runs_end_to_end_from_files_of_the_real_sizes(robot_folder, seeded_vitb):
    folder, oracle = robot_folder
    networks = load_networks(seeded_vitb, "cpu", torch.float32, folder)
    assert (networks.device, networks.precision) == ("cpu", "fp32")
    images = torch.rand(1, 3, 98, 140)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        features = networks.image_encoder(images, return_attention=True)
        tokens = oracle((images - mean.view(3, 1, 1)) / std.view(3, 1, 1)).last_hidden_state
        embeddings = networks.projection(networks.text.encoder.encode(["a photo of the large cat."]))
    expected = tokens[:, 5:].transpose(1, 2).reshape(1, 768, 7, 10)
    torch.testing.assert_close(features.patch_features, expected, rtol=0, atol=1e-4)
    assert features.cls_attention.shape == (1, 12, 70)
    assert embeddings.shape == (1, 768)


def tiny(text_encoder=None):
    """A row of tiny networks without files but for the text's."""
    model = MODELS["talk2dino_vitb"]
    return replace(
        model,
        files=(file_of(model, "text"),),
        load_image_encoder=lambda checkpoints, dtype: nn.Linear(1, 1).to(dtype),
        load_text_encoder=text_encoder or model.load_text_encoder,
        load_projection=lambda checkpoints: nn.Linear(1, 1),
    )


def test_the_text_encoder_is_read_when_it_is_first_used_and_once(tmp_path):
    (tmp_path / "ViT-B-16.pt").write_bytes(b"")
    reads = []

    def read(checkpoints):
        reads.append(checkpoints["text"].path)
        return nn.Linear(1, 1)

    networks = load_networks(tiny(read), "cpu", torch.bfloat16, tmp_path)
    assert reads == []
    assert networks.text.encoder is networks.text.encoder
    assert reads == [tmp_path / "ViT-B-16.pt"]
    assert networks.precision == "bf16"


def test_a_missing_text_file_is_reported_at_the_start(tmp_path):
    with pytest.raises(WeightsError, match=r"ViT-B-16\.pt"):
        load_networks(tiny(), "cpu", torch.float32, tmp_path)


def test_a_broken_text_file_is_refused_when_it_is_read(tmp_path):
    (tmp_path / "ViT-B-16.pt").write_bytes(b"broken")
    networks = load_networks(tiny(), "cpu", torch.float32, str(tmp_path))
    assert isinstance(networks, Networks)
    with pytest.raises(WeightsError, match=r"ViT-B-16\.pt .*cannot be read"):
        _ = networks.text.encoder
