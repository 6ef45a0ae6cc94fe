# SPDX-License-Identifier: Apache-2.0
"""The rows of dino.txt: their files, their windows, and the whole chain from a weights_dir of seeded small files."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from talk2dino_ros.engine.errors import ModelError, WeightsError
from talk2dino_ros.engine.factory import load_segmenter
from talk2dino_ros.engine.files.checksums import sha256_of
from talk2dino_ros.engine.inference.crop_plan import make_plan
from talk2dino_ros.engine.models.patch_source import with_patch_source
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.runtime.devices import DTYPES
from talk2dino_ros.engine.weights.weights_files import known_sum, locate

NAMES = ("dinotxt_vitl", "dinotxtv3_vitl")
GENERATION = dict(zip(NAMES, (2, 3), strict=True))
TEXT = {"width": 32, "heads": 4, "layers": 2, "output_size": 96}
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
V2_DINOTXT = "dinov2_vitl14_reg4_dinotxt_tet1280d20h24l"
V3_DINOTXT = "dinov3_vitl16_dinotxt_vision_head_and_text_encoder"


@pytest.fixture
def small(backbone, seeded_head, text_shapes, seeded, in_one_file):
    """Write a model's files, small and seeded, under their published names: (backbone's oracle, head's tensors)."""

    def write(name, folder):
        oracle, state = backbone(GENERATION[name])
        head, text = seeded_head(48), seeded(text_shapes(32, 2, 96), number=1)
        if name == "dinotxt_vitl":
            torch.save(state, folder / "dinov2_vitl14_reg4_pretrain.pth")
            torch.save(head, folder / f"{V2_DINOTXT}_vision_head.pth")
            torch.save(text, folder / f"{V2_DINOTXT}_text_encoder.pth")
        else:
            torch.save(state, folder / "dinov3_vitl16_pretrain_lvd1689m-small.pth")
            torch.save(in_one_file(head, text), folder / f"{V3_DINOTXT}-small.pth")
        return oracle, head

    return write


@pytest.fixture
def small_rows(monkeypatch):
    """The table's rows with networks of the small files' sizes and nothing else changed."""
    for name in NAMES:
        row = MODELS[name]
        options = {"embed_dim": 48, "depth": 2, "num_heads": 3}
        if name == "dinotxt_vitl":
            options["img_size"] = 112
        smaller = replace(
            row,
            load_image_encoder=partial(row.load_image_encoder, **options),
            load_text_encoder=partial(row.load_text_encoder, **TEXT),
            embedding_size=48,
            templates=("a photo of a {}.", "{}"),
        )
        monkeypatch.setitem(MODELS, name, smaller)


def load(name, folder, backend="torch", **options):
    fixed = {"device": "cpu", "precision": "fp32", "text_cache_dir": "none"}
    return load_segmenter(name, weights_dir=folder, backend=backend, **fixed, **options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("patch_source", ["", "head", "backbone"])
@pytest.mark.usefixtures("small_rows")
def test_scores_are_cosines_of_patches_and_words(name, patch_source, small, plain_head, tmp_path):
    oracle, head = small(name, tmp_path)
    if patch_source == "backbone":
        for path in tmp_path.glob("*_vision_head.pth"):
            path.unlink()  # nobody asks for it
    segmenter = load(name, tmp_path, patch_source=patch_source, input_size=112)
    vocabulary = segmenter.encode_vocabulary(["cat", "a red chair", "floor"])
    rgb = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    found = segmenter.segment(rgb, vocabulary, return_scores=True)

    with torch.no_grad():
        pixels = (torch.from_numpy(rgb) / 255 - MEAN) / STD
        tokens = oracle(pixels.permute(2, 0, 1)[None]).last_hidden_state
    patches = (tokens if patch_source == "backbone" else plain_head(head, tokens, 3))[0, 5:].double().numpy()
    words = vocabulary.embeddings / np.linalg.norm(vocabulary.embeddings, axis=1, keepdims=True)
    cosines = (patches / np.linalg.norm(patches, axis=1, keepdims=True)) @ words.T
    side = 112 // MODELS[name].patch_size
    np.testing.assert_allclose(found.scores, cosines.T.reshape(3, side, side), rtol=0, atol=2e-5)
    assert found.class_ids.shape == (112, 112)
    assert segmenter.options.unlabeled_id not in found.class_ids


@pytest.mark.usefixtures("small_rows")
def test_bf16_by_torch_on_a_cpu_gives_nearly_the_scores_of_fp32(small, tmp_path):
    small("dinotxt_vitl", tmp_path)
    rgb = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    scores = []
    for precision in ("fp32", "bf16"):
        segmenter = load_segmenter(
            "dinotxt_vitl",
            weights_dir=tmp_path,
            device="cpu",
            backend="torch",
            precision=precision,
            text_cache_dir="none",
        )
        scores.append(segmenter.segment(rgb, segmenter.encode_vocabulary(["cat", "chair"]), return_scores=True).scores)
        assert segmenter.networks.image_encoder.head.blocks[0].mlp.w1.weight.dtype == DTYPES[precision]
    np.testing.assert_allclose(scores[0], scores[1], rtol=0, atol=0.02)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("patch_source", ["head", "backbone"])
@pytest.mark.usefixtures("small_rows")
def test_openvino_gives_the_scores_of_torch(name, patch_source, small, tmp_path, monkeypatch):
    pytest.importorskip("openvino", reason="pip install -r tools/requirements/engine.txt is missing")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    small(name, tmp_path)
    rgb = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    torchs, openvinos = (
        load(name, tmp_path, backend, input_size=112, patch_source=patch_source) for backend in ("torch", "openvino")
    )
    vocabulary = torchs.encode_vocabulary(["cat", "chair"])
    scores = torchs.segment(rgb, vocabulary, return_scores=True).scores
    np.testing.assert_allclose(openvinos.segment(rgb, vocabulary, return_scores=True).scores, scores, rtol=0, atol=1e-5)


@pytest.mark.parametrize("patch_source", ["head", "backbone"])
@pytest.mark.usefixtures("small_rows")
def test_an_exported_file_says_whose_patches_it_gives_and_the_others_are_refused(patch_source, small, tmp_path):
    pytest.importorskip("onnxruntime", reason="pip install -r tools/requirements/onnx.txt is missing")
    from talk2dino_ros.engine.onnx.onnx_export import export_image_encoder
    from talk2dino_ros.engine.onnx.onnx_file import read_card

    small("dinotxt_vitl", tmp_path)
    rgb, path = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8), tmp_path / "small.onnx"
    model = with_patch_source(MODELS["dinotxt_vitl"], patch_source)
    export_image_encoder(model, path, (112, 112), rgb, weights_dir=tmp_path)
    head_file = tmp_path / f"{V2_DINOTXT}_vision_head.pth"
    assert read_card(path).head_sha256 == (sha256_of(head_file) if patch_source == "head" else "")

    options = {"input_size": 112, "patch_source": patch_source}
    exported = load("dinotxt_vitl", tmp_path, backend="onnxruntime", onnx_file=path, **options)
    vocabulary = exported.encode_vocabulary(["cat", "chair"])
    scores = load("dinotxt_vitl", tmp_path, **options).segment(rgb, vocabulary, return_scores=True).scores
    np.testing.assert_allclose(exported.segment(rgb, vocabulary, return_scores=True).scores, scores, rtol=0, atol=1e-4)
    for other in {"head", "backbone", ""} - {patch_source} - ({""} if patch_source == "head" else set()):
        expected = other or "head"
        with pytest.raises(
            WeightsError,
            match=rf"gives the patches of the {patch_source}, expected those of the {expected}; set patch_source to "
            rf"{patch_source}, or run `talk2dino export dinotxt_vitl --output FILE --patch-source {expected}`",
        ):
            load("dinotxt_vitl", tmp_path, backend="onnxruntime", onnx_file=path, patch_source=other)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("small_rows")
def test_the_text_tower_is_freed_after_encoding_and_a_vocabulary_file_replaces_it(name, small, tmp_path):
    small(name, tmp_path)
    segmenter = load(name, tmp_path)
    vocabulary = segmenter.encode_vocabulary(["cat", "a red chair"])
    assert not segmenter.networks.text.is_loaded
    vocabulary.save(tmp_path / "v.safetensors")
    for path in tmp_path.glob("*_text_encoder.pth"):
        path.unlink()  # DINOv3's words are in the head's file
    robot = load(name, tmp_path, needs_text_encoder=False)
    loaded = robot.load_vocabulary(tmp_path / "v.safetensors")
    rgb = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    expected = segmenter.segment(rgb, vocabulary)
    assert np.array_equal(robot.segment(rgb, loaded).class_ids, expected.class_ids)
    if name == "dinotxt_vitl":
        with pytest.raises(WeightsError, match=rf"new words need {V2_DINOTXT}_text_encoder\.pth, which"):
            robot.encode_vocabulary(["dog"], loaded)
    else:
        robot.encode_vocabulary(["dog"], loaded)


@pytest.mark.parametrize(("name", "notes"), [("dinotxt_vitl", 0), ("dinotxtv3_vitl", 1)])
@pytest.mark.usefixtures("small_rows")
def test_loading_shows_dinov3s_licence(name, notes, small, tmp_path, caplog):
    small(name, tmp_path)
    load(name, tmp_path)
    shown = [record for record in caplog.messages if "DINOv3 License" in record]
    assert len(shown) == notes
    assert all("https://ai.meta.com/resources/models-and-libraries/dinov3-license/" in note for note in shown)


@pytest.mark.parametrize(("name", "missing"), [(NAMES[0], f"{V2_DINOTXT}_vision_head"), (NAMES[1], V3_DINOTXT)])
@pytest.mark.usefixtures("small_rows")
def test_a_missing_head_is_named(name, missing, small, tmp_path):
    small(name, tmp_path)
    next(tmp_path.glob(f"{missing}*")).unlink()
    with pytest.raises(WeightsError, match=rf"has no {missing}.*expected one of them; get it from https://"):
        load(name, tmp_path)


@pytest.mark.usefixtures("caches")
def test_dinov3s_file_is_never_downloaded():
    head = next(file for file in MODELS["dinotxtv3_vitl"].files if file.role == "head")
    with pytest.raises(
        WeightsError, match=r"-a442d8f5\.pth is not on this machine, and its licence asks .* https://ai\.meta"
    ):
        locate(head)
    assert head.licence == "DINOv3 License"


def test_dinov3s_file_is_verified_by_the_sum_in_its_name(caches):
    head = next(file for file in MODELS["dinotxtv3_vitl"].files if file.role == "head")
    path = caches / f"{V3_DINOTXT}-a442d8f5.pth"
    path.touch()
    assert locate(head) == path
    assert known_sum(head, path).digits == "a442d8f5"


def test_dinov2s_head_and_text_files_come_from_their_authors_address():
    head, text = MODELS["dinotxt_vitl"].files[1:]
    folder = "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14"
    assert head.source.address == f"{folder}/{V2_DINOTXT}_vision_head.pth"
    assert text.source.address == f"{folder}/{V2_DINOTXT}_text_encoder.pth"


@pytest.mark.parametrize(("name", "short_side", "window"), [("dinotxt_vitl", 518, 392), ("dinotxtv3_vitl", 512, 384)])
def test_windows_are_those_of_the_authors_notebook_rounded_to_patches(name, short_side, window):
    model = MODELS[name]
    plan = make_plan("slide", (480, 640), model.base_size, model.patch_size, window_share=model.window_share)
    assert plan.canvas[0] == short_side
    assert plan.network == (window, window)
    tops = sorted({crop.top for crop in plan.crops})
    assert tops == [0, short_side - window]  # half a window further would be outside
    lefts = sorted({crop.left for crop in plan.crops})
    assert lefts == [0, window // 2, plan.canvas[1] - window]
    counts = np.zeros(plan.canvas, int)
    for crop in plan.crops:
        assert (crop.height, crop.width) == (window, window)
        counts[crop.top : crop.top + window, crop.left : crop.left + window] += 1
    assert counts.min() >= 1


def test_both_dinotxt_models_share_one_text_encoding_and_not_with_talk2dino():
    encodings = {MODELS[name].text_encoding for name in NAMES}
    assert encodings == {"dinotxt_tet1280_2"}
    assert MODELS["talk2dino_vitb"].text_encoding not in encodings


def test_a_patch_source_is_refused_where_there_is_no_head():
    with pytest.raises(ModelError, match=r"patch_source is 'head' with mini, expected '' for a model without a head"):
        with_patch_source(MODELS["mini"], "head")
