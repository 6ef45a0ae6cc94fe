# SPDX-License-Identifier: Apache-2.0
"""`talk2dino explain` end to end with `mini`, on a shipped photograph."""

import numpy as np
import pytest

from talk2dino_ros.cli.main import main
from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.viz.overlay import color_of
from talk2dino_ros.viz.pictures import read_picture

CAT = PHOTOS / "chelsea.jpg"


def run(*arguments, photo=CAT, classes="cat, sofa"):
    fixed = ["--classes", classes, "--model", "mini", "--device", "cpu", "--precision", "fp32"]
    return main(["explain", str(photo), *fixed, *map(str, arguments)])


def test_explain_writes_one_sheet_or_a_picture_for_each_part(tmp_path, capsys):
    assert run("-o", tmp_path / "explain.png") == 0
    assert run("--output", tmp_path / "parts") == 0
    assert f"written to {tmp_path / 'parts'}" in capsys.readouterr().out
    names = ("image", "heads", "words", "decision")
    parts = [read_picture(tmp_path / "parts" / f"{name}.png") for name in names]
    assert len(list((tmp_path / "parts").iterdir())) == len(parts)
    np.testing.assert_array_equal(read_picture(tmp_path / "explain.png"), np.vstack(parts))
    assert (parts[3] == color_of(1)).all(axis=2).sum() > 1000  # the cat's swatch and outline
    assert not (parts[3] == color_of(2)).all(axis=2).any()  # no sofa


def test_the_options_reach_the_segmenter(tmp_path):
    assert run("-o", tmp_path / "a.png", "--background", 0) == 0
    assert run("-o", tmp_path / "b.png", "--background", 0, "--input", "aspect") == 0
    square, aspect = (read_picture(tmp_path / f"{name}.png") for name in "ab")
    assert square.shape != aspect.shape or (square != aspect).any()


@pytest.mark.parametrize("place", ["file", "file/parts", "file/parts/all"])
def test_a_file_at_the_output_folders_path_is_refused_before_computing(place, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert run("-o", tmp_path / place, "--weights-dir", tmp_path / "no_weights") == 1
    error = capsys.readouterr().err
    assert f"--output is {tmp_path / place}, " in error
    assert "name another" in error
    assert error.count("\n") == 1


def test_an_unwritable_picture_is_an_error(tmp_path, capsys):
    (tmp_path / "a.png").mkdir()
    assert run("-o", tmp_path / "a.png") == 1
    error = capsys.readouterr().err
    assert f"{tmp_path / 'a.png'} could not be written (" in error
    assert "name another" in error


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        ([], {"classes": "a, b, c, d, e, f, g, h, i"}, "an explanation of 9 words was asked for, expected at most 8"),
        ([], {"photo": PHOTOS / "no.jpg"}, "no.jpg cannot be read as a picture"),
        (["-o", "a.pdf"], {}, "--output is a.pdf, expected a file ending in .jpg"),
        (["-o", "nowhere/a.png"], {}, "--output is nowhere/a.png"),
        (["--background-cleaning"], {}, "background_cleaning was asked for with mini, which has no class token"),
    ],
)
def test_a_bad_call_ends_with_one_sentence_and_status_1(arguments, options, sentence, capsys):
    assert run(*arguments, **options) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
