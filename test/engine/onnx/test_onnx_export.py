# SPDX-License-Identifier: Apache-2.0
"""Exported files against torch, read by plain onnxruntime: its own view of the file, not this package's."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from exported_models import HEADS, WIDTH, tiny_row

from talk2dino_ros.engine.errors import ModelError, WeightsError
from talk2dino_ros.engine.models.networks import find_checkpoint
from talk2dino_ros.engine.onnx.onnx_export import check_graph, export_image_encoder

onnx = pytest.importorskip("onnx", reason="pip install -r tools/requirements/onnx.txt is missing")
onnxruntime = pytest.importorskip("onnxruntime", reason="pip install -r tools/requirements/onnx.txt is missing")

SIZES = {
    "talk2dino_vitb": (70, 98),
    "talk2dinov3_vitb": (80, 112),
}  # 5x7 patches, neither a square nor the trained size
PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=[(name, dtype) for name in SIZES for dtype in ("fp32", "fp16")], ids=str)
def exported(request, tmp_path_factory, seed):
    """(row, its weights_dir, precision, the file)."""
    name, precision = request.param
    folder = tmp_path_factory.mktemp(f"{name}_{precision}")
    row = tiny_row(name, folder, seed)
    path = folder / "exported.onnx"
    export_image_encoder(row, path, SIZES[name], PHOTOGRAPH, precision=precision, weights_dir=folder)
    return row, folder, precision, path


def reference(row, folder, images):
    encoder = row.load_image_encoder({"image": find_checkpoint(row, "image", folder)}, torch.float32)
    return encoder(images, return_attention=True)


@pytest.mark.parametrize("count", [1, 3])
def test_a_file_gives_torchs_features_and_attention_for_any_number_of_images(exported, count):
    row, folder, precision, path = exported
    images = torch.rand(count, 3, *SIZES[row.name])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    patches, attention = session.run(["patch_features", "cls_attention"], {"images": images.numpy()})
    expected = reference(row, folder, images)
    assert patches.dtype == attention.dtype == np.float32
    assert patches.shape == (count, WIDTH, 5, 7)
    assert attention.shape == (count, HEADS, 35)
    tolerance = {"fp32": 1e-4, "fp16": 5e-2}[precision]
    np.testing.assert_allclose(patches, expected.patch_features, rtol=0, atol=tolerance)
    np.testing.assert_allclose(attention, expected.cls_attention, rtol=0, atol=tolerance)


def test_values_that_depend_on_the_size_alone_are_constants_in_opset_18(exported):
    row, _, precision, path = exported
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]
    assert {node.domain for node in model.graph.node} == {""}
    assert not {"Resize", "Sin", "Cos", "If", "Loop"} & {node.op_type for node in model.graph.node}
    (images,) = model.graph.input
    dims = images.type.tensor_type.shape.dim
    assert (images.name, images.type.tensor_type.elem_type) == ("images", onnx.TensorProto.FLOAT)
    assert [bool(dims[0].dim_param), *(dim.dim_value for dim in dims[1:])] == [True, 3, *SIZES[row.name]]
    halves = sum(weights.data_type == onnx.TensorProto.FLOAT16 for weights in model.graph.initializer)
    assert (halves > 20) == (precision == "fp16")


def test_a_position_embedding_that_the_exporter_finds_too_large_to_fold_is_constant_too(tmp_path, seed):
    row = tiny_row("talk2dino_vitb", tmp_path, seed, depth=1, embed_dim=192)
    path = tmp_path / "exported.onnx"
    export_image_encoder(row, path, (518, 532), PHOTOGRAPH, weights_dir=tmp_path)  # 37x38 patches
    assert "Resize" not in {node.op_type for node in onnx.load(path).graph.node}


def test_a_file_that_disagrees_with_torch_is_not_written_and_the_old_one_stays(tmp_path, seed):
    (tmp_path / "other").mkdir()
    row = tiny_row("talk2dino_vitb", tmp_path, seed)
    tiny_row("talk2dino_vitb", tmp_path / "other", seed, number=1)
    other = {"image": find_checkpoint(row, "image", tmp_path / "other")}
    loads = iter(["the exported network", "torch's"])

    def load(checkpoints, dtype):
        return row.load_image_encoder(other if next(loads) == "torch's" else checkpoints, dtype)

    path = tmp_path / "exported.onnx"
    path.write_bytes(b"old")
    with pytest.raises(ModelError, match=r"a cosine of -?0\.\d+ with torch, expected 0.999 or more, so .* not written"):
        export_image_encoder(replace(row, load_image_encoder=load), path, (70, 98), PHOTOGRAPH, weights_dir=tmp_path)
    assert path.read_bytes() == b"old"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["exported.onnx", "model.safetensors", "other"]


def test_a_nan_cosine_is_refused(tmp_path, seed):
    row = tiny_row("talk2dino_vitb", tmp_path, seed)

    def load(checkpoints, dtype):
        encoder = row.load_image_encoder(checkpoints, dtype)
        encoder.network.norm.bias.data.fill_(torch.nan)
        return encoder

    with pytest.raises(ModelError, match="a cosine of nan with torch"):
        export_image_encoder(
            replace(row, load_image_encoder=load),
            tmp_path / "exported.onnx",
            (70, 98),
            PHOTOGRAPH,
            weights_dir=tmp_path,
        )
    assert not (tmp_path / "exported.onnx").exists()


@pytest.mark.parametrize(
    ("size", "options", "sentence"),
    [
        ((70, 100), {}, "the network's size is 100x70, expected multiples of the patch's 14 pixels"),
        ((0, 98), {}, "the network's size is 98x0, expected multiples"),
        ((70, 98), {"precision": "bf16"}, "precision is 'bf16', expected fp32 or fp16"),
    ],
)
def test_a_size_or_precision_that_cannot_be_exported_is_refused_at_once(size, options, sentence, tmp_path, seed):
    row = tiny_row("talk2dino_vitb", tmp_path, seed)
    with pytest.raises(ModelError, match=sentence):
        export_image_encoder(row, tmp_path / "exported.onnx", size, PHOTOGRAPH, weights_dir=tmp_path, **options)


def test_a_folder_that_is_not_there_is_named_before_anything_is_computed(tmp_path, seed):
    row = tiny_row("talk2dino_vitb", tmp_path, seed)
    with pytest.raises(WeightsError, match="nowhere is not an existing folder"):
        export_image_encoder(row, tmp_path / "nowhere" / "x.onnx", (70, 98), PHOTOGRAPH, weights_dir=tmp_path)


def graph_with(mode, batch):
    """Resize an image, as a position embedding would be."""
    node = onnx.helper.make_node("Resize", ["images", "", "scales"], ["larger"], "embedding", mode=mode)
    scales = onnx.numpy_helper.from_array(np.float32([1, 1, 2, 2]), "scales")
    images = onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [batch, 3, 4, 4])
    larger = onnx.helper.make_tensor_value_info("larger", onnx.TensorProto.FLOAT, [batch, 3, 8, 8])
    return onnx.helper.make_graph([node], "graph", [images], [larger], [scales])


def test_an_export_without_its_packages_says_at_once_what_to_install(tmp_path, seed, monkeypatch):
    row = tiny_row("talk2dino_vitb", tmp_path, seed)
    for name in ("onnx", "onnxscript"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModelError, match=r"onnx, onnxscript cannot be imported.*`pip install onnx onnxscript`"):
        export_image_encoder(row, tmp_path / "exported.onnx", (70, 98), PHOTOGRAPH, weights_dir=tmp_path)


def test_a_graph_with_bicubic_interpolation_or_a_fixed_batch_is_refused():
    check_graph(graph_with("linear", "batch"))
    with pytest.raises(ModelError, match="left the bicubic interpolation embedding in"):
        check_graph(graph_with("cubic", "batch"))
    with pytest.raises(ModelError, match="fixed the number of images"):
        check_graph(graph_with("linear", 2))
