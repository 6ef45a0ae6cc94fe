# SPDX-License-Identifier: Apache-2.0
"""COCO's official layout, written by the test: both years, both places of the images."""

import json

import pytest
from training_photos import encoded_photo

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.train.captions import open_captions

# as in captions_train2014.json: images in no order of numbers, captions in yet another, with newlines at some ends
IMAGES = [{"id": 57870, "license": 5}, {"id": 384029, "license": 1}, {"id": 222016, "license": 1}]
CAPTIONS = [
    {"image_id": 222016, "id": 1, "caption": "A big red telephone booth\n"},
    {"image_id": 57870, "id": 2, "caption": "A restaurant has modern wooden tables and chairs."},
    {"image_id": 384029, "id": 3, "caption": "A man preparing desserts."},
    {"image_id": 57870, "id": 4, "caption": "A long restaurant table with rattan chairs."},
]


def write_coco(folder, split="train", year=2014, within="", **edits):
    start = f"COCO_{split}2014_" if year == 2014 else ""
    names = [f"{start}{image['id']:012}.jpg" for image in IMAGES]
    content = {
        "info": {"year": year},
        "images": [{**image, "file_name": name} for image, name in zip(IMAGES, names, strict=True)],
        "annotations": CAPTIONS,
        **edits,
    }
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / f"annotations/captions_{split}{year}.json").write_text(json.dumps(content))
    place = folder / within / f"{split}{year}"
    place.mkdir(parents=True)
    for number, name in enumerate(names):
        (place / name).write_bytes(encoded_photo(number))
    return folder


@pytest.mark.parametrize("within", ["", "images"])
@pytest.mark.parametrize("split", ["train", "val"])
def test_images_come_in_the_order_of_the_file_with_all_their_captions(tmp_path, split, within):
    found = open_captions(write_coco(tmp_path, split, within=within), split)
    assert [(each.key, each.captions) for each in found.examples] == [
        (
            f"COCO_{split}2014_000000057870.jpg",
            ("A restaurant has modern wooden tables and chairs.", "A long restaurant table with rattan chairs."),
        ),
        (f"COCO_{split}2014_000000384029.jpg", ("A man preparing desserts.",)),
        (f"COCO_{split}2014_000000222016.jpg", ("A big red telephone booth",)),
    ]
    assert [each.read() for each in found.examples] == [encoded_photo(number) for number in range(3)]


def test_a_split_that_is_not_there_is_none(tmp_path):
    assert open_captions(write_coco(tmp_path, "train"), "val") is None


def test_of_both_years_captions_the_papers_is_taken(tmp_path):
    write_coco(tmp_path, year=2017)
    assert open_captions(tmp_path, "train").examples[0].key == "000000057870.jpg"
    write_coco(tmp_path, year=2014)
    assert open_captions(tmp_path, "train").examples[0].key == "COCO_train2014_000000057870.jpg"


def test_the_validation_split_is_of_the_training_splits_year(tmp_path):
    """What of 2014 is for validation was trained on in 2017."""
    write_coco(tmp_path, "train", 2017)
    write_coco(tmp_path, "val", 2014)
    assert open_captions(tmp_path, "val") is None
    write_coco(tmp_path, "val", 2017)
    assert open_captions(tmp_path, "val").examples[0].key == "000000057870.jpg"


def test_a_null_caption_counts_as_blank(tmp_path):
    annotations = [*CAPTIONS[:3], {"image_id": 57870, "id": 4, "caption": None}]
    found = open_captions(write_coco(tmp_path, annotations=annotations), "train")
    assert found.examples[0].captions == ("A restaurant has modern wooden tables and chairs.",)


def test_missing_images_are_named(tmp_path):
    write_coco(tmp_path)
    for number in (384029, 222016):
        (tmp_path / f"train2014/COCO_train2014_{number:012}.jpg").unlink()
    with pytest.raises(TrainingError, match=r"000000384029\.jpg is missing and 1 more, expected the 3 images"):
        open_captions(tmp_path, "train")


def test_a_missing_folder_of_images_is_named(tmp_path):
    write_coco(tmp_path)
    (tmp_path / "train2014").rename(tmp_path / "photos")
    with pytest.raises(
        TrainingError,
        match=r"has no folder train2014 or images/train2014, .* or remove annotations/captions_train2014\.json",
    ):
        open_captions(tmp_path, "train")


def test_captions_in_another_encoding_are_named(tmp_path):
    path = write_coco(tmp_path) / "annotations/captions_train2014.json"
    path.write_bytes(path.read_text().replace("modern", "möderne").encode("latin-1"))
    with pytest.raises(TrainingError, match=r"captions_train2014\.json is not UTF-8 in line 1 \(byte 0xf6\)"):
        open_captions(tmp_path, "train")


@pytest.mark.parametrize(
    ("edits", "match"),
    [
        ({"annotations": [{"image_id": 1, "caption": "a"}]}, "captions of the image 1, which it does not list"),
        (
            {"images": [{"id": 222016, "file_name": name} for name in "ab"], "annotations": []},
            "two images of one number",
        ),
        ({"annotations": [{"id": 3, "bbox": []}]}, r"lacks COCO's captions \(KeyError\('image_id'\)\)"),
        ({"images": None}, "lacks COCO's captions"),
        (
            {"annotations": [{"image_id": 222016, "caption": 3}]},
            r'an annotation of the image 222016 has neither a text "caption"',
        ),
    ],
)
def test_a_file_of_another_layout_than_cocos_is_refused(tmp_path, edits, match):
    with pytest.raises(TrainingError, match=match):
        open_captions(write_coco(tmp_path, **edits), "train")


def test_a_truncated_captions_file_is_refused(tmp_path):
    path = write_coco(tmp_path) / "annotations/captions_train2014.json"
    path.write_text(path.read_text()[:200])
    with pytest.raises(TrainingError, match="is not JSON"):
        open_captions(tmp_path, "train")
