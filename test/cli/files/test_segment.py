# SPDX-License-Identifier: Apache-2.0
"""The command line on a shipped photograph, with `mini`: real networks, real files."""

import os
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from talk2dino_ros.cli.main import main
from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.viz.pictures import read_picture, write_picture

CAT = PHOTOS / "chelsea.jpg"


def run(*arguments):
    return main(["segment", "--model", "mini", "--device", "cpu", *map(str, arguments)])


def test_a_photograph_gives_a_mask_an_overlay_and_its_points(tmp_path, capsys):
    assert run(CAT, "--classes", "dog, cat", "--output", tmp_path) == 0
    photo = read_picture(CAT)
    mask = cv2.imread(str(tmp_path / "chelsea_mask.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == photo.shape[:2]
    assert np.mean(mask == 2) > 0.2  # the cat fills much of the picture
    picture = read_picture(tmp_path / "chelsea_overlay.png")
    assert picture.shape == photo.shape
    assert (picture != photo).any()
    assert "chelsea.jpg: cat at (" in capsys.readouterr().out


def test_a_folder_is_segmented_picture_by_picture(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    small = np.ascontiguousarray(read_picture(CAT)[::2, ::2])
    for name in ("one.png", "two.jpg"):
        write_picture(folder / name, small)
    assert run(folder, "--classes", "cat", "--output", tmp_path / "out") == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    tables = ["classes.csv", "coco.json", "manifest.jsonl"]
    assert names == [*tables, "one_mask.png", "one_overlay.png", "two_mask.png", "two_overlay.png"]


def test_a_video_gives_a_video_and_numbered_masks(tmp_path):
    size = (160, 120)
    writer = cv2.VideoWriter(str(tmp_path / "walk.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, size)
    frame = cv2.resize(cv2.imread(str(CAT)), size)
    for _ in range(3):
        writer.write(frame)
    writer.release()
    assert run(tmp_path / "walk.avi", "--classes", "cat", "--output", tmp_path / "out") == 0
    assert len(list((tmp_path / "out" / "walk_mask").iterdir())) == 3
    capture = cv2.VideoCapture(str(tmp_path / "out" / "walk_overlay.mp4"))
    assert (int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), capture.read()[1].shape) == (3, (120, 160, 3))
    capture.release()


@pytest.fixture(scope="module")
def untidy(tmp_path_factory):
    """A user's disk: what lies in `in` and `in2`, and what a terminal without UTF-8 then says of it."""
    place = tmp_path_factory.mktemp("disk")
    cat = np.ascontiguousarray(read_picture(CAT)[::2, ::2])
    (place / "in").mkdir()
    (place / "in2").mkdir()
    write_picture(place / "in" / "a.png", cat)
    write_picture(place / "in" / "a.bmp", np.ascontiguousarray(cat[:, ::-1]))
    write_picture(place / "in2" / "a.png", np.full((64, 64, 3), 90, np.uint8))
    write_picture(place / "in" / "own_mask.png", np.full((64, 64, 3), 91, np.uint8))
    write_picture(place / "in" / "own.png", np.full((64, 64, 3), 92, np.uint8))
    write_picture(place / "in" / os.fsdecode(b"caf\xe9.png"), cat)
    write_picture(place / "in" / "gr\u00fcn.png", cat)
    grey = np.asarray(Image.fromarray(cat).convert("L"))
    write_picture(place / "in" / "grey8.png", grey)
    Image.fromarray(grey * np.uint16(257)).save(place / "in" / "grey16.png")
    (place / "in" / "._a.png").write_bytes(b"of macOS")
    (place / "in" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (place / "in" / "folder.png").mkdir()
    os.mkfifo(place / "in" / "pipe.png")
    (place / "in" / "nothing.mp4").write_bytes(b"no video")
    size = (160, 120)
    film = place / "in" / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 211.222, size)
    for _ in range(8):
        writer.write(cv2.cvtColor(cv2.resize(cat, size), cv2.COLOR_RGB2BGR))
    writer.release()
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    film.rename(film.with_name(os.fsdecode(b"f\xeflm.avi")))
    command = [
        sys.executable,
        "-m",
        "talk2dino_ros.cli.main",
        "segment",
        "in",
        "in2",
        "in/nothing.mp4",
        b"in/f\xeflm.avi",
    ]
    options = ["in/a.png", "--model", "mini", "--device", "cpu", "--classes", "dog, cat", "--output", "in"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run([*command, *options], cwd=place, env=environment, capture_output=True, check=False)
    text = done.stdout.decode("ascii"), done.stderr.decode("ascii")
    return SimpleNamespace(folder=place / "in", status=done.returncode, out=text[0], error=text[1])


def test_unreadable_pictures_are_skipped_counted_and_listed_at_the_end(untidy):
    error = untidy.error
    assert untidy.status == 1
    assert "Traceback" not in error
    assert "Warning" not in error
    last = error[error.index("talk2dino: ") :].splitlines()
    assert last[0] == "talk2dino: 5 of 15 files were skipped:"
    for line, name, reason in zip(
        last[1:],
        ("in/._a.png", "in/broken.png", "in/folder.png", "in/pipe.png", "in/nothing.mp4"),
        ("is hidden", "cannot be read as a picture (", "(it is no file)", "(it is no file)", "cannot be opened"),
        strict=True,
    ):
        assert line.strip().startswith(name)
        assert reason in line
    assert "masks (the class ids {1: 'dog', 2: 'cat'}) and overlays are in in" in untidy.out


def test_no_result_overwrites_another_or_a_source(untidy):
    names = set(os.listdir(os.fsencode(untidy.folder)))
    for name in (b"in_a.png", b"a.bmp", b"in2_a.png", b"own.png", b"own_mask", b"caf\xe9", "gr\u00fcn".encode()):
        assert {name + b"_mask.png", name + b"_overlay.png"} <= names
    assert b"a_mask.png" not in names
    assert read_picture(untidy.folder / "own_mask.png")[0, 0, 0] == 91, "a source stays what it was"
    first = cv2.imread(str(untidy.folder / "in_a.png_mask.png"), cv2.IMREAD_UNCHANGED)
    mirrored = cv2.imread(str(untidy.folder / "a.bmp_mask.png"), cv2.IMREAD_UNCHANGED)
    assert np.mean(first == 2) > 0.2
    assert np.mean(first[:, ::-1] == mirrored) > 0.9


def test_sixteen_bit_grey_gives_the_mask_of_8_bits(untidy):
    masks = [cv2.imread(str(untidy.folder / f"{name}_mask.png"), cv2.IMREAD_UNCHANGED) for name in ("grey8", "grey16")]
    assert np.mean(masks[0] == 2) > 0.2
    np.testing.assert_array_equal(*masks)


def test_a_video_that_ends_early_is_a_warning_with_both_counts(untidy):
    there = len(os.listdir(os.fsencode(untidy.folder) + b"/f\xeflm_mask"))
    assert 0 < there < 8
    assert f"f\\udceflm.avi ended after {there} of the 8 images" in untidy.error
    assert os.path.getsize(os.fsencode(untidy.folder) + b"/f\xeflm_overlay.mp4") > 0
    assert untidy.out.isascii()


def test_an_overlay_video_that_cannot_be_written_ends_with_a_sentence_and_status_1(tmp_path, capsys):
    writer = cv2.VideoWriter(str(tmp_path / "walk.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (160, 120))
    writer.write(cv2.resize(cv2.imread(str(CAT)), (160, 120)))
    writer.release()
    (tmp_path / "out" / "walk_overlay.mp4").mkdir(parents=True)
    assert run(tmp_path / "walk.avi", "--classes", "cat", "--output", tmp_path / "out") == 1
    printed = capsys.readouterr()
    assert "walk_overlay.mp4 could not be written as a video (it is a folder" in printed.err
    assert "masks" not in printed.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.jpg", "--classes", "cat"], "nowhere.jpg does not exist or is of no known kind"),
        ([CAT, "--classes", " , "], "0 classes"),
        ([CAT, "--classes", "cat, Cat"], "occurs twice"),
        ([CAT, "--classes", "cat", "--model", "tiny"], "model is 'tiny', expected one of talk2dino_vitb"),
        ([CAT, "--classes", "cat", "--background", "3"], "background is 3.0"),
        ([CAT, "--classes", "cat", "--background-cleaning"], "background_cleaning was asked for with mini"),
    ],
)
def test_a_bad_call_ends_with_one_sentence_and_status_1(arguments, sentence, tmp_path, capsys):
    assert run(*arguments, "--output", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
