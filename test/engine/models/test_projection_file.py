# SPDX-License-Identifier: Apache-2.0
"""A projection named by its path takes the model's own's place, or is refused with the reason."""

import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.errors import ModelError, WeightsError
from talk2dino_ros.engine.files.checksums import git_blob_id_of
from talk2dino_ros.engine.models.projection import Projection
from talk2dino_ros.engine.models.projection_file import (
    projection_bytes,
    projection_sum,
    read_card,
    with_projection_file,
)
from talk2dino_ros.engine.models.registry import MODELS, find_model
from talk2dino_ros.engine.weights.sources import LocalFile
from talk2dino_ros.engine.weights.weights_files import Checkpoint

VITB = find_model("talk2dino_vitb")


def projection(hidden_size=30, text_size=512, embedding_size=768, seed=0):
    torch.manual_seed(seed)
    return Projection(text_size, hidden_size, embedding_size)


def trained(path, model="talk2dino_vitb", **sizes):
    own = projection(**sizes)
    path.write_bytes(projection_bytes(own.state_dict(), {"model": model}))
    return own


def load(model):
    """As Networks does: find the file, and fill the network from it."""
    file = next(file for file in model.files if file.role == "projection")
    return model.load_projection({"projection": Checkpoint(file, file.source.find())})


def test_a_trained_file_is_loaded_with_its_own_hidden_size(tmp_path):
    path = tmp_path / "own.safetensors"
    own = trained(path)
    loaded = load(with_projection_file(VITB, path))
    text = torch.randn(3, 512)
    assert torch.equal(loaded(text), own(text).detach())
    assert read_card(path) == {"format": 1, "model": "talk2dino_vitb"}


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_a_projection_file_the_models_row_is_unchanged(nothing):
    assert with_projection_file(VITB, nothing) is VITB


def test_a_date_in_a_file_name_is_not_taken_for_a_sum(tmp_path):
    path = tmp_path / "own-20261122.safetensors"
    trained(path)
    assert isinstance(load(with_projection_file(VITB, path)), Projection)


def test_a_named_projection_file_is_preferred_to_the_weights_dir(tmp_path, monkeypatch):
    mini = find_model("mini")
    shipped = next(file for file in mini.files if file.role == "projection").source.find()
    half = {key: tensor.float() / 2 for key, tensor in load_file(shipped).items()}
    own = tmp_path / "own.safetensors"
    own.write_bytes(projection_bytes(half, {"model": "mini"}))
    (tmp_path / "weights").mkdir()
    shutil.copy(shipped, tmp_path / "weights")
    segmenter = load_segmenter(
        "mini", device="cpu", backend="torch", weights_dir=tmp_path / "weights", projection_file=str(own)
    )
    assert torch.equal(segmenter.networks.projection.state_dict()["linear_layer.bias"], half["linear_layer.bias"])
    plain = load_segmenter("mini", device="cpu", backend="torch")
    words = [each.encode_vocabulary(["cat", "dog"]).embeddings for each in (segmenter, plain)]
    assert not (abs(words[0] - words[1]) < 1e-3).all()


def test_a_projection_trained_for_another_model_is_refused(tmp_path):
    path = tmp_path / "own.safetensors"
    trained(path, model="talk2dinov3_vitb")
    with pytest.raises(WeightsError, match=r"own\.safetensors was made for talk2dinov3_vitb, expected talk2dino_vitb"):
        load_segmenter("talk2dino_vitb", device="cpu", projection_file=path)


def test_a_published_file_is_taken_by_its_own_model_and_by_no_other(published_weights, tmp_path):
    path = shutil.copy(published_weights / "vitb_mlp_infonce.pth", tmp_path / "renamed.pth")
    assert isinstance(load(with_projection_file(VITB, path)), Projection)
    with pytest.raises(WeightsError, match="was made for talk2dino_vitb, expected talk2dinov3_vitb"):
        with_projection_file(MODELS["talk2dinov3_vitb"], path)


def one_file_of(own):
    """The layout of the authors' repositories on the Hub: DINO, CLIP and the projection, each under its attribute."""
    others = {
        "logit_scale": torch.ones(()),
        "model.cls_token": torch.ones(1, 1, 8),
        "clip_model.ln_final.bias": torch.ones(8),
    }
    return others | {f"proj.{key}": tensor for key, tensor in own.state_dict().items()}


def test_the_hubs_one_file_of_all_networks_is_loaded(tmp_path):
    own = projection(hidden_size=768)
    save_file(one_file_of(own), tmp_path / "model.safetensors")
    loaded = load(with_projection_file(VITB, tmp_path / "model.safetensors"))
    text = torch.randn(3, 512)
    assert torch.equal(loaded(text), own(text).detach())


@pytest.mark.parametrize("hidden_size", [30, 768])
def test_a_training_loops_checkpoint_is_loaded(hidden_size, tmp_path):
    own = projection(hidden_size=hidden_size)
    content = {f"module.{key}": tensor for key, tensor in own.state_dict().items()}
    torch.save({"state_dict": content, "epoch": 7}, tmp_path / "own.pth")
    loaded = load(with_projection_file(VITB, tmp_path / "own.pth"))
    text = torch.randn(3, 512)
    assert torch.equal(loaded(text), own(text).detach())


def test_every_published_projection_has_its_git_blob_id(published_weights):
    """The same sum by which the ViT-L files are known; these two were read off the authors' commit too."""
    known = {"vitb_mlp_infonce.pth": "2e8fd647", "dinov3_vitb_mlp_infonce.pth": "bac8a30e"}
    for name, digits in known.items():
        assert git_blob_id_of(published_weights / name).startswith(digits)


def test_a_published_file_known_by_its_git_blob_id_is_accepted_by_its_own_model_only(tmp_path, monkeypatch):
    path = tmp_path / "renamed.pth"
    torch.save(projection(hidden_size=1024, embedding_size=1024).state_dict(), path)
    vitl = MODELS["talk2dino_vitl"]
    row = next(file for file in vitl.files if file.role == "projection")
    blob = replace(row, git_blobs={"vitl_mlp_infonce.pth": git_blob_id_of(path)})
    files = tuple(blob if file is row else file for file in vitl.files)
    monkeypatch.setitem(MODELS, "talk2dino_vitl", replace(vitl, files=files))
    assert projection_sum(with_projection_file(MODELS["talk2dino_vitl"], path)) == ""
    with pytest.raises(WeightsError, match="was made for talk2dino_vitl, expected talk2dinov3_vitl"):
        with_projection_file(MODELS["talk2dinov3_vitl"], path)


def test_projections_are_pinned_to_the_authors_commit_and_each_has_a_sum():
    for model in MODELS.values():
        for file in model.files:
            if file.role == "projection" and model.name != "mini":
                assert "/4918c2df1d00c644ecc7f34de070694af1a8bc69/weights/" in file.source.address
                assert [len(known.digits) for known in file.sums.values()] in ([64], [40])


@pytest.mark.parametrize("sizes", [{"text_size": 384}, {"embedding_size": 1024}])
def test_a_file_without_metadata_is_checked_by_its_shapes(sizes, tmp_path):
    path = tmp_path / "plain.safetensors"
    save_file(projection(**sizes).state_dict(), path)
    with pytest.raises(WeightsError, match=r"of shape .* it is the file of another model"):
        load(with_projection_file(VITB, path))


def test_other_tensors_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.ones(2)}, path)
    with pytest.raises(
        WeightsError, match=r"4 missing keys .* and 1 unexpected key \(weight\).*; name a projection of"
    ):
        load(with_projection_file(VITB, path))


def test_a_truncated_or_missing_projection_file_is_refused(tmp_path):
    path = tmp_path / "own.safetensors"
    trained(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(WeightsError, match="cannot be read"):
        with_projection_file(VITB, path)
    with pytest.raises(WeightsError, match=r"there is no projection_file .*nowhere"):
        with_projection_file(VITB, tmp_path / "nowhere.safetensors")
    with pytest.raises(WeightsError, match="there is no projection_file"):
        with_projection_file(VITB, tmp_path)


def test_a_later_format_is_refused(tmp_path):
    path = tmp_path / "own.safetensors"
    path.write_bytes(projection_bytes(projection().state_dict(), {"model": "talk2dino_vitb", "format": 2}))
    with pytest.raises(WeightsError, match="has the format 2, expected 1"):
        with_projection_file(VITB, path)


def test_a_model_without_a_projection_refuses_a_projection_file(tmp_path):
    path = tmp_path / "own.safetensors"
    trained(path)
    with pytest.raises(ModelError, match="with dinotxt_vitl, whose words need no projection"):
        with_projection_file(find_model("dinotxt_vitl"), path)


def test_the_reported_sum_is_that_of_the_projection_file(tmp_path):
    path = tmp_path / "own.safetensors"
    trained(path)
    own = with_projection_file(VITB, path)
    elsewhere = [
        replace(file, source=LocalFile(tmp_path / "nowhere")) for file in VITB.files if file.role != "projection"
    ]
    rest = [file for file in own.files if file.role == "projection"]
    assert projection_sum(replace(own, files=(*elsewhere, *rest))) == projection_sum(own) != ""
    assert projection_sum(replace(VITB, files=tuple(elsewhere))) == ""
