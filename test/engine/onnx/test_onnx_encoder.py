# SPDX-License-Identifier: Apache-2.0
"""Running an exported file in place of torch's network, and refusing one that does not fit."""

import shutil
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from exported_models import HEADS, WIDTH, tiny_row

from talk2dino_ros.engine.errors import ModelError, WeightsError
from talk2dino_ros.engine.models.networks import find_checkpoint, load_networks
from talk2dino_ros.engine.models.projection import Projection
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.onnx.onnx_encoder import OnnxImageEncoder, open_exported, open_for
from talk2dino_ros.engine.onnx.onnx_file import METADATA_KEY, Card, read_card, with_sum
from talk2dino_ros.engine.onnx.onnx_session import provider_options

onnx = pytest.importorskip("onnx", reason="pip install -r tools/requirements/onnx.txt is missing")
onnxruntime = pytest.importorskip("onnxruntime", reason="pip install -r tools/requirements/onnx.txt is missing")
from talk2dino_ros.engine.onnx.onnx_export import export_image_encoder  # noqa: E402

SIZE = (70, 98)
on_cpus_only = pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this onnxruntime has CUDA"
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory, seed):
    """(row, its weights_dir, the file)."""
    folder = tmp_path_factory.mktemp("exported")
    row = tiny_row("talk2dino_vitb", folder, seed)
    path = folder / "exported.onnx"
    export_image_encoder(row, path, SIZE, np.zeros((40, 60, 3), np.uint8), weights_dir=folder)
    return row, folder, path


@pytest.fixture
def copy(exported, tmp_path):
    """A copy of the file, to be spoilt."""
    return shutil.copyfile(exported[2], tmp_path / "copy.onnx")


def test_the_onnx_encoder_gives_torchs_features(exported):
    row, folder, path = exported
    file = open_exported(path, row, "onnxruntime", "cpu")
    encoder = row.load_image_encoder({"image": find_checkpoint(row, "image", folder)}, torch.float32)
    assert (file.patch_size, file.has_attention, file.dtype) == (14, True, torch.float32)
    for count in (1, 3):
        images = torch.rand(count, 3, *SIZE)
        found, expected = file(images, return_attention=True), encoder(images, return_attention=True)
        torch.testing.assert_close(found.patch_features, expected.patch_features, rtol=0, atol=1e-4)
        torch.testing.assert_close(found.cls_attention, expected.cls_attention, rtol=0, atol=1e-4)
        assert found.cls_attention.shape == (count, HEADS, 35)


def test_its_features_are_of_the_space_of_torchs(exported):
    row, folder, path = exported
    file = open_exported(path, row, "onnxruntime", "cpu")
    own, of_file = (
        load_networks(row, "cpu", torch.float32, folder, image_encoder=each, needs_text_encoder=False)
        for each in (None, file)
    )
    assert of_file.feature_space == own.feature_space


def test_attention_is_computed_on_request_only(exported):
    row, _, path = exported
    assert open_exported(path, row, "onnxruntime", "cpu")(torch.rand(1, 3, *SIZE)).cls_attention is None


def test_memory_of_any_layout_and_dtype_gives_the_same_features(exported):
    row, _, path = exported
    file = open_exported(path, row, "onnxruntime", "cpu")
    images = torch.rand(2, *SIZE, 3).half()
    expected = file(images.permute(0, 3, 1, 2).float().contiguous()).patch_features
    assert torch.equal(file(images.permute(0, 3, 1, 2)).patch_features, expected)


def session_with_memory(path, max_bytes):
    """A session of the file whose tensors and weights have to share so much."""
    arena = onnxruntime.OrtArenaCfg({"max_mem": max_bytes, "arena_extend_strategy": 1})
    kinds = (onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT)
    onnxruntime.create_and_register_allocator(onnxruntime.OrtMemoryInfo("Cpu", *kinds), arena)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.use_env_allocators", "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def test_out_of_memory_is_raised_as_torchs_error(exported):
    row, _, path = exported
    expected = open_exported(path, row, "onnxruntime", "cpu")(torch.zeros(1, 3, *SIZE)).patch_features
    encoder = OnnxImageEncoder(path, read_card(path), session_with_memory(path, 3_000_000), "cpu")
    with pytest.raises(torch.OutOfMemoryError, match="BFCArena"):
        encoder(torch.zeros(64, 3, *SIZE))
    torch.testing.assert_close(encoder(torch.zeros(1, 3, *SIZE)).patch_features, expected)


def test_other_onnxruntime_errors_pass_unchanged(exported):
    _, _, path = exported

    class Broken:
        def __init__(self, session):
            self.io_binding, self.get_outputs = session.io_binding, session.get_outputs

        def run_with_iobinding(self, _binding):
            raise RuntimeError("a kernel failed")

    encoder = OnnxImageEncoder(path, read_card(path), Broken(onnxruntime.InferenceSession(str(path))), "cpu")
    with pytest.raises(RuntimeError, match="a kernel failed") as caught:
        encoder(torch.zeros(1, 3, *SIZE))
    assert type(caught.value) is RuntimeError  # torch's OutOfMemoryError is one too


def test_the_session_takes_as_many_threads_as_torch(exported):
    row, _, path = exported
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        session = open_exported(path, row, "onnxruntime", "cpu")._session
    finally:
        torch.set_num_threads(before)
    assert session.get_session_options().intra_op_num_threads == before + 1


def test_networks_with_an_exported_encoder_ask_for_no_image_weights(exported, tmp_path):
    row, _, path = exported
    torch.save(Projection(8, 8, WIDTH).state_dict(), tmp_path / "vitb_mlp_infonce.pth")
    text = next(file for file in row.files if file.role == "text")
    (tmp_path / text.other_names[0]).write_bytes(b"is read later")
    row = replace(row, load_projection=lambda _: Projection(8, 8, WIDTH))
    file = open_exported(path, row, "onnxruntime", "cpu")
    assert load_networks(row, "cpu", file.dtype, tmp_path, image_encoder=file).image_encoder is file
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        load_networks(row, "cpu", file.dtype, tmp_path)


def test_a_file_of_another_model_is_refused(exported):
    with pytest.raises(WeightsError, match=r"exported from talk2dino_vitb, expected mini; set model to talk2dino_vitb"):
        open_exported(exported[2], MODELS["mini"], "onnxruntime", "cpu")


def test_a_file_of_other_weights_than_the_published_is_refused(exported):
    row, _, path = exported
    files = tuple(replace(file, sha256={"model.safetensors": "ab" * 32}) for file in row.files if file.role == "image")
    with pytest.raises(WeightsError, match=f"from weights with the sha256 sum [0-9a-f]{{64}}, expected {'ab' * 32};"):
        open_exported(path, replace(row, files=files), "onnxruntime", "cpu")


def test_images_of_another_size_are_refused_with_the_command_that_exports_for_them(exported):
    row, _, path = exported
    file = open_exported(path, row, "onnxruntime", "cpu")
    command = "talk2dino export talk2dino_vitb --output FILE --network-size 112x84"
    sentence = rf"takes network inputs of 98x70 pixels, .* ask for 112x84; .* `{command}`"
    with pytest.raises(ModelError, match=sentence):
        file(torch.rand(1, 3, 84, 112))


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9, -40, -150])  # in the graph, the weights, the sum, the card
def test_any_changed_byte_is_detected(copy, place):
    content = bytearray(copy.read_bytes())
    content[place if place < 0 else int(len(content) * place)] ^= 1
    copy.write_bytes(content)
    with pytest.raises(WeightsError, match=r"copy\.onnx (is damaged|has no mark|cannot be read)"):
        read_card(copy)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_file_that_was_cut_is_refused(copy, share):
    content = copy.read_bytes()
    copy.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(WeightsError, match=r"copy\.onnx (is damaged|has no mark|cannot be read)"):
        read_card(copy)


def test_a_file_that_is_not_there_or_of_another_origin_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.onnx cannot be read .*No such file"):
        read_card(tmp_path / "none.onnx")
    (tmp_path / "other.onnx").write_bytes(b"\x08\x0a" * 100)
    with pytest.raises(WeightsError, match=r"other\.onnx has no mark of `talk2dino export`"):
        read_card(tmp_path / "other.onnx")


def test_a_file_of_a_later_format_is_refused(copy):
    content = copy.read_bytes().replace(b'"talk2dino_onnx": 1', b'"talk2dino_onnx": 2')
    digits = content[content.rfind(b'"file_sha256": "') + 16 :][:64]
    copy.write_bytes(with_sum(content.replace(digits, b"0" * 64)))
    with pytest.raises(WeightsError, match="has the format 2, expected 1"):
        read_card(copy)


def test_a_complete_file_that_onnxruntime_refuses_is_named(tmp_path):
    card = Card("talk2dino_vitb", *SIZE, 14, "fp32", "00")
    graph = onnx.helper.make_graph([onnx.helper.make_node("NoSuch", [], ["x"])], "graph", [], [])
    model = onnx.helper.make_model(graph, ir_version=10, opset_imports=[onnx.helper.make_opsetid("", 18)])
    onnx.helper.set_model_props(model, {METADATA_KEY: card.to_json()})
    (tmp_path / "bad.onnx").write_bytes(with_sum(model.SerializeToString()))
    with pytest.raises(WeightsError, match=r"bad\.onnx was refused by CPUExecutionProvider \(.*NoSuch"):
        open_exported(tmp_path / "bad.onnx", MODELS["talk2dino_vitb"], "onnxruntime", "cpu")


@pytest.mark.parametrize(
    ("backend", "precision", "sentence"),
    [
        ("onnxruntime", "fp16", r"precision is 'fp16', but .*exported.onnx is fp32, expected"),
        ("tensorrt", "auto", "the device is cpu, expected a GPU"),
    ],
)
def test_options_that_do_not_fit_the_file_are_refused(exported, backend, precision, sentence):
    row, _, path = exported
    with pytest.raises(ModelError, match=sentence):
        open_for(backend, path, row, "cpu", precision)


@pytest.mark.parametrize(("precision", "fp16"), [("fp32", "False"), ("fp16", "True")])
def test_booleans_are_written_as_onnxruntime_reads_them(exported, precision, fp16):
    """Its parser refuses 1 and 0, tried with onnxruntime-gpu 1.31.1 and TensorRT stubbed."""
    path, card = exported[2], replace(read_card(exported[2]), precision=precision)
    found = provider_options("TensorrtExecutionProvider", path, card, "cuda:1", 8)
    assert (found["trt_fp16_enable"], found["trt_engine_cache_enable"], found["device_id"]) == (fp16, "True", "1")


def test_a_new_export_gets_its_own_tensorrt_engine(copy):
    """Other weights under the same names at the same path, for which TensorRT would load the kept engine."""
    folders = []
    for changed in (0, 0, 1):
        content = bytearray(copy.read_bytes().replace(read_card(copy).file_sha256.encode(), b"0" * 64))
        content[len(content) // 2] ^= changed  # in a weight
        copy.write_bytes(with_sum(bytes(content)))
        options = provider_options("TensorrtExecutionProvider", copy, read_card(copy), "cuda", 8)
        folders.append(options["trt_engine_cache_path"])
    assert folders[0] == folders[1] != folders[2]
    assert folders[0].startswith(str(copy))


@on_cpus_only
@pytest.mark.parametrize(
    ("backend", "provider"), [("onnxruntime", "CUDAExecutionProvider"), ("tensorrt", "TensorrtExecutionProvider")]
)
def test_a_provider_that_onnxruntime_was_built_without_is_named_with_its_package(exported, backend, provider):
    row, _, path = exported
    with pytest.raises(
        ModelError, match=rf"{provider} is not available .*CPUExecutionProvider.*install onnxruntime-gpu"
    ):
        open_exported(path, row, backend, "cuda")


@on_cpus_only
def test_a_session_that_fell_back_to_the_cpu_is_refused(exported, monkeypatch):
    """As where onnxruntime-gpu is installed without its CUDA: the provider is listed, and the session has the CPU."""
    row, _, path = exported
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # onnxruntime's own word on it
        with pytest.raises(ModelError, match=r"CUDAExecutionProvider is not available \(its libraries did not load"):
            open_exported(path, row, "onnxruntime", "cuda")


def test_without_onnxruntime_the_error_says_what_to_install(exported, monkeypatch):
    row, _, path = exported
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"expected the Python package onnxruntime .*`pip install onnxruntime`"):
        open_exported(path, row, "onnxruntime", "cpu")
