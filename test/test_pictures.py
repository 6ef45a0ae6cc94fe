# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from PIL import Image

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.pictures import find_pictures, read_picture, write_picture


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


@pytest.mark.parametrize(("name", "sentence"), [("", "holds no picture"), ("nowhere", "is no folder")])
def test_a_folder_without_pictures_is_refused(tmp_path, name, sentence):
    with pytest.raises(ImageError, match=sentence):
        find_pictures(tmp_path / name)


def test_a_damaged_or_missing_picture_is_refused_by_name(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    for name in ("broken.png", "missing.png"):
        with pytest.raises(ImageError, match=f"{name} cannot be read as a picture"):
            read_picture(tmp_path / name)
