# SPDX-License-Identifier: Apache-2.0
"""Strict loading: every key, every shape, no code, no half files."""

import pickle
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.text.clip_tower import ClipTextTower
from talk2dino_ros.engine.weights.state_dicts import build_and_load, read_state_dict


def build():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


def test_values_arrive_and_the_network_is_frozen_and_in_evaluation_mode(path):
    state = {key: torch.rand_like(tensor, dtype=torch.float32) for key, tensor in build().state_dict().items()}
    network = build_and_load(build, state, path)
    for key, tensor in network.state_dict().items():
        assert torch.equal(tensor, state[key].to(tensor.dtype))
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_buffers_that_no_file_holds_keep_their_values(path):
    class Masked(nn.Linear):
        def __init__(self):
            super().__init__(2, 2)
            self.register_buffer("mask", torch.empty(2, 2).fill_(-1).triu_(1), persistent=False)

    assert build_and_load(Masked, nn.Linear(2, 2).state_dict(), path).mask.tolist() == [[0, -1], [0, 0]]


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_files_tensors_are_in_memory_once(tmp_path, suffix):
    path = tmp_path / f"weights.{suffix}"
    (save_file if suffix == "safetensors" else torch.save)(build().state_dict(), path)
    state = read_state_dict(path)
    assert str(path) not in Path("/proc/self/maps").read_text()  # where it is mapped, its pages are memory too
    network = build_and_load(build, state, path)
    assert all(tensor.data_ptr() == state[key].data_ptr() for key, tensor in network.state_dict().items())


def test_of_a_safetensors_file_no_more_than_what_is_wanted_is_in_memory(tmp_path):
    save_file({"text.weight": torch.ones(2, 3), "visual.weight": torch.ones(1000)}, tmp_path / "both.safetensors")
    read = read_state_dict(tmp_path / "both.safetensors", wanted=lambda key: key.startswith("text."))
    assert {key: tensor.untyped_storage().nbytes() for key, tensor in read.items()} == {"text.weight": 24}


def test_a_file_without_anything_wanted_is_read_whole_for_the_loader_to_name_what_it_holds(tmp_path):
    save_file({"visual.weight": torch.ones(2)}, tmp_path / "other.safetensors")
    assert list(read_state_dict(tmp_path / "other.safetensors", wanted=lambda key: False)) == ["visual.weight"]


def test_a_network_keeps_its_number_format_and_its_layout_whatever_the_files(path):
    weight = torch.arange(12.0).view(4, 3)
    state = build().state_dict() | {"0.weight": weight.half().t().contiguous().t()}
    loaded = build_and_load(build, state, path)[0].weight
    assert (loaded.dtype, loaded.is_contiguous()) == (torch.float32, True)
    assert torch.equal(loaded, weight)


def test_a_safetensors_file_that_changes_after_loading_changes_no_network(tmp_path):
    path = tmp_path / "weights.safetensors"
    state = {key: torch.ones_like(tensor) for key, tensor in build().state_dict().items()}
    save_file(state, path)
    network = build_and_load(build, read_state_dict(path), path)
    with path.open("r+b") as file:  # in place, as `cp` writes over a file
        size = path.stat().st_size
        file.seek(size - 60)
        file.write(bytes(60))
    assert all(torch.equal(tensor, state[key]) for key, tensor in network.state_dict().items())


class Writes(TorchDispatchMode):
    """Notes the sizes of what is written into, at its place."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func._schema.is_mutable:
            self.sizes.append(args[0].numel())
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "build",
    [
        lambda: timm.create_model("vit_tiny_patch16_224", num_classes=0, depth=1),
        lambda: timm.create_model("tf_efficientnet_lite0"),
        lambda: ClipTextTower(width=64, heads=2, layers=1),
    ],
    ids=["vit", "efficientnet", "clip"],
)
def test_what_a_network_would_begin_with_is_not_written_and_so_takes_no_memory(build, path):
    state = build().state_dict()
    largest_buffer = max((tensor.numel() for tensor in build().buffers()), default=0)
    with Writes() as writes:
        build_and_load(build, state, path)
    parameters = {tensor.numel() for tensor in build().parameters()}
    assert max(parameters) > largest_buffer
    assert [size for size in writes.sizes if size > largest_buffer] == []


def test_missing_and_unexpected_keys_are_named(path):
    state = build().state_dict()
    state["0.scale"] = state.pop("0.bias")
    with pytest.raises(WeightsError, match=r"1 missing key \(0\.bias\) and 1 unexpected key \(0\.scale\).*fetch it"):
        build_and_load(build, state, path)


def test_of_many_missing_keys_three_are_named_and_all_counted(path):
    with pytest.raises(WeightsError, match=r"7 missing keys \(0\.weight, 0\.bias, 1\.weight, …\) and no unexpected"):
        build_and_load(build, {}, path)


def test_a_tensor_of_another_shape_is_named_with_both_shapes(path):
    state = {**build().state_dict(), "0.weight": torch.zeros(4, 2)}
    with pytest.raises(WeightsError, match=r"0\.weight of shape \[4, 2\], expected \[4, 3\]"):
        build_and_load(build, state, path)


def test_pickles_and_safetensors_hold_the_same(tmp_path):
    state = build().state_dict()
    torch.save(state, tmp_path / "a.pth")
    save_file(state, tmp_path / "a.safetensors")
    for path in (tmp_path / "a.pth", tmp_path / "a.safetensors"):
        read = read_state_dict(path)
        assert read.keys() == state.keys()
        assert all(torch.equal(read[key], tensor) for key, tensor in state.items())


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
@pytest.mark.parametrize("wrapper", ["", "state_dict", "model_state_dict"])
def test_wrappers_of_training_loops_are_removed_from_keys(tmp_path, prefix, wrapper):
    state = build().state_dict()
    content = {f"{prefix}{key}": tensor for key, tensor in state.items()}
    torch.save({wrapper: content, "epoch": 3, "optimizer": {"lr": 0.1}} if wrapper else content, tmp_path / "a.pth")
    read = read_state_dict(tmp_path / "a.pth")
    assert read.keys() == state.keys()
    assert all(torch.equal(read[key], tensor) for key, tensor in state.items())


def test_a_prefix_that_not_all_names_have_is_part_of_the_names(tmp_path):
    save_file({"module.weight": torch.ones(1), "bias": torch.ones(1)}, tmp_path / "a.safetensors")
    assert read_state_dict(tmp_path / "a.safetensors").keys() == {"module.weight", "bias"}


@pytest.mark.parametrize("keep", [0, 10, 400, -20])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_truncated_file_is_refused_with_its_size(tmp_path, suffix, keep):
    path = tmp_path / f"weights.{suffix}"
    (save_file if suffix == "safetensors" else torch.save)(build().state_dict(), path)
    path.write_bytes(path.read_bytes()[: keep or 0] if keep >= 0 else path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=rf"{path} \({path.stat().st_size} bytes\) cannot be read .* fetch it again"):
        read_state_dict(path)


class Shout:
    def __reduce__(self):
        return print, ("code ran",)


@pytest.mark.parametrize("write", [lambda value, path: path.write_bytes(pickle.dumps(value)), torch.save])
def test_a_pickle_with_code_is_refused_and_does_not_run(path, write, capsys):
    write({"weight": Shout()}, path)
    with pytest.raises(WeightsError, match="cannot be read"):
        read_state_dict(path)
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [[torch.zeros(1)], {"epoch": 3}, {}, {"model": {"w": torch.zeros(1)}}])
def test_anything_but_named_tensors_is_refused(path, content):
    torch.save(content, path)
    with pytest.raises(WeightsError, match=f"holds a {type(content).__name__}, expected a dict of named tensors"):
        read_state_dict(path)


def test_an_html_page_in_place_of_weights_is_refused(path):
    path.write_text("<html>Not Found</html>")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_state_dict(path)


def test_a_file_that_is_gone_is_refused(path):
    with pytest.raises(WeightsError, match=r"\(0 bytes\) cannot be read"):
        read_state_dict(path)
