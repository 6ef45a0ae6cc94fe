# SPDX-License-Identifier: Apache-2.0
"""Each reader on a tiny data set of its official layout. The numbers that values become are the sets' own tables."""

import numpy as np
import pytest
from dataset_layouts import (
    names_of,
    write_ade20k,
    write_cityscapes,
    write_coco,
    write_folder,
    write_pascal,
)

from talk2dino_ros.engine.evaluate.datasets import DATASETS, DatasetError, open_dataset
from talk2dino_ros.engine.evaluate.evaluation_report import published
from talk2dino_ros.engine.text.class_entries import parse_classes

COUNTS = {
    "voc20": 20,
    "voc21": 21,
    "context59": 59,
    "context60": 60,
    "coco_object": 81,
    "coco_stuff": 171,
    "cityscapes": 19,
    "ade20k": 150,
}


def test_the_table_holds_the_paper_s_eight_sets_each_with_its_number_of_classes():
    assert {name: len(kind.classes) for name, kind in DATASETS.items()} == COUNTS
    assert sorted(kind.column for kind in DATASETS.values()) == sorted(published()["columns"])


@pytest.mark.parametrize("name", DATASETS)
def test_class_names_make_a_vocabulary_and_keep_their_spelling(name):
    classes = [word for word in DATASETS[name].classes if word != "background"]
    assert [entry.name for entry in parse_classes(classes)] == classes


def test_the_paper_cleans_the_background_on_voc_and_coco_object_only():
    assert {name for name, kind in DATASETS.items() if kind.background_cleaning} == {"voc21", "coco_object"}


@pytest.mark.parametrize("where", [".", "VOCdevkit", "VOCdevkit/VOC2012"])
def test_voc_is_found_in_the_devkit_folder_or_its_parent(where, tmp_path):
    write_pascal(tmp_path, "VOC2012", {"2007_000033": [[0, 1]], "2007_000042": [[20, 255]]})
    dataset = open_dataset("voc21", tmp_path / where)
    assert [sample.name for sample in dataset.samples] == ["2007_000033.jpg", "2007_000042.jpg"]
    assert names_of(dataset) == ["background", "aeroplane"]


def test_voc_with_20_classes_does_not_score_background_nor_borders(tmp_path):
    write_pascal(tmp_path, "VOC2012", {"2007_000033": [[0, 1, 15, 20, 255]]})
    assert names_of(open_dataset("voc20", tmp_path)) == [None, "aeroplane", "person", "tvmonitor", None]
    assert names_of(open_dataset("voc21", tmp_path)) == ["background", "aeroplane", "person", "tvmonitor", None]


def test_context_has_59_classes_in_alphabetical_order_after_background(tmp_path):
    write_pascal(tmp_path, "VOC2010", {"2008_000002": [[0, 1, 2, 37, 59]]})
    assert names_of(open_dataset("context60", tmp_path)) == ["background", "aeroplane", "bag", "person", "wood"]
    assert names_of(open_dataset("context59", tmp_path)) == [None, "aeroplane", "bag", "person", "wood"]
    assert list(DATASETS["context59"].classes) == sorted(DATASETS["context59"].classes)


def test_ade20k_ignores_the_label_zero(tmp_path):
    write_ade20k(tmp_path, {"ADE_val_00000001": [[0, 1, 13, 150]]})
    assert names_of(open_dataset("ade20k", tmp_path)) == [None, "wall", "person", "flag"]


def test_cityscapes_train_ids_are_the_classes(tmp_path):
    write_cityscapes(tmp_path, "labelTrainIds", {"frankfurt_000000_000294": [[0, 11, 18, 255]]})
    assert names_of(open_dataset("cityscapes", tmp_path)) == ["road", "person", "bicycle", None]


def test_cityscapes_label_ids_are_mapped_where_no_train_ids_are(tmp_path):
    # labels.py of cityscapesscripts: 0 unlabeled, 7 road, 9 parking, 24 person, 29 caravan, 33 bicycle
    write_cityscapes(tmp_path, "labelIds", {"lindau_000000_000019": [[0, 7, 9, 24, 29, 33]]})
    assert names_of(open_dataset("cityscapes", tmp_path)) == [None, "road", None, "person", None, "bicycle"]


def test_cocos_label_pictures_serve_coco_object_and_coco_stuff(tmp_path):
    # category ids less one: person 0, stop sign 12 (11 is a gap), toothbrush 89, banner 91, wood 181
    write_coco(tmp_path, {"000000000139": [[0, 12, 89, 91, 181, 255]]})
    stuff = ["person", "stop sign", "toothbrush", "banner", "wood", None]
    assert names_of(open_dataset("coco_stuff", tmp_path)) == stuff
    objects = ["person", "stop sign", "toothbrush", "background", "background", "background"]
    assert names_of(open_dataset("coco_object", tmp_path)) == objects


def test_cocos_converted_labels_are_preferred_to_the_original_ones(tmp_path):
    layout = ("images/val2017", "annotations/val2017")
    write_coco(tmp_path, {"000000000139": [[0, 0, 0]]}, layout=layout)
    write_coco(tmp_path, {"000000000139": [[11, 170, 255]]}, "_labelTrainIds", layout)
    write_coco(tmp_path, {"000000000139": [[0, 12, 80]]}, "_instanceTrainIds", layout)
    assert names_of(open_dataset("coco_stuff", tmp_path)) == ["stop sign", "wood", None]
    assert names_of(open_dataset("coco_object", tmp_path)) == ["background", "stop sign", "toothbrush"]


def test_a_custom_folder_lists_one_class_a_line(tmp_path):
    write_folder(
        tmp_path, ["background", "cat: kitten, cat", "hai"], {"a.jpg": (np.zeros((1, 3, 3), np.uint8), [[2, 0, 255]])}
    )
    dataset = open_dataset("folder", tmp_path)
    assert names_of(dataset) == ["hai", "background", None]
    assert dataset.words == ("cat: kitten, cat", "hai")


@pytest.mark.parametrize("first", ["Background", "BACKGROUND", "background"])
def test_a_custom_folders_background_class_is_known_in_any_spelling(first, tmp_path):
    write_folder(tmp_path, [first, "cat"], {"a.jpg": (np.zeros((1, 2, 3), np.uint8), [[1, 0]])})
    dataset = open_dataset("folder", tmp_path)
    assert (dataset.has_background, dataset.words, dataset.classes) == (True, ("cat",), ("background", "cat"))


def test_hidden_files_are_no_samples_and_a_custom_folder_reports_them(tmp_path):
    own = write_folder(tmp_path / "own", ["cat"], {"a.png": (np.zeros((1, 1, 3), np.uint8), [[0]])})
    (own / "images" / "._a.png").write_bytes(b"of macOS")
    dataset = open_dataset("folder", own)
    assert [sample.name for sample in dataset.samples] == ["a.png"]
    assert [path.name for path in dataset.hidden] == ["._a.png"]
    write_ade20k(tmp_path, {"a": [[1]]})
    write_cityscapes(tmp_path, "labelTrainIds", {"ulm_000000_000001": [[1]]})
    write_coco(tmp_path, {"000000000001": [[1]]})
    for path in (tmp_path / "ADEChallengeData2016/images/validation/a.jpg", *tmp_path.glob("*/val*/*.png")):
        path.with_name(f"._{path.name}").write_bytes(b"of macOS")
    for path in (*tmp_path.glob("leftImg8bit/val/ulm/*.png"), tmp_path / "val2017/000000000001.jpg"):
        path.with_name(f"._{path.name}").write_bytes(b"of macOS")
    assert [open_dataset(name, tmp_path).total for name in ("ade20k", "cityscapes", "coco_stuff")] == [1, 1, 1]


@pytest.mark.parametrize("name", ["a" * 300, "nul\0"])
def test_a_name_that_no_file_can_have_is_a_missing_file(name, tmp_path):
    """Found by `python -m benchmarks.fuzz`: pathlib raises for a name that is too long."""
    write_pascal(tmp_path, "VOC2012", {"2007_000033": [[1]]})
    (tmp_path / "VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt").write_text(f"2007_000033\n{name}\n")
    with pytest.raises(DatasetError, match=r"is missing and 1 more"):
        open_dataset("voc20", tmp_path)


def test_a_picture_whose_name_leaves_no_room_for_a_labels_ending_has_no_converted_label(tmp_path):
    write_coco(tmp_path, {"a" * 235: [[0]]})
    assert len(open_dataset("coco_object", tmp_path).samples) == 1
