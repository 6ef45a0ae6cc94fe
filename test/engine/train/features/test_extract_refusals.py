# SPDX-License-Identifier: Apache-2.0
"""What an extraction says no to: a full disk, another store, other networks."""

import io
import resource
import subprocess
import sys
import weakref
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from extraction import COUNT, OPTIONS, files_of
from training_photos import INPUT_SIZE, PATCH, tiny_row, write_tiny_weights

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.train.captions import open_captions
from talk2dino_ros.engine.train.features.extract import extract
from talk2dino_ros.engine.train.features.frozen import open_frozen
from talk2dino_ros.engine.train.features.store import open_store

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


def test_a_full_disk_is_an_error_after_which_the_extraction_resumes(tiny, photos, tmp_path, small_disk):
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


def test_a_part_that_cannot_be_completed_is_not_left_behind(tiny, captions, tmp_path):
    extract(captions, tiny, tmp_path / "whole", **OPTIONS)
    size = (tmp_path / "whole/images-00000.safetensors").stat().st_size
    with (
        files_up_to(size - 1),
        pytest.raises(TrainingError, match=r"images-00000\.safetensors cannot be written .*continues"),
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


def test_the_text_tower_is_freed_before_the_image_encoder_is_loaded(tiny, captions, tmp_path):
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


def test_the_progress_bar_begins_with_the_parts_already_done(tiny, captions, tmp_path, monkeypatch):
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
