# SPDX-License-Identifier: Apache-2.0
"""Extraction with a tiny Talk2DINO from files: what the store holds, and every way to be stopped."""

import io
import os
import resource
import signal
import subprocess
import sys
import time
import weakref
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_photos import (
    HEADS,
    INPUT_SIZE,
    PATCH,
    TEXT_WIDTH,
    WIDTH,
    caption,
    encoded_photo,
    tiny_row,
    write_tiny_weights,
)

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.train.captions import CaptionSet, open_captions
from talk2dino_ros.engine.train.features.extract import ExtractionReport, extract
from talk2dino_ros.engine.train.features.frozen import open_frozen
from talk2dino_ros.engine.train.features.pixels import square
from talk2dino_ros.engine.train.features.store import open_store

COUNT, PART = 10, 4
OPTIONS = {"batch": 3, "input_size": INPUT_SIZE, "part_size": PART, "threads": 1, "progress": False}


@pytest.fixture
def captions(photos) -> CaptionSet:
    return open_captions(photos(COUNT), "train")


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_store_holds_what_the_networks_see_in_each_image_and_caption(tiny, captions, tmp_path):
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


def test_a_second_run_makes_nothing_anew(tiny, captions, tmp_path):
    extract(captions, tiny, tmp_path, **OPTIONS)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}

    def refuse():
        raise AssertionError("a network was loaded")

    idle = replace(tiny, load_image_encoder=refuse, load_text_encoder=refuse)
    assert extract(captions, idle, tmp_path, **OPTIONS).done == COUNT
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_after_a_stop_only_the_rest_is_made_and_the_store_is_the_same_to_the_byte(tiny, captions, tmp_path):
    extract(captions, tiny, tmp_path / "whole", **OPTIONS)
    image = Path(captions.examples[6].read.args[0])
    image.rename(image.with_suffix(".away"))
    with pytest.raises(TrainingError, match=r"006\.jpg cannot be read .* goes on from here"):
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
from training_photos import tiny_row
from talk2dino_ros.engine.train.captions import open_captions
from talk2dino_ros.engine.train.features.extract import extract
from talk2dino_ros.engine.train.features.frozen import open_frozen
photos, weights, store = sys.argv[1:]
print("begins", flush=True)
extract(open_captions(photos, "train"), open_frozen(tiny_row(), device="cpu", weights_dir=weights), store, batch=3,
        input_size=56, part_size=4, threads=1)
print("has ended", flush=True)
"""


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_whole_parts_alone(tiny, tiny_weights, photos, tmp_path):
    count = 160
    folder, store = photos(count), tmp_path / "store"
    paths = [str(path) for path in (folder, tiny_weights, store)]
    process = subprocess.Popen([sys.executable, "-c", _KILLED, *paths], stdout=subprocess.PIPE, env=_environment())
    while not (store / "images-00002.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert b"has ended" not in process.communicate()[0]
    parts = len(list(store.glob("images-*.safetensors")))
    assert 3 <= parts < count // PART
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
    assert str(report).startswith("9 images; 1 could not be read and are left out:\n  005.jpg: ")
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


def test_a_mended_image_is_taken_by_the_next_run_and_only_its_part_is_made_anew(tiny, captions, tmp_path):
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


# --- the disk is full


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 36 kB, and how it is made larger."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=36k", "talk2dino_test", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this process may not mount file systems; the test with RLIMIT_FSIZE runs everywhere")
    yield folder, lambda: subprocess.run(["mount", "-o", "remount,size=4m", str(folder)], check=True)
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_in_a_sentence_and_with_more_room_the_extraction_goes_on(
    tiny, photos, tmp_path, small_disk
):
    folder, enlarge = small_disk
    store, captions, options = folder / "store", open_captions(photos(60), "train"), {**OPTIONS, "part_size": 20}
    said = r"images-00001\.safetensors cannot be written \(No space left on device\), expected room for 0\.01 MB"
    with pytest.raises(TrainingError, match=said):
        extract(captions, tiny, store, **options)
    kept = files_of(store)
    assert sorted(kept) == [
        "images-00000.safetensors",
        "store.json",
        *(f"text-0000{part}.safetensors" for part in range(3)),
    ]
    with pytest.raises(TrainingError, match=said):
        extract(captions, tiny, store, **options)
    enlarge()
    assert extract(captions, tiny, store, **options).done == 60
    extract(captions, tiny, tmp_path / "whole", **options)
    assert files_of(store) == files_of(tmp_path / "whole")
    assert kept.items() <= files_of(store).items()


@contextmanager
def files_up_to(size):
    """Let this process write no file larger than `size` bytes; a larger one fails in the middle, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_part_that_cannot_be_written_whole_is_not_there(tiny, captions, tmp_path):
    extract(captions, tiny, tmp_path / "whole", **OPTIONS)
    size = (tmp_path / "whole/images-00000.safetensors").stat().st_size
    with (
        files_up_to(size - 1),
        pytest.raises(TrainingError, match=r"images-00000\.safetensors cannot be written .*goes"),
    ):
        extract(captions, tiny, tmp_path / "stopped", **OPTIONS)
    assert not list((tmp_path / "stopped").glob("*images-*"))
    assert len(list((tmp_path / "stopped").glob("text-*"))) == 3
    assert extract(captions, tiny, tmp_path / "stopped", **OPTIONS).done == COUNT
    assert files_of(tmp_path / "stopped") == files_of(tmp_path / "whole")


def test_a_folder_that_cannot_be_made_is_said(tiny, captions, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match=r"store\.json cannot be written \(Not a directory\)"):
        extract(captions, tiny, tmp_path / "file/store", **OPTIONS)


# --- another store, other networks


def test_a_store_of_another_backbone_is_refused_and_made_anew_only_when_told(tiny, captions, seed, tmp_path):
    extract(captions, tiny, tmp_path / "store", **OPTIONS)
    before = files_of(tmp_path / "store")
    (tmp_path / "weights").mkdir()
    write_tiny_weights(seed, tmp_path / "weights", number=1)
    other = open_frozen(tiny_row(), device="cpu", weights_dir=tmp_path / "weights")
    with pytest.raises(
        TrainingError, match=r"was made with another image encoder \(sha256 of its file\).*--fresh-store"
    ):
        extract(captions, other, tmp_path / "store", **OPTIONS)
    assert files_of(tmp_path / "store") == before
    extract(captions, other, tmp_path / "store", fresh=True, **OPTIONS)
    assert not torch.equal(open_store(tmp_path / "store").heads, _heads(before, tmp_path))


def _heads(files, tmp_path):
    (tmp_path / "before").mkdir()
    for name, data in files.items():
        (tmp_path / "before" / name).write_bytes(data)
    return open_store(tmp_path / "before").heads


def test_other_captions_are_refused(tiny, captions, photos, tmp_path):
    extract(captions, tiny, tmp_path / "store", **OPTIONS)
    with pytest.raises(TrainingError, match="was made with another set of captions"):
        extract(open_captions(photos(COUNT + 1, "more"), "train"), tiny, tmp_path / "store", **OPTIONS)


def test_an_input_size_that_the_patches_do_not_fill_is_refused(tiny, captions, tmp_path):
    with pytest.raises(
        TrainingError, match=f"input_size is {INPUT_SIZE + 1} pixels, expected a multiple of .* {PATCH};"
    ):
        extract(captions, tiny, tmp_path, **{**OPTIONS, "input_size": INPUT_SIZE + 1})
    assert not files_of(tmp_path)


def test_features_that_are_no_numbers_are_refused(tiny, captions, tmp_path):
    def with_infinity():
        encoder = tiny.load_image_encoder()
        encoder.network.norm.bias.fill_(1e6)
        return encoder

    with pytest.raises(TrainingError, match=r"image's features reach 1e\+06, expected finite numbers below 65504"):
        extract(captions, replace(tiny, load_image_encoder=with_infinity), tmp_path, **OPTIONS)


def test_the_text_tower_is_gone_before_the_image_encoder_comes(tiny, captions, tmp_path):
    towers, alive = [], []

    def load_text():
        tower = tiny.load_text_encoder()
        towers.append(weakref.ref(tower))
        return tower

    def load_image():
        alive.extend(tower() for tower in towers)
        return tiny.load_image_encoder()

    extract(captions, replace(tiny, load_text_encoder=load_text, load_image_encoder=load_image), tmp_path, **OPTIONS)
    assert alive == [None]


def test_a_model_is_known_by_the_sums_of_its_files_and_needs_no_projection(tiny, tiny_weights):
    sums = [
        subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout[:64]
        for path in (tiny_weights / "dinov2_vitb14_reg4_pretrain.pth", tiny_weights / "ViT-B-16.pt")
    ]
    assert [tiny.image_sum, tiny.text_sum] == sums
    assert (tiny.precision, tiny.patch_size, tiny.device) == ("float32", PATCH, "cpu")
    assert not list(tiny_weights.glob("*mlp*"))


def test_mini_has_no_heads_but_averages(captions, tmp_path):
    mini = open_frozen(MODELS["mini"], device="cpu")
    assert extract(captions, mini, tmp_path, **{**OPTIONS, "input_size": 64}).done == COUNT
    store = open_store(tmp_path)
    assert store.heads.shape == (COUNT, 0, MODELS["mini"].embedding_size)
    assert store.average.shape == (COUNT, MODELS["mini"].embedding_size)


def test_a_bar_shows_what_is_done_already(tiny, captions, tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    broken = Path(captions.examples[9].read.args[0])
    broken.rename(broken.with_suffix(".away"))
    with pytest.raises(TrainingError):
        extract(captions, tiny, tmp_path, **OPTIONS)
    broken.with_suffix(".away").rename(broken)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    extract(captions, tiny, tmp_path, **{**OPTIONS, "progress": True})
    shown = terminal.getvalue()
    assert "captions: 100%" in shown
    assert "images:  80%" in shown
    assert "10/10" in shown
