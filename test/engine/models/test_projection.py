# SPDX-License-Identifier: Apache-2.0
"""The projection against its formula, and the authors' published files."""

import numpy as np
import pytest
import torch

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.models.projection import Projection, load_projection
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.weights.weights_files import Checkpoint

SIZES = {"text_size": 6, "hidden_size": 5, "embedding_size": 4}


def test_projection_is_linear_tanh_linear():
    projection = Projection(**SIZES)
    text_features = torch.randn(3, 6)
    w1, b1, w2, b2 = (parameter.detach().numpy() for parameter in projection.parameters())
    expected = np.tanh(text_features.numpy() @ w1.T + b1) @ w2.T + b2
    np.testing.assert_allclose(projection(text_features).detach().numpy(), expected, atol=1e-6)


def test_projection_has_the_published_key_names():
    assert {key: tuple(tensor.shape) for key, tensor in Projection(512, 768, 768).state_dict().items()} == {
        "linear_layer.weight": (768, 512),
        "linear_layer.bias": (768,),
        "hidden_layers.0.weight": (768, 768),
        "hidden_layers.0.bias": (768,),
    }


def test_a_projection_of_another_size_is_refused(checkpoint_of, tmp_path):
    torch.save(Projection(6, 5, 7).state_dict(), tmp_path / "p.pth")
    with pytest.raises(WeightsError, match=r"hidden_layers\.0\.weight of shape \[7, 5\], expected \[4, 5\]"):
        load_projection(checkpoint_of("projection", tmp_path / "p.pth"), **SIZES)


@pytest.mark.parametrize("name", ["talk2dino_vitb", "talk2dinov3_vitb"])
def test_the_published_projection_loads_with_its_sum_checked(published_weights, name):
    model = MODELS[name]
    (file,) = [file for file in model.files if file.role == "projection"]
    path = published_weights / file.names[0]
    assert path.name in file.sha256
    projection = model.load_projection({"projection": Checkpoint(file, path)})
    state = torch.load(path, map_location="cpu", weights_only=True)
    text_features = torch.randn(4, 512)
    hidden = torch.tanh(text_features @ state["linear_layer.weight"].T + state["linear_layer.bias"])
    expected = hidden @ state["hidden_layers.0.weight"].T + state["hidden_layers.0.bias"]
    torch.testing.assert_close(projection(text_features), expected, rtol=0, atol=1e-4)
