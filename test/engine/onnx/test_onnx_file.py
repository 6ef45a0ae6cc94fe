# SPDX-License-Identifier: Apache-2.0
"""The card of an exported file: complete and of the right types, or refused in one sentence."""

import json

import numpy as np
import onnx
import pytest

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.onnx.onnx_file import METADATA_KEY, Card, read_card, with_sum


def written_card(path, **changes):
    fields = {
        **{"talk2dino_onnx": 1, "model": "mini", "height": 14, "width": 28, "patch_size": 14, "precision": "fp32"},
        **{"weights_sha256": "ab" * 32, **changes, "file_sha256": "0" * 64},
    }
    kept = {name: value for name, value in fields.items() if value is not None}
    path.write_bytes(with_sum(b"graph" + json.dumps(kept).encode()))
    return path


def test_a_card_alone_is_read(tmp_path):
    assert read_card(written_card(tmp_path / "own.onnx")).size == (14, 28)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        *(({name: None}, f"says that its {name} is 'None', expected a") for name in ("model", "height", "patch_size")),
        *(({name: None}, f"says that its {name} is 'None', expected a") for name in ("precision", "weights_sha256")),
        ({"model": 3}, "says that its model is '3', expected a text"),
        ({"height": "14"}, "says that its height is .*, expected a whole number above 0"),
        ({"width": -14}, "says that its width is '-14', expected a whole number above 0"),
        ({"patch_size": True}, "says that its patch_size is 'True', expected a whole number"),
        ({"head_sha256": [1]}, "says that its head_sha256 is .*, expected a text"),
        ({"height": float("inf")}, "cannot be read .Infinity is no number"),
        ({"height": {"a": 1}}, r"cannot be read|has no mark|is damaged"),
    ],
)
def test_a_card_that_is_incomplete_or_of_other_types_is_refused(changes, sentence, tmp_path):
    with pytest.raises(WeightsError, match=sentence):
        read_card(written_card(tmp_path / "own.onnx", **changes))


@pytest.mark.parametrize("inside", ["[" * 100_000, '{"a":' * 100_000])
def test_a_card_of_brackets_within_each_other_is_refused(inside, tmp_path):
    (tmp_path / "deep.onnx").write_text('{"talk2dino_onnx": ' + inside + "}")
    with pytest.raises(WeightsError, match=r"deep\.onnx cannot be read .*expected a file of `talk2dino export`"):
        read_card(tmp_path / "deep.onnx")


@pytest.mark.parametrize("digits", [1e300, 5, None, [1], {"a": 1}, True])
def test_a_sum_that_is_no_text_is_refused(digits, tmp_path):
    card = {"talk2dino_onnx": 1, "model": "mini", "file_sha256": digits}
    (tmp_path / "own.onnx").write_bytes(b"graph" + json.dumps(card).encode())
    with pytest.raises(WeightsError, match=r"own\.onnx (is damaged|cannot be read|has no mark)"):
        read_card(tmp_path / "own.onnx")


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_weights_in_another_file_are_refused_as_the_sum_does_not_cover_them(is_elsewhere, tmp_path):
    weights = onnx.numpy_helper.from_array(np.ones((64, 64), np.float32), "weights")
    images = onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [64, 64])
    out = onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [64, 64])
    node = onnx.helper.make_node("Add", ["images", "weights"], ["out"])
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "graph", [images], [out], [weights]))
    onnx.helper.set_model_props(model, {METADATA_KEY: Card("mini", 64, 64, 16, "fp32", "00").to_json()})
    path = tmp_path / "own.onnx"
    onnx.save(model, path, save_as_external_data=is_elsewhere, location="own.data", size_threshold=0)
    path.write_bytes(with_sum(path.read_bytes()))
    assert (tmp_path / "own.data").exists() == is_elsewhere
    if not is_elsewhere:
        assert read_card(path).model == "mini"
        return
    with pytest.raises(WeightsError, match=r"own\.onnx keeps weights in another file, which its sum does not cover"):
        read_card(path)
