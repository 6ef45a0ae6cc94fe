# SPDX-License-Identifier: Apache-2.0
"""Stores of hand-written parts: what is read, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.train.features.store import StoreKey, open_store
from talk2dino_ros.engine.train.features.store_folder import FORMAT, clear_folder, make_folder

KEY = StoreKey(
    model="tiny",
    image_sum="1" * 64,
    text_sum="2" * 64,
    precision="float32",
    input_size=56,
    patch_size=14,
    captions_sum="3" * 64,
)
# of each part: the places of the images that could be read, and of each caption's image
PARTS = [([0, 2], [0, 0, 1, 2]), ([], [3, 4, 5]), ([6], [6, 6, 6])]


def write_parts(folder, kinds=("text", "images")):
    """Seven images in parts of three; 1, 3, 4 and 5 could not be read. Values tell the place and the caption."""
    store = make_folder(folder, KEY, count=7, part_size=3)
    caption = 0
    for part, (read, place) in enumerate(PARTS):
        text = [[caption + i, -1.0] for i in range(len(place))]
        caption += len(place)
        if "text" in kinds:
            store.write("text", part, {"text": torch.tensor(text).half(), "place": torch.tensor(place)}, {})
        if "images" in kinds:
            heads = torch.tensor([[[i, h, 0.5] for h in range(2)] for i in read]).half()
            tensors = {"heads": heads, "average": heads.mean(dim=1)} if read else {}
            notes = {
                "keys": [f"{i}.jpg" for i in read],
                "skipped": {f"{i}.jpg": "broken" for i in store.places(part) if i not in read},
            }
            store.write("images", part, {**tensors, "place": torch.tensor(read, dtype=torch.int64)}, notes)
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_parts(tmp_path / "store")


def test_all_parts_are_read_as_one_without_the_captions_of_images_that_are_not_there(folder):
    store = open_store(folder, KEY)
    assert store.keys == ("0.jpg", "2.jpg", "6.jpg")
    assert store.skipped == dict.fromkeys(("1.jpg", "3.jpg", "4.jpg", "5.jpg"), "broken")
    assert store.key == KEY
    np.testing.assert_array_equal(
        store.heads, [[[0, 0, 0.5], [0, 1, 0.5]], [[2, 0, 0.5], [2, 1, 0.5]], [[6, 0, 0.5], [6, 1, 0.5]]]
    )
    np.testing.assert_array_equal(store.average, [[0, 0.5, 0.5], [2, 0.5, 0.5], [6, 0.5, 0.5]])
    np.testing.assert_array_equal(store.text, [[0, -1], [1, -1], [3, -1], [7, -1], [8, -1], [9, -1]])
    np.testing.assert_array_equal(store.image_of_text, [0, 0, 1, 2, 2, 2])
    assert store.heads.dtype == store.average.dtype == store.text.dtype == torch.float16
    assert store.image_of_text.dtype == torch.int64


def test_only_what_is_asked_for_is_read(folder):
    store = open_store(folder)
    store.average.sum()
    assert "average" in vars(store)
    assert "heads" not in vars(store)
    assert store.average is store.average


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "other"}, r"another model: tiny, expected other;"),
        (
            {"image_sum": "a" * 64},
            r"another image encoder \(sha256 of its file\): 111111111111…, expected aaaaaaaaaaaa…;",
        ),
        ({"text_sum": "a" * 64}, r"another text encoder"),
        ({"precision": "bfloat16"}, r"another precision: float32, expected bfloat16;"),
        ({"input_size": 448}, r"another input size: 56, expected 448;"),
        ({"patch_size": 16}, r"another patch size: 14, expected 16;"),
        ({"captions_sum": "a" * 64}, r"another set of captions"),
        ({"format": "talk2dino features 9"}, r"another version of the format"),
        ({"model": "other", "image_sum": "a" * 64, "patch_size": 16}, r"another model"),
    ],
)
def test_a_store_of_another_key_is_refused_with_the_reason_and_the_remedy(folder, change, said):
    for use in (lambda key: open_store(folder, key), lambda key: make_folder(folder, key, 7)):
        with pytest.raises(
            TrainingError, match=rf"store\S* was made with {said}.* name another --store .* with --fresh-store"
        ):
            use(replace(KEY, **change))


def test_a_store_of_another_version_is_refused_whatever_else_it_says(folder):
    manifest = folder / "store.json"
    manifest.write_text(json.dumps({"key": {"format": "talk2dino features 0", "colour": 3}}))
    said = "another version of the format: talk2dino features 0, expected talk2dino features 1"
    with pytest.raises(TrainingError, match=said):
        open_store(folder)
    assert FORMAT in said


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"key": {"format": "talk2dino features 1"}}', "{"])
def test_a_damaged_manifest_is_refused(folder, text):
    (folder / "store.json").write_text(text)
    with pytest.raises(TrainingError, match=r"store\.json cannot be read .* with --fresh-store"):
        open_store(folder)


def test_a_folder_that_is_no_store_is_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"store\.json cannot be read .*No such file"):
        open_store(tmp_path)


@pytest.mark.parametrize("kind", ["text", "images"])
def test_an_unfinished_store_is_refused(folder, kind):
    (folder / f"{kind}-00001.safetensors").unlink()
    with pytest.raises(TrainingError, match=f"has 2 of 3 parts of {kind}, expected all of them; run the extraction"):
        open_store(folder)


@pytest.mark.parametrize("kind", ["text", "images"])
@pytest.mark.parametrize("size", [0, 100, -10])
def test_a_damaged_part_is_named(folder, kind, size):
    part = folder / f"{kind}-00000.safetensors"
    part.write_bytes(part.read_bytes()[:size])
    with pytest.raises(TrainingError, match=rf"{kind}-00000\.safetensors cannot be read .*; delete it and run"):
        open_store(folder)


def test_a_part_of_another_store_is_refused(folder, tmp_path):
    other = make_folder(tmp_path / "other", replace(KEY, image_sum="a" * 64), count=7, part_size=3)
    other.write("images", 0, {"place": torch.zeros(0)}, {"keys": [], "skipped": {}})
    other.file("images", 0).replace(folder / "images-00000.safetensors")
    with pytest.raises(TrainingError, match=r"images-00000\.safetensors was made with another image encoder"):
        open_store(folder)


def test_a_store_without_a_single_image_is_refused(tmp_path):
    store = make_folder(tmp_path, KEY, count=1)
    store.write("text", 0, {"text": torch.zeros(1, 2).half(), "place": torch.tensor([0])}, {})
    store.write("images", 0, {"place": torch.zeros(0, dtype=torch.int64)}, {"keys": [], "skipped": {"a": "broken"}})
    with pytest.raises(TrainingError, match=r"holds no image, as none of 1 could be read"):
        open_store(tmp_path)


def test_a_store_goes_on_with_the_parts_it_was_begun_with(folder):
    store = make_folder(folder, KEY, count=7, part_size=500)
    assert store.part_size == 3
    assert [list(store.places(part)) for part in store.parts] == [[0, 1, 2], [3, 4, 5], [6]]


def test_clearing_deletes_only_the_stores_own_files(folder):
    (folder / "notes.txt").touch()
    (folder / "my_projection.safetensors").touch()
    (folder / "text-encoder.safetensors").touch()
    (folder / ".images-00001.safetensors.12ab34cd.part").touch()
    clear_folder(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "my_projection.safetensors",
        "notes.txt",
        "text-encoder.safetensors",
    ]
    clear_folder(folder / "none")
