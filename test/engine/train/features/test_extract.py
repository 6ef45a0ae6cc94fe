# SPDX-License-Identifier: Apache-2.0
"""Extraction with a tiny Talk2DINO from files: what the store holds, and what goes on after a stop."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from extraction import COUNT, OPTIONS, PART, files_of
from training_photos import (
    HEADS,
    INPUT_SIZE,
    TEXT_WIDTH,
    WIDTH,
    caption,
    encoded_photo,
)

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.train.captions import open_captions
from talk2dino_ros.engine.train.features.extract import ExtractionReport, extract
from talk2dino_ros.engine.train.features.pixels import square
from talk2dino_ros.engine.train.features.store import open_store


def test_the_store_has_the_networks_features_of_each_image_and_caption(tiny, captions, tmp_path):
    report = extract(captions, tiny, tmp_path, **OPTIONS)
    assert report == ExtractionReport(COUNT, {})
    store = open_store(tmp_path)
    assert store.keys == tuple(f"{number:03}.jpg" for number in range(COUNT))
    assert store.heads.shape == (COUNT, HEADS, WIDTH)
    assert store.text.shape == (2 * COUNT, TEXT_WIDTH)
    np.testing.assert_array_equal(store.image_of_text, np.arange(COUNT).repeat(2))
    image_encoder, text_encoder = tiny.load_image_encoder(), tiny.load_text_encoder()
    for number in range(COUNT):  # one at a time, by the formulas
        pixels = torch.from_numpy(square(encoded_photo(number), INPUT_SIZE).transpose(2, 0, 1) / np.float32(255))
        with torch.inference_mode():
            features = image_encoder(pixels[None], return_attention=True)
        patches = features.patch_features[0].flatten(1).T.numpy()
        shares = np.exp(features.cls_attention[0].numpy())
        expected = (shares / shares.sum(axis=1, keepdims=True)) @ patches
        np.testing.assert_allclose(store.heads[number], expected, atol=3e-3)
        np.testing.assert_allclose(store.average[number], patches.mean(axis=0), atol=3e-3)
        text = text_encoder.encode([caption(number, 0), caption(number, 1)])
        np.testing.assert_allclose(store.text[2 * number : 2 * number + 2], text, atol=3e-3)
    spread = store.heads.float().std(dim=0).mean()
    assert spread > 0.05  # the images differ by far more than the tolerance


def test_a_second_run_extracts_nothing(tiny, captions, tmp_path):
    extract(captions, tiny, tmp_path, **OPTIONS)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}

    def refuse():
        raise AssertionError("a network was loaded")

    idle = replace(tiny, load_image_encoder=refuse, load_text_encoder=refuse)
    assert extract(captions, idle, tmp_path, **OPTIONS).done == COUNT
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_an_interrupted_extraction_resumes_to_the_same_store(tiny, captions, tmp_path):
    extract(captions, tiny, tmp_path / "whole", **OPTIONS)
    image = Path(captions.examples[6].read.args[0])
    image.rename(image.with_suffix(".away"))
    with pytest.raises(TrainingError, match=r"006\.jpg cannot be read .* continues from here"):
        extract(captions, tiny, tmp_path / "stopped", **OPTIONS)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "stopped").iterdir()}
    assert "images-00000.safetensors" in kept
    assert "images-00001.safetensors" not in kept
    image.with_suffix(".away").rename(image)
    extract(captions, tiny, tmp_path / "stopped", **{**OPTIONS, "part_size": 7})  # a begun store keeps its parts
    assert files_of(tmp_path / "stopped") == files_of(tmp_path / "whole")
    assert kept.items() <= {path.name: path.stat().st_mtime_ns for path in (tmp_path / "stopped").iterdir()}.items()


_KILLED = """
import sys
from functools import partial
from pathlib import Path
from held_program import hold
from training_photos import tiny_row
from talk2dino_ros.engine.train.captions import open_captions
from talk2dino_ros.engine.train.features.extract import extract
from talk2dino_ros.engine.train.features.frozen import open_frozen
from talk2dino_ros.engine.train.features.store_folder import StoreFolder
photos, weights, store, marker = sys.argv[1:]
hold(StoreFolder, "write", KILLED_AT, Path(marker))
extract(open_captions(photos, "train"), open_frozen(tiny_row(), device="cpu", weights_dir=weights), store, batch=3,
        input_size=56, part_size=4, threads=1)
print("has ended", flush=True)
"""


@pytest.mark.slow
def test_a_killed_process_leaves_only_complete_parts(tiny, tiny_weights, photos, tmp_path):
    count = 6 * PART
    folder, store, marker = photos(count), tmp_path / "store", tmp_path / "marker"
    paths = [str(path) for path in (folder, tiny_weights, store, marker)]
    program = _KILLED.replace("KILLED_AT", f"{6 + 3}")  # all parts of captions come first
    process = subprocess.Popen([sys.executable, "-c", program, *paths], stdout=subprocess.PIPE, env=_environment())
    while not marker.exists():
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert b"has ended" not in process.communicate()[0]
    assert len(list(store.glob("images-*.safetensors"))) == 3
    captions = open_captions(folder, "train")
    assert extract(captions, tiny, store, **OPTIONS).done == count
    extract(captions, tiny, tmp_path / "whole", **OPTIONS)
    left_over = {name: data for name, data in files_of(store).items() if not name.endswith(".part")}
    assert left_over == files_of(tmp_path / "whole")


def _environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def test_a_truncated_image_is_skipped_counted_and_named(tiny, captions, tmp_path):
    broken = Path(captions.examples[5].read.args[0])
    broken.write_bytes(broken.read_bytes()[:600])
    report = extract(captions, tiny, tmp_path / "store", **OPTIONS)
    assert report.done == COUNT - 1
    assert list(report.skipped) == ["005.jpg"]
    assert str(report).startswith("9 images; 1 could not be read and is left out:\n  005.jpg: ")
    store = open_store(tmp_path / "store")
    assert "005.jpg" not in store.keys
    assert store.skipped == report.skipped
    assert len(store.text) == 2 * (COUNT - 1)
    intact = open_store(_intact(tiny, captions, tmp_path))
    others = [number for number in range(COUNT) if number != 5]
    torch.testing.assert_close(store.heads, intact.heads[others], rtol=0, atol=2e-3)  # its batch was a smaller one
    torch.testing.assert_close(store.text, intact.text[np.repeat(others, 2) * 2 + np.tile([0, 1], 9)], rtol=0, atol=0)


def _intact(tiny, captions, tmp_path):
    photo = Path(captions.examples[5].read.args[0])
    photo.write_bytes(encoded_photo(5))
    extract(captions, tiny, tmp_path / "intact", **OPTIONS)
    return tmp_path / "intact"


def test_a_repaired_image_is_extracted_by_the_next_run_with_its_part_alone(tiny, captions, tmp_path):
    broken = Path(captions.examples[5].read.args[0])
    broken.write_bytes(b"")
    extract(captions, tiny, tmp_path / "store", **OPTIONS)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "store").iterdir()}
    intact = _intact(tiny, captions, tmp_path)
    assert extract(captions, tiny, tmp_path / "store", **OPTIONS) == ExtractionReport(COUNT, {})
    assert files_of(tmp_path / "store") == files_of(intact)
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "store").iterdir()}
    assert {name for name in after if after[name] != before[name]} == {"images-00001.safetensors"}


def test_a_whole_part_of_damaged_images_is_skipped(tiny, captions, tmp_path):
    for example in captions.examples[:PART]:
        Path(example.read.args[0]).write_bytes(b"nothing")
    report = extract(captions, tiny, tmp_path / "store", **OPTIONS)
    assert (report.done, len(report.skipped)) == (COUNT - PART, PART)
    assert open_store(tmp_path / "store").heads.shape == (COUNT - PART, HEADS, WIDTH)


def test_a_report_names_ten_images_and_counts_the_rest():
    lines = str(ExtractionReport(3, {f"{number}.jpg": "broken" for number in range(12)})).splitlines()
    assert lines[0] == "3 images; 12 could not be read and are left out:"
    assert lines[1] == "  0.jpg: broken"
    assert lines[10:] == ["  9.jpg: broken", "  and 2 more"]
