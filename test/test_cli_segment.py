# SPDX-License-Identifier: Apache-2.0
"""The command line on a shipped photograph, with `mini`: real networks, real files."""

import cv2
import numpy as np
import pytest

from talk2dino_ros.cli import main
from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.pictures import read_picture, write_picture

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
    assert names == ["one_mask.png", "one_overlay.png", "two_mask.png", "two_overlay.png"]


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


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.jpg", "--classes", "cat"], "nowhere.jpg is not there or of no known kind"),
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
