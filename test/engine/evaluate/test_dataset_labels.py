# SPDX-License-Identifier: Apache-2.0
"""Labels that are turned, damaged or missing, and data sets that cannot be read."""

import zlib

import numpy as np
import pytest
from dataset_layouts import (
    names_of,
    write_ade20k,
    write_cityscapes,
    write_coco,
    write_folder,
    write_image,
    write_label,
    write_pascal,
)
from PIL import Image

from talk2dino_ros.engine.errors import ImageError, ModelError, VocabularyError
from talk2dino_ros.engine.evaluate.datasets import DATASETS, DatasetError, open_dataset
from talk2dino_ros.viz.pictures import read_picture

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name, data):
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def header(width, height):
    return chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0]))


PNG_OF_A_SHORT_HEADER = PNG_SIGNATURE + chunk(b"IHDR", bytes(5))
PNG_OF_A_BROKEN_CHUNK = PNG_SIGNATURE + header(1, 1) + bytes(4) + b"\x03\x96<O" + bytes(8)
PNG_OF_10_GIGAPIXELS = PNG_SIGNATURE + header(100_000, 100_000) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


ROWS = [[0, 1, 2], [3, 4, 5]]  # a label as a person sees it: 2 rows of 3
STORED = {  # the same picture as a camera stores it that says "turn me" by EXIF's orientation
    6: [[2, 5], [1, 4], [0, 3]],  # clockwise by 90 degrees makes ROWS of it
    8: [[3, 0], [4, 1], [5, 2]],  # anticlockwise
    3: [[5, 4, 3], [2, 1, 0]],
}


@pytest.mark.parametrize("orientation", [6, 8])
@pytest.mark.parametrize("photo_kind", ["jpg", "tif"])
def test_a_label_stored_like_its_photo_is_rotated_with_it(orientation, photo_kind, tmp_path):
    dataset = folder_of_a_turned_photo(tmp_path, orientation, photo_kind)
    write_label(tmp_path / "labels" / "a.png", STORED[orientation])
    assert dataset.read_label(dataset.samples[0], (2, 3)).tolist() == ROWS


@pytest.mark.parametrize("orientation", [6, 8, 3])
def test_a_label_stored_upright_is_not_rotated(orientation, tmp_path):
    dataset = folder_of_a_turned_photo(tmp_path, orientation)
    write_label(tmp_path / "labels" / "a.png", ROWS)
    assert dataset.read_label(dataset.samples[0], (2, 3)).tolist() == ROWS


@pytest.mark.parametrize("orientation", [6, 8, 3])
def test_a_label_with_its_own_orientation_tag_is_rotated_by_it(orientation, tmp_path):
    dataset = folder_of_a_turned_photo(tmp_path, orientation)
    save_turned(np.uint8(STORED[orientation]), tmp_path / "labels" / "a.png", orientation)
    assert dataset.read_label(dataset.samples[0], (2, 3)).tolist() == ROWS


def folder_of_a_turned_photo(root, orientation, kind="jpg"):
    write_folder(root, list("abcdef"), {f"a.{kind}": (np.zeros((2, 3, 3), np.uint8), ROWS)})
    height, width = np.shape(STORED[orientation])
    save_turned(np.zeros((height, width, 3), np.uint8), root / "images" / f"a.{kind}", orientation)
    assert read_picture(root / "images" / f"a.{kind}").shape == (2, 3, 3)
    return open_dataset("folder", root)


def save_turned(pixels, path, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(pixels).save(path, exif=exif)


def test_a_limit_takes_samples_from_the_first_to_the_last(tmp_path):
    write_ade20k(tmp_path, {f"ADE_val_{number:08d}": [[1]] for number in range(1, 10)})
    dataset = open_dataset("ade20k", tmp_path, limit=3)
    assert [sample.image.stem[-1] for sample in dataset.samples] == ["1", "5", "9"]
    assert dataset.total == 9


def test_the_names_in_the_public_lists_are_counted_once():
    for kind in DATASETS.values():
        assert len(set(kind.classes)) == len(kind.classes)


@pytest.mark.parametrize(("name", "value"), [("voc21", 21), ("voc20", 254), ("coco_stuff", 11), ("cityscapes", 34)])
def test_an_id_outside_of_the_class_list_is_refused_with_the_file_and_the_id(name, value, tmp_path):
    label = {"a_0_0": [[value, 0]]}
    if name.startswith("voc"):
        write_pascal(tmp_path, "VOC2012", label)
    elif name == "cityscapes":
        write_cityscapes(tmp_path, "labelIds", label)
    else:
        write_coco(tmp_path, label)
    dataset = open_dataset(name, tmp_path)
    with pytest.raises(DatasetError, match=rf"a_0_0.*png has 1 pixel with the ids {value}, expected .*correct"):
        dataset.read_label(dataset.samples[0])


def test_a_coloured_label_picture_is_refused(tmp_path):
    write_ade20k(tmp_path, {"a": [[1]]})
    Image.new("RGB", (1, 1)).save(tmp_path / "ADEChallengeData2016/annotations/validation/a.png")
    dataset = open_dataset("ade20k", tmp_path)
    with pytest.raises(DatasetError, match="has 3 channels, expected one"):
        dataset.read_label(dataset.samples[0])


def test_a_16_bit_label_picture_is_read_and_its_large_ids_are_refused(tmp_path):
    write_ade20k(tmp_path, {"a": [[1, 1]]})
    path = tmp_path / "ADEChallengeData2016/annotations/validation/a.png"
    dataset = open_dataset("ade20k", tmp_path)
    Image.fromarray(np.array([[13, 0]], np.uint16)).save(path)
    assert names_of(dataset) == ["person", None]
    Image.fromarray(np.array([[13, 511]], np.uint16)).save(path)
    with pytest.raises(DatasetError, match="1 pixel with the ids 511"):
        dataset.read_label(dataset.samples[0])


def test_a_truncated_label_picture_is_an_unreadable_image(tmp_path):
    write_ade20k(tmp_path, {"a": np.random.default_rng(0).integers(0, 150, (40, 40))})
    path = tmp_path / "ADEChallengeData2016/annotations/validation/a.png"
    path.write_bytes(path.read_bytes()[:300])
    dataset = open_dataset("ade20k", tmp_path)
    with pytest.raises(ImageError, match=r"a\.png cannot be read as a label picture"):
        dataset.read_label(dataset.samples[0])


@pytest.mark.parametrize(
    "content", [b"", b"no picture", PNG_OF_A_SHORT_HEADER, PNG_OF_A_BROKEN_CHUNK, PNG_OF_10_GIGAPIXELS]
)
def test_any_damage_of_a_label_picture_makes_it_an_unreadable_image(content, tmp_path):
    write_ade20k(tmp_path, {"a": [[1]]})
    (tmp_path / "ADEChallengeData2016/annotations/validation/a.png").write_bytes(content)
    dataset = open_dataset("ade20k", tmp_path)
    with pytest.raises(ImageError, match=r"a\.png cannot be read as a label picture"):
        dataset.read_label(dataset.samples[0])


def test_a_folder_without_the_layout_is_told_what_it_lacks(tmp_path):
    with pytest.raises(DatasetError, match=r"lacks JPEGImages and SegmentationClass and .*VOCdevkit/VOC2012; name"):
        open_dataset("voc20", tmp_path)
    with pytest.raises(DatasetError, match=r"holds no images, expected them in images/val2017 or val2017"):
        open_dataset("coco_stuff", tmp_path)
    with pytest.raises(DatasetError, match="is no folder with leftImg8bit/val"):
        open_dataset("cityscapes", tmp_path / "nowhere")


def test_an_empty_data_set_is_refused(tmp_path):
    write_folder(tmp_path, ["cat"], {})
    with pytest.raises(DatasetError, match="images holds no image, expected at least one"):
        open_dataset("folder", tmp_path)


def test_a_missing_label_is_named(tmp_path):
    write_ade20k(tmp_path, {"a": [[1]]})
    for name in ("b", "c"):
        write_image(tmp_path / f"ADEChallengeData2016/images/validation/{name}.jpg", (1, 1))
    with pytest.raises(DatasetError, match=r"b\.png is missing and 1 more, .* each of the 3"):
        open_dataset("ade20k", tmp_path)


def test_a_class_list_in_another_encoding_is_refused(tmp_path):
    write_folder(tmp_path, ["cat"], {})
    (tmp_path / "classes.txt").write_bytes("Kätzchen\n".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"classes\.txt is not UTF-8 \(.* at byte 1\)"):
        open_dataset("folder", tmp_path)


@pytest.mark.parametrize(("classes", "error"), [(["cat", "Cat"], VocabularyError), (["cat", "!wall"], DatasetError)])
def test_a_class_list_that_cannot_be_scored_is_refused(classes, error, tmp_path):
    write_folder(tmp_path, classes, {})
    with pytest.raises(error, match=r"occurs twice|distractor or question '!wall'"):
        open_dataset("folder", tmp_path)


def test_an_unknown_data_set_is_refused_with_the_list(tmp_path):
    with pytest.raises(ModelError, match=r"'voc', expected one of voc20, .*folder"):
        open_dataset("voc", tmp_path)


def test_a_negative_limit_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="limit is -1"):
        open_dataset("ade20k", tmp_path, limit=-1)


def test_a_label_writer_with_a_palette_keeps_the_values(tmp_path):
    write_label(tmp_path / "a.png", [[0, 15, 255]], palette=True)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "P"
        assert np.array(picture).tolist() == [[0, 15, 255]]
