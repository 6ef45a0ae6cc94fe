# SPDX-License-Identifier: Apache-2.0
import os
import sys

import numpy as np
import pytest
from PIL import Image

from talk2dino_ros.demo import __main__ as demo
from talk2dino_ros.demo import demo_report, three_processes
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.viz.pictures import UnwritableError, find_pictures, read_folder, read_picture, write_picture


def test_a_red_and_a_blue_square_come_back_as_they_were_written(tmp_path):
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :8, 0] = pixels[:, 8:, 2] = 255
    write_picture(tmp_path / "squares.png", pixels)
    np.testing.assert_array_equal(read_picture(tmp_path / "squares.png"), pixels)


def test_a_gray_picture_becomes_rgb_and_transparency_is_dropped(tmp_path):
    Image.new("L", (3, 2), 77).save(tmp_path / "gray.png")
    Image.new("RGBA", (3, 2), (1, 2, 3, 128)).save(tmp_path / "clear.png")
    assert read_picture(tmp_path / "gray.png").tolist() == [[[77] * 3] * 3] * 2
    assert read_picture(tmp_path / "clear.png")[0, 0].tolist() == [1, 2, 3]


def test_a_photograph_is_turned_upright(tmp_path):
    picture = Image.new("RGB", (20, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees
    picture.save(tmp_path / "turned.jpg", exif=exif)
    assert read_picture(tmp_path / "turned.jpg").shape == (20, 10, 3)


def test_pictures_of_a_folder_come_by_name_and_other_files_do_not(tmp_path):
    for name in ("b.PNG", "a.jpg", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in find_pictures(tmp_path)] == ["a.jpg", "b.PNG"]


def test_a_folder_is_read_by_names_of_their_own_and_what_is_left_out_is_said(tmp_path):
    for name in ("a.png", "a.bmp", "b.png", os.fsdecode(b"caf\xe9.png")):
        write_picture(tmp_path / name, np.full((2, 2, 3), 7, np.uint8))
    (tmp_path / "._a.png").write_bytes(b"of macOS")
    (tmp_path / "broken.png").write_bytes(b"")
    pictures, left_out = read_folder(tmp_path)
    assert sorted(pictures) == ["a.bmp", "a.png", "b", "caf\\udce9"]
    assert [reason.split(" ")[0] for reason in left_out] == [f"{tmp_path}/._a.png", f"{tmp_path}/broken.png"]
    for path in tmp_path.glob("[abc]*.[pb]*"):
        path.write_bytes(b"")
    with pytest.raises(ImageError, match=r"holds no picture that can be read:\n  .*hidden"):
        read_folder(tmp_path)


def test_the_demo_names_what_it_left_out_and_ends_with_status_1(tmp_path, monkeypatch):
    write_picture(tmp_path / "a.png", np.full((2, 2, 3), 7, np.uint8))
    (tmp_path / "broken.png").write_bytes(b"")
    asked = []
    monkeypatch.setattr(three_processes, "run", lambda model, folder, photos, vocabularies: asked.append(photos) or [])
    monkeypatch.setattr(demo_report, "write_overlays", lambda rounds, folder: [])
    monkeypatch.setattr(sys, "argv", ["demo", "--images", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"demo: 1 picture was left out:\n  .*broken\.png cannot be read"):
        demo.main()
    assert asked == [["a"]]


@pytest.mark.parametrize("ending", [".xyz", ""])
def test_a_picture_of_no_known_format_is_not_written(ending, tmp_path):
    with pytest.raises(UnwritableError, match="could not be written"):
        write_picture(tmp_path / f"a{ending}", np.zeros((2, 2, 3), np.uint8))


@pytest.mark.parametrize(("name", "sentence"), [("", "holds no picture"), ("nowhere", "is no folder")])
def test_a_folder_without_pictures_is_refused(tmp_path, name, sentence):
    with pytest.raises(ImageError, match=sentence):
        find_pictures(tmp_path / name)


def test_a_damaged_or_missing_picture_is_refused_by_name(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    for name in ("broken.png", "missing.png"):
        with pytest.raises(ImageError, match=f"{name} cannot be read as a picture"):
            read_picture(tmp_path / name)
