# SPDX-License-Identifier: Apache-2.0
"""Where a weights file is looked for, and whether it is the published one."""

import hashlib
import logging

import huggingface_hub.constants
import pytest
import torch
from torch import nn

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.weights.sources import HubFile, UrlFile
from talk2dino_ros.engine.weights.weights_files import Checkpoint, WeightsFile, check_sum, find, known_sum, locate

HUB_FILE = WeightsFile("image", HubFile("a/net.v1", "model.safetensors"), "MIT", 9, other_names=("net-*.pth",))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def folder(tmp_path, caches):
    path = tmp_path / "robot"
    path.mkdir()
    return path


@pytest.mark.parametrize("name", ["net-1a.pth", "net.v1/model.safetensors", "model.safetensors"])
def test_every_published_name_is_found_in_weights_dir(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"")
    assert locate(HUB_FILE, folder) == folder / name


def test_a_missing_file_names_itself_its_address_and_the_folder(folder):
    names = r"net-\*\.pth or net\.v1/model\.safetensors or model\.safetensors"
    address = r"https://huggingface\.co/a/net\.v1/resolve/main/model\.safetensors"
    with pytest.raises(WeightsError, match=rf"{folder} has no {names}.* get it from {address} and put it there"):
        locate(HUB_FILE, folder)


def test_with_a_weights_dir_no_cache_is_searched(folder, caches):
    (caches / "net-1a.pth").write_bytes(b"")
    assert find(HUB_FILE) == caches / "net-1a.pth"
    assert find(HUB_FILE, folder) is None


def test_a_weights_dir_that_is_no_folder_is_refused(folder):
    with pytest.raises(WeightsError, match=rf"weights_dir is {folder}/nowhere, expected a folder"):
        locate(HUB_FILE, folder / "nowhere")


def test_another_programs_model_safetensors_in_torch_hubs_folder_is_not_taken(caches):
    (caches / "model.safetensors").write_bytes(b"")
    assert find(HUB_FILE) is None


def test_first_use_downloads_and_later_use_does_not(caches, file_server):
    server = file_server(b"weights")
    file = WeightsFile("projection", UrlFile(server.url), "MIT", 7, sha256={"file.bin": sha256(b"weights")})
    assert locate(file) == locate(file) == caches / "file.bin"
    assert len(server.ranges) == 1


def test_a_file_with_the_wrong_sum_is_refused_with_both_sums(folder):
    (folder / "file.bin").write_bytes(b"changed")
    file = WeightsFile("projection", UrlFile("http://h/file.bin"), "MIT", 7, sha256={"file.bin": sha256(b"weights")})
    with pytest.raises(WeightsError, match=rf"{sha256(b'changed')}, expected {sha256(b'weights')}"):
        Checkpoint(file, folder / "file.bin").read()


def test_a_sum_in_the_name_is_checked_as_torch_hub_does(folder):
    right, wrong = folder / f"net-{sha256(b'w')[:8]}.pth", folder / "net-00000000.pth"
    for path in (right, wrong):
        path.write_bytes(b"w")
    assert check_sum(HUB_FILE, right) == sha256(b"w")
    with pytest.raises(WeightsError, match="expected 00000000"):
        Checkpoint(HUB_FILE, wrong).read()


def test_the_hubs_cache_names_files_by_their_sum(folder):
    (folder / sha256(b"w")).write_bytes(b"w")
    (folder / "model.safetensors").symlink_to(folder / sha256(b"w"))
    assert known_sum(HUB_FILE, folder / "model.safetensors").digits == sha256(b"w")
    assert check_sum(HUB_FILE, folder / "model.safetensors") == sha256(b"w")
    (folder / sha256(b"w")).write_bytes(b"changed")
    with pytest.raises(WeightsError, match=f"expected {sha256(b'w')}"):
        check_sum(HUB_FILE, folder / "model.safetensors")


def test_a_download_that_does_not_match_its_sum_in_the_hubs_cache_is_refused(folder, monkeypatch):
    (folder / sha256(b"w")).write_bytes(b"torn")
    (folder / "model.safetensors").symlink_to(folder / sha256(b"w"))
    monkeypatch.setattr(HubFile, "download", lambda self, sums: folder / "model.safetensors")
    with pytest.raises(WeightsError, match=f"expected {sha256(b'w')}"):
        locate(HUB_FILE)


def test_a_downloaded_file_of_unknown_sum_is_taken_with_a_warning(folder, caplog):
    torch.save({"a": torch.ones(2)}, folder / "file.bin")
    unknown = WeightsFile("projection", UrlFile("http://h/file.bin"), "MIT", 7)
    with caplog.at_level(logging.WARNING, "talk2dino"):
        assert torch.equal(Checkpoint(unknown, folder / "file.bin").read()["a"], torch.ones(2))
    assert f"{folder / 'file.bin'} is taken without a check" in caplog.text


@pytest.fixture
def torchscript(folder):
    """Write a TorchScript archive, as OpenAI's CLIP is one."""
    path = folder / "ViT-B-16.pt"
    with pytest.warns(FutureWarning, match="deprecated"):
        torch.jit.script(nn.Linear(2, 3)).save(str(path))
    return path


def test_a_torchscript_archive_is_opened_when_its_sum_is_the_known_one(torchscript):
    known = sha256(torchscript.read_bytes())
    file = WeightsFile("text", UrlFile("http://h/ViT-B-16.pt"), "MIT", 7, torchscript_sha256=known)
    state = Checkpoint(file, torchscript).read()
    assert {key: tuple(tensor.shape) for key, tensor in state.items()} == {"weight": (3, 2), "bias": (3,)}


@pytest.mark.parametrize("name", ["ViT-B-16.pt", "renamed.bin"])
def test_a_torchscript_archive_of_another_sum_is_never_opened(torchscript, monkeypatch, name):
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("it was opened"))
    path = torchscript.rename(torchscript.with_name(name))
    file = WeightsFile("text", UrlFile("http://h/ViT-B-16.pt"), "MIT", 7, torchscript_sha256="5" * 64)
    with pytest.raises(WeightsError, match=f"{sha256(path.read_bytes())}, expected {'5' * 64}"):
        Checkpoint(file, path).read()


def test_a_torchscript_archive_where_none_is_published_is_never_opened(torchscript, monkeypatch):
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(WeightsError, match="TorchScript archive, which may run code"):
        Checkpoint(HUB_FILE, torchscript).read()


def test_a_copy_for_a_weights_dir_gets_a_name_that_is_found_there(folder, caches):
    assert HUB_FILE.name_in_folder(caches / "net-1a.pth") == "net-1a.pth"
    in_cache = caches / "snapshots" / "0123" / "model.safetensors"
    assert HUB_FILE.name_in_folder(in_cache) == "net.v1/model.safetensors"


def test_the_hubs_offline_switch_reaches_a_first_use(caches, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="offline"):
        locate(HUB_FILE)
