# SPDX-License-Identifier: Apache-2.0
"""Weights files for tests: seeded values in the published layouts, and checkpoints that point at them.

The real backbones cannot be shipped, so the tests make networks of other libraries (the oracles), give them
seeded values that hide nothing (LayerScale near 0.5, norms and biases away from their defaults), and write these
values under the key names of the published files.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import huggingface_hub.constants
import pytest
import torch
from torch import Tensor, nn

from talk2dino_ros.engine.weights.sources import UrlFile
from talk2dino_ros.engine.weights.weights_files import Checkpoint, WeightsFile

StateDict = dict[str, Tensor]


@pytest.fixture(scope="session")
def seed() -> Callable[..., None]:
    """Fill a network with seeded values; `scale` shrinks what enters the blocks, so that LayerNorm's eps shows."""

    def fill(network: nn.Module, number: int = 0, scale: float = 1.0) -> None:
        generator = torch.Generator().manual_seed(number)
        for name, parameter in network.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            if re.search(r"lambda1|gamma", name):
                values = 0.5 + 0.1 * values
            elif re.search(r"norm\w*\.weight|ln_\w+\.weight", name):
                values = 1 + 0.2 * values
            elif parameter.ndim > 1 and not re.search(r"embed|token", name):
                values = values / parameter[0].numel() ** 0.5
            else:
                values = 0.2 * values
            if re.search(r"embed|token", name):
                values = values * scale
            parameter.data = values
        network.eval().requires_grad_(False)

    return fill


_PUBLISHED_NAMES = {
    r"^embeddings\.position_embeddings$": "pos_embed",
    r"^embeddings\.patch_embeddings\.(projection\.)?": "patch_embed.proj.",
    r"^embeddings\.": "",
    r"^(encoder|model)\.layer\.": "blocks.",
    r"\.attention\.o_proj\.": ".attn.proj.",
    r"\.layer_scale([12])\.lambda1$": r".ls\1.gamma",
    r"\.up_proj\.": ".fc1.",
    r"\.down_proj\.": ".fc2.",
    r"^layernorm\.": "norm.",
}


@pytest.fixture(scope="session")
def dino_layout() -> Callable[[StateDict], StateDict]:
    """Name the tensors of transformers' DINOv2 and DINOv3 as facebookresearch's files do, q, k and v in one."""

    def rename(state: StateDict) -> StateDict:
        renamed = {}
        for key, tensor in state.items():
            new = key
            for pattern, replacement in _PUBLISHED_NAMES.items():
                new = re.sub(pattern, replacement, new)
            if "q_proj" in new:
                parts = [state[key.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj")]
                renamed[new.replace("attention.q_proj", "attn.qkv")] = torch.cat(parts)
            elif not re.search("[kv]_proj", new):
                renamed[new] = tensor
        return renamed

    return rename


@pytest.fixture
def of_threads() -> Callable[[int], AbstractContextManager[None]]:
    """A context in which PyTorch computes with so many threads."""

    @contextmanager
    def be(count: int) -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    return be


@pytest.fixture
def checkpoint_of() -> Callable[..., dict[str, Checkpoint]]:
    """Make the mapping that the loading functions take, from a role and a path."""

    def make(role: str, path: Path, **options: object) -> dict[str, Checkpoint]:
        file = WeightsFile(role, UrlFile(f"http://127.0.0.1/{path.name}"), "none", 0, **options)
        return {role: Checkpoint(file, path)}

    return make


@pytest.fixture(scope="session")
def published_weights() -> Path:
    """The folder with the authors' projection files; a test that needs it is skipped without."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "weights"
    folder = Path(os.environ.get("TALK2DINO_TEST_WEIGHTS", beside))
    if not (folder / "vitb_mlp_infonce.pth").is_file():
        pytest.skip(f"vitb_mlp_infonce.pth is not in {folder}; TALK2DINO_TEST_WEIGHTS may name another folder")
    return folder


@pytest.fixture
def caches(tmp_path, monkeypatch) -> Path:
    """Give torch.hub and huggingface_hub empty caches; returns torch.hub's folder of files."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "huggingface"))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


class FileServer:
    """An HTTP server of one file, which can be told to misbehave.

    url: the file's address. ranges: the Range header of each request. honours_ranges: or always sends the whole.
    cut_after: bytes after which each answer breaks off, None: never. status: of each answer, None: as it should be.
    """

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.headers: dict[str, str] = {}
        self.ranges: list[str] = []
        self.honours_ranges = True
        self.cut_after: int | None = None
        self.status: int | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_FileHandler, self))
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.address}/weights/file.bin"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _FileHandler(BaseHTTPRequestHandler):
    def __init__(self, file: FileServer, *args: object) -> None:
        self.file = file
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self.file.ranges.append(self.headers.get("Range", ""))
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        file, size = self.file, len(self.file.body)
        match = re.match(r"bytes=(\d+)-", self.headers.get("Range", "")) if file.honours_ranges else None
        start = int(match[1]) if match else 0
        status = file.status or (416 if match and start >= size else 206 if match else 200)
        body = file.body[start:] if status < 300 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        for name, value in file.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body[: file.cut_after])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def file_server(monkeypatch) -> Iterator[Callable[[bytes], FileServer]]:
    """Start servers on this machine; no proxy stands between."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers = []

    def start(body: bytes) -> FileServer:
        servers.append(FileServer(body))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
