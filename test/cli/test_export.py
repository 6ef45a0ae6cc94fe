# SPDX-License-Identifier: Apache-2.0
"""`talk2dino export` and what segments with its file: `mini`, a shipped photograph, no stand-ins."""

import argparse
import os

import cv2
import numpy as np
import pytest

from talk2dino_ros.cli.export import PHOTOGRAPH, _planned_size, _size
from talk2dino_ros.cli.main import main
from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.onnx.onnx_file import read_card
from talk2dino_ros.viz.pictures import find_pictures, read_picture

pytest.importorskip("onnx", reason="pip install -r tools/requirements/onnx.txt is missing")
pytest.importorskip("onnxruntime", reason="pip install -r tools/requirements/onnx.txt is missing")

CLASSES = ["cat", "cup", "table", "spoon", "rocket"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """mini's file."""
    path = tmp_path_factory.mktemp("exported") / "mini.onnx"
    assert main(["export", "mini", "-o", str(path)]) == 0
    return path


@pytest.mark.slow
def test_export_writes_one_file_with_its_model_card(exported):
    assert [path.name for path in exported.parent.iterdir()] == ["mini.onnx"]
    card = read_card(exported)
    assert (card.model, card.size, card.patch_size, card.precision) == ("mini", (448, 448), 16, "fp32")
    assert card.weights_sha256 == "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"


@pytest.mark.slow
def test_masks_equal_torchs_on_every_demo_photograph(exported):
    torch = load_segmenter("mini", device="cpu", backend="torch")
    file = load_segmenter("mini", device="cpu", backend="onnxruntime", onnx_file=exported)
    assert (torch.fixed_size, file.fixed_size, file.precision) == (None, (448, 448), "fp32")
    vocabulary = torch.encode_vocabulary(CLASSES)
    photographs = [read_picture(path) for path in find_pictures(PHOTOGRAPH.parent)]
    assert len(photographs) >= 3
    pairs = zip(torch.segment(photographs, vocabulary), file.segment(photographs, vocabulary), strict=True)
    for expected, found in pairs:
        assert np.mean(found.class_ids == expected.class_ids) >= 0.999
        assert np.mean(abs(found.confidence.astype(int) - expected.confidence) <= 1) >= 0.999


@pytest.mark.slow
def test_the_command_line_segments_with_the_file(exported, tmp_path):
    options = ["--model", "mini", "--device", "cpu", "--classes", "cat, cup", "--output", str(tmp_path)]
    assert main(["segment", str(PHOTOGRAPH), *options, "--backend", "onnxruntime", "--onnx-file", str(exported)]) == 0
    mask = cv2.imread(str(tmp_path / "coffee_mask.png"), cv2.IMREAD_UNCHANGED)
    assert np.mean(mask == 2) > 0.2  # the cup fills much of the picture


@pytest.mark.slow
def test_an_input_that_the_file_does_not_fit_ends_with_one_sentence(exported, tmp_path, capsys):
    options = ["--model", "mini", "--device", "cpu", "--classes", "cat", "--output", str(tmp_path), "--input", "aspect"]
    assert main(["segment", str(PHOTOGRAPH), *options, "--backend", "onnxruntime", "--onnx-file", str(exported)]) == 1
    # coffee.jpg has 600x400 pixels: the short side becomes 448, the long one 672
    assert "takes network inputs of 448x448 pixels" in (error := capsys.readouterr().err)
    assert "talk2dino export mini --output FILE --network-size 672x448" in error


def arguments(input, image_size=None):
    return argparse.Namespace(input=input, image_size=image_size)


def test_the_networks_size_follows_the_input_and_the_cameras_images():
    assert _planned_size(arguments("square", (720, 1280)), 448, 14) == (448, 448)
    assert _planned_size(arguments("slide"), 448, 14) == (448, 448)
    # 480 -> 448, so 640 -> 597.3: 37.3 patches of 16 and 42.7 of 14
    assert _planned_size(arguments("aspect", (480, 640)), 448, 16) == (448, 37 * 16)
    assert _planned_size(arguments("aspect", (480, 640)), 448, 14) == (448, 43 * 14)


def test_sizes_are_written_width_by_height():
    assert _size("640x480") == (480, 640)
    for wrong in ("640", "640x", "x480", "0x480", "-1x480", "640*480", "6.5x3"):
        with pytest.raises(argparse.ArgumentTypeError, match="is no size; write width x height"):
            _size(wrong)


def test_an_output_that_is_no_regular_file_is_not_replaced(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.onnx")
    assert main(["export", "mini", "-o", str(tmp_path / "pipe.onnx")]) == 1
    assert "pipe.onnx could not be written ([Errno 22] it is a pipe, and only a regular" in capsys.readouterr().err
    assert (tmp_path / "pipe.onnx").is_fifo()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["tiny"], "model is 'tiny', expected one of"),
        (["mini", "--input", "aspect"], "add --image-size 640x480"),
        (["mini", "--input-size", "300"], "the network's size is 300x300, expected multiples of the patch's 16"),
        (["mini", "--network-size", "450x448"], "the network's size is 450x448, expected multiples of the patch's 16"),
    ],
)
def test_a_bad_call_ends_with_one_sentence_and_status_1(options, sentence, tmp_path, capsys):
    assert main(["export", *options, "-o", str(tmp_path / "x.onnx")]) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
