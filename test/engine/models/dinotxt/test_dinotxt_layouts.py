# SPDX-License-Identifier: Apache-2.0
"""The two published layouts: counts and shapes at full size without memory, round trips, and what is refused."""

from pathlib import Path

import pytest
import torch

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.models.dinotxt.dinotxt_layouts import head_part, text_part
from talk2dino_ros.engine.models.dinotxt.dinotxt_text import load_dinotxt_text_encoder
from talk2dino_ros.engine.models.dinotxt.dinotxt_vision import load_vision_head
from talk2dino_ros.engine.models.dinotxt.text_tower import TextTower
from talk2dino_ros.engine.models.dinotxt.vision_head import VisionHead
from talk2dino_ros.engine.weights.state_dicts import check_keys

PATH = Path("dinotxt.pth")
WIDTH, HEADS = 48, 3
TEXT_SIZE = {"width": 32, "heads": 4, "layers": 2, "output_size": 24}


def on_meta(shapes):
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


def values(state):
    return sum(tensor.numel() for tensor in state.values())


@pytest.mark.parametrize("release", ["DINOv2's", "DINOv3's"])
def test_the_networks_of_full_size_take_the_published_tensors_key_for_key(
    head_shapes, text_shapes, in_one_file, release
):
    head, text = on_meta(head_shapes(1024)), on_meta(text_shapes(1280, 24, 2048))
    assert (len(head), values(head)) == (32, 25_326_336)
    assert (len(text), values(text)) == (269, 538_131_200)
    if release == "DINOv3's":
        head = text = in_one_file(head, text)
    with torch.device("meta"):
        check_keys(VisionHead(1024, 16).state_dict(), head_part(head, PATH), PATH)
        check_keys(TextTower().state_dict(), text_part(text, PATH), PATH)


@pytest.fixture
def states(seeded_head, text_shapes, seeded):
    """Seeded small files of DINOv2's release: (the head's, the text tower's)."""
    return seeded_head(WIDTH), seeded(text_shapes(32, 2, 24), number=1)


@pytest.fixture
def load_head(checkpoint_of, tmp_path):
    def load(state):
        torch.save(state, tmp_path / "head.pth")
        return load_vision_head(checkpoint_of("head", tmp_path / "head.pth")["head"], WIDTH, HEADS)

    return load


@pytest.fixture
def load_text(checkpoint_of, tmp_path):
    def load(state):
        torch.save(state, tmp_path / "text.pth")
        return load_dinotxt_text_encoder(checkpoint_of("text", tmp_path / "text.pth"), **TEXT_SIZE).tower

    return load


def test_all_values_are_loaded_from_either_layout(states, in_one_file, load_head, load_text):
    head, text = states
    both = in_one_file(head, text)
    for network in (load_head(head), load_head(both)):
        own = network.state_dict()
        assert len(own) == len(head)
        for key, value in head.items():
            assert torch.equal(own[key.replace("block_list", "blocks")], value)
    for network in (load_text(text), load_text(both)):
        own = network.state_dict()
        assert len(own) == len(text)
        for key, value in text.items():
            assert torch.equal(own[key.replace("backbone.", "").replace("head.", "")], value)


def test_the_temperature_may_be_missing_from_the_combined_file(states, in_one_file, load_head, load_text):
    both = in_one_file(*states)
    del both["logit_scale"]
    head, text = load_head(both).state_dict(), load_text(both).state_dict()
    assert (len(head), len(text)) == tuple(map(len, states))


@pytest.mark.parametrize("surprise", ["surprise", "visual_model.backbone.norm.weight", "text_model.surprise"])
def test_an_unknown_key_is_refused(states, in_one_file, load_text, surprise):
    both = in_one_file(*states) | {surprise: torch.zeros(1)}
    name = surprise.removeprefix("text_model.").replace(".", r"\.")
    with pytest.raises(WeightsError, match=rf"no missing keys and 1 unexpected key \({name}\)"):
        load_text(both)


@pytest.mark.parametrize("surprise", ["logit_scale", "block_list.2.norm1.weight", "linear_projection.weight"])
def test_a_key_that_the_heads_own_file_lacks_is_refused(states, load_head, surprise):
    with pytest.raises(WeightsError, match="no missing keys and 1 unexpected key"):
        load_head(states[0] | {surprise: torch.zeros(1)})


@pytest.mark.parametrize("index", range(32))
def test_each_tensor_of_the_head_is_needed(states, load_head, index):
    head = dict(states[0])
    key = list(head)[index]
    del head[key]
    name = key.replace("block_list", "blocks").replace(".", r"\.")
    with pytest.raises(WeightsError, match=rf"1 missing key \({name}\) and no unexpected keys"):
        load_head(head)


def test_a_tensor_of_another_shape_is_refused(states, load_text):
    wrong = states[1] | {"head.linear_projection.weight": torch.zeros(20, 32)}
    with pytest.raises(WeightsError, match=r"linear_projection\.weight of shape \[20, 32\], expected \[24, 32\]"):
        load_text(wrong)


def test_one_tensor_under_two_names_is_refused(states, load_head):
    head = states[0] | {"blocks.0.ls1.gamma": torch.zeros(WIDTH)}
    with pytest.raises(WeightsError, match=r"holds blocks\.0\.ls1\.gamma under two names"):
        load_head(head)


def test_the_files_of_the_two_networks_are_not_mistaken_for_each_other(states, load_head, load_text):
    head, text = states
    with pytest.raises(WeightsError, match="32 missing keys"):
        load_head(text)
    # of its 27 two have names that the head has as well
    with pytest.raises(WeightsError, match="25 missing keys"):
        load_text(head)
