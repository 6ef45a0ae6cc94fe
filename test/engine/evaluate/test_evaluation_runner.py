# SPDX-License-Identifier: Apache-2.0
"""The walk over a data set with `mini`, on small cuts of a shipped photograph."""

import json
from dataclasses import replace

import numpy as np
import pytest
from dataset_layouts import write_folder, write_label

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.evaluate.datasets import DatasetError, open_dataset
from talk2dino_ros.engine.evaluate.evaluation_runner import Evaluation
from talk2dino_ros.viz.pictures import read_picture

CLASSES = ["background", "cat", "sky"]


@pytest.fixture(scope="module")
def segmenter():
    return load_segmenter(
        "mini", device="cpu", backend="torch", precision="fp32", input="slide", input_size=96, background=0.525
    )


@pytest.fixture
def folder(tmp_path):
    """Five cuts of the cat, of two sizes; the upper half is labelled cat, a corner is ignored."""
    photo = read_picture(PHOTOS / "chelsea.jpg")
    pictures = {}
    for number in range(5):
        cut = photo[10 * number : 10 * number + 96 + 32 * (number % 2), 40:168]
        values = np.zeros(cut.shape[:2], np.uint8)
        values[: len(cut) // 2] = 1
        values[:8, :8] = 255
        pictures[f"{number}.png"] = (np.ascontiguousarray(cut), values)
    return write_folder(tmp_path / "cats", CLASSES, pictures)


def evaluation_of(segmenter, folder, read=read_picture, limit=0):
    return Evaluation.of(segmenter, open_dataset("folder", folder, limit), read)


def test_the_counts_are_those_of_segmenting_by_hand(segmenter, folder, tmp_path):
    evaluation = evaluation_of(segmenter, folder)
    progress = evaluation.run(tmp_path / "state.json", batch=2)
    expected = np.zeros((3, 4), np.int64)
    vocabulary = segmenter.encode_vocabulary(["cat", "sky"])  # ids 1 and 2
    for sample in evaluation.dataset.samples:
        mask = segmenter.segment(read_picture(sample.image), vocabulary).class_ids
        values = read_picture(sample.label)[..., 0]
        for value, seen in zip(values.ravel().tolist(), mask.ravel().tolist(), strict=True):
            if value != 255:
                expected[value, 0 if seen == 255 else seen] += 1
    np.testing.assert_array_equal(progress.confusion.counts, expected)
    assert progress.confusion.counts.sum() == 3 * 96 * 128 + 2 * 128 * 128 - 5 * 64
    assert list(progress.by_image) == [0, 1, 2, 3, 4]


def test_without_a_background_class_unlabeled_pixels_have_no_class(segmenter, folder):
    evaluation = evaluation_of(segmenter, folder)
    mask = np.array([[1, 255, 2]], np.uint8)
    assert evaluation.predicted(mask).tolist() == [[1, 0, 2]]
    (folder / "classes.txt").write_text("dog\ncat\nsky\n")
    assert evaluation_of(segmenter, folder).predicted(mask).tolist() == [[1, 3, 2]]


def test_a_resumed_run_has_the_result_of_an_uninterrupted_one(segmenter, folder, tmp_path):
    whole = evaluation_of(segmenter, folder).run(tmp_path / "whole.json", batch=2)
    read = []

    def read_until_the_fifth(path):
        if len(read) == 4:
            raise KeyboardInterrupt
        read.append(path.name)
        return read_picture(path)

    state = tmp_path / "state.json"
    with pytest.raises(KeyboardInterrupt):
        evaluation_of(segmenter, folder, read_until_the_fifth).run(state, batch=2)
    again = []

    def read_again(path):
        again.append(path.name)
        return read_picture(path)

    progress = evaluation_of(segmenter, folder, read_again).run(state, batch=3)
    assert (read, again) == (["0.png", "1.png", "2.png", "3.png"], ["4.png"])
    np.testing.assert_array_equal(progress.confusion.counts, whole.confusion.counts)
    assert progress.by_image == whole.by_image


def test_an_interrupted_batch_is_not_counted(segmenter, folder, tmp_path, monkeypatch):
    whole = evaluation_of(segmenter, folder).run(tmp_path / "whole.json", batch=2)
    state, counted = tmp_path / "state.json", []

    def count_until_the_second(evaluation, mask, predicted=Evaluation.predicted):
        if len(counted) == 3:  # the second of the second batch
            raise KeyboardInterrupt
        counted.append(mask)
        return predicted(evaluation, mask)

    with monkeypatch.context() as patch:
        patch.setattr(Evaluation, "predicted", count_until_the_second)
        with pytest.raises(KeyboardInterrupt):
            evaluation_of(segmenter, folder).run(state, batch=2)
    assert json.loads(state.read_text())["done"] == 2
    progress = evaluation_of(segmenter, folder).run(state, batch=2)
    np.testing.assert_array_equal(progress.confusion.counts, whole.confusion.counts)
    assert progress.by_image == whole.by_image


def change_class(folder):
    (folder / "classes.txt").write_text("background\ncat\nsea\n")


def change_label(folder):
    write_label(folder / "labels/0.png", np.random.default_rng(0).integers(0, 3, (96, 128)))


CHANGES = [
    (None, {"options": {"refine": "pamr"}}, "options"),
    (None, {"limit": 3}, "data"),
    (change_class, {}, "classes"),
    (change_label, {}, "data"),
]


@pytest.mark.parametrize("change", CHANGES, ids=["options", "fewer images", "class list", "label"])
def test_the_state_of_another_run_is_refused_and_kept(change, segmenter, folder, tmp_path):
    change_data, changes, named = change
    state = tmp_path / "state.json"
    evaluation_of(segmenter, folder).run(state)
    before = state.read_text()
    if change_data:
        change_data(folder)
    other = segmenter.with_options(**changes.get("options", {}))
    with pytest.raises(DatasetError, match=rf"is of a run with another {named} .*--fresh"):
        evaluation_of(other, folder, limit=changes.get("limit", 0)).run(state)
    assert state.read_text() == before


def test_the_state_of_another_mapping_is_refused(segmenter, folder, tmp_path):
    state = tmp_path / "state.json"
    evaluation = evaluation_of(segmenter, folder)
    evaluation.run(state)
    vocabulary = evaluation.vocabulary
    turned = replace(vocabulary, embeddings=np.roll(vocabulary.embeddings, 1, axis=1))
    with pytest.raises(DatasetError, match="another vectors"):
        replace(evaluation, vocabulary=turned).run(state)


def test_a_damaged_state_is_refused(segmenter, folder, tmp_path):
    state = tmp_path / "state.json"
    state.write_text('{"format": "talk2dino eval')
    with pytest.raises(DatasetError, match=r"cannot be read as a run's state .*--fresh"):
        evaluation_of(segmenter, folder).run(state)


@pytest.mark.parametrize("part", ["images", "labels"])
def test_a_truncated_picture_is_skipped_and_named_and_the_rest_counts(part, segmenter, folder, tmp_path):
    path = folder / part / "2.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    progress = evaluation_of(segmenter, folder).run(tmp_path / "state.json", batch=2)
    assert list(progress.skipped) == ["2.png"]
    assert "cannot be read" in progress.skipped["2.png"]
    assert list(progress.by_image) == [0, 1, 3, 4]
    assert progress.done == 5


def test_image_and_label_of_different_size_end_the_run_and_what_was_counted_is_kept(segmenter, folder, tmp_path):
    write_label(folder / "labels/2.png", np.zeros((96, 127)))
    state = tmp_path / "state.json"
    with pytest.raises(DatasetError, match=r"2\.png is 128x96 and .*2\.png is 127x96, expected one size; correct"):
        evaluation_of(segmenter, folder).run(state, batch=2)
    assert json.loads(state.read_text())["done"] == 2


def test_a_state_file_that_cannot_be_written_is_said(segmenter, folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match=r"state\.json cannot be written .*--output"):
        evaluation_of(segmenter, folder, limit=1).run(tmp_path / "file" / "state.json")


def test_an_empty_batch_is_refused(segmenter, folder, tmp_path):
    with pytest.raises(DatasetError, match="batch is 0"):
        evaluation_of(segmenter, folder).run(tmp_path / "state.json", batch=0)
