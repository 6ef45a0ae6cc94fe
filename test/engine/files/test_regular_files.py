# SPDX-License-Identifier: Apache-2.0
"""Only regular files are read, whoever reads: a pipe that nobody writes to would be waited for without end."""

import errno
import os

import pytest

from talk2dino_ros.cli.nav2_layer_block import read_vocabulary
from talk2dino_ros.engine.errors import ImageError, Talk2DinoError, WeightsError
from talk2dino_ros.engine.evaluate.datasets.dataset import read_list
from talk2dino_ros.engine.evaluate.evaluation_state import load_progress
from talk2dino_ros.engine.files.checksums import sha256_of
from talk2dino_ros.engine.files.regular_files import check_regular, open_regular, read_regular, user_path
from talk2dino_ros.engine.models.projection_file import with_projection_file
from talk2dino_ros.engine.models.registry import MODELS
from talk2dino_ros.engine.onnx.onnx_file import read_card
from talk2dino_ros.engine.train.captions import open_captions
from talk2dino_ros.engine.train.features.store_folder import open_folder
from talk2dino_ros.engine.train.recipe import find_recipe, read_table
from talk2dino_ros.engine.train.training_checkpoint import load_standing
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.engine.weights.state_dicts import is_torchscript, read_state_dict
from talk2dino_ros.engine.weights.weights_files import locate
from talk2dino_ros.ros.parameters.parameter_files import check_file
from talk2dino_ros.segmenter.vocabulary.vocabulary_state import VocabularyState
from talk2dino_ros.viz.pictures import find_pictures


@pytest.mark.parametrize("read", [check_regular, open_regular, read_regular])
@pytest.mark.parametrize(
    ("make", "kind"), [(os.mkfifo, "pipe"), (os.mkdir, "folder"), (lambda path: path.symlink_to("/dev/zero"), "device")]
)
def test_what_is_no_regular_file_is_named(read, make, kind, tmp_path):
    make(tmp_path / "x")
    with pytest.raises(OSError, match=f"it is a {kind}, and only a regular file is read.*/x"):
        read(tmp_path / "x")


def test_a_pipe_that_comes_after_the_check_is_refused_without_waiting(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    open_file = os.open
    monkeypatch.setattr(os, "open", lambda _path, flags: open_file(tmp_path / "pipe", flags))
    with pytest.raises(OSError, match="it is a pipe"):
        open_regular(tmp_path / "file")


def test_a_regular_file_is_read_up_to_its_largest_size(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert read_regular(path) == read_regular(path, 3) == b"abc"
    with pytest.raises(OSError, match="it has 3 bytes, and at most 2 are read") as raised:
        read_regular(path, 2)
    assert raised.value.errno == errno.EFBIG


def test_a_name_that_no_file_can_have_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="no file can have this name"):
        read_regular(tmp_path / "a\0b")


def test_an_unknown_users_home_stays_as_it_is_written(monkeypatch):
    monkeypatch.setenv("HOME", "/home/own")
    assert str(user_path("~/a")) == "/home/own/a"
    assert str(user_path("~nobody-has-this-name/a")) == "~nobody-has-this-name/a"


MAY_BE_MISSING = {"checkpoint", "progress.json", "state.json"}
READERS = {
    "vocabulary.safetensors": Vocabulary.load,
    "model.onnx": read_card,
    "projection.pth": lambda path: with_projection_file(MODELS["talk2dino_vitb"], path),
    "weights.safetensors": read_state_dict,
    "weights.pth": read_state_dict,
    "recipe.yaml": lambda path: read_table(find_recipe(str(path))),
    "recipe.yml": read_table,
    "parameters.yaml": lambda path: check_file(path, "talk2dino", {}),
    "nav2.yaml": lambda path: read_vocabulary(str(path)),
    "state.json": VocabularyState.load,
    "checkpoint": lambda path: load_standing(path, {}),
    "progress.json": lambda path: load_progress(path, {}, 2),
    "store.json": lambda path: open_folder(path.parent),
    "captions.csv": lambda path: open_captions(path.parent, "train"),
    "shard.tar": lambda path: open_captions(path, "train"),
}


@pytest.mark.parametrize("name", READERS)
def test_every_reader_of_a_file_that_users_name_refuses_a_pipe(name, tmp_path):
    os.mkfifo(tmp_path / name)
    with pytest.raises(Talk2DinoError, match=r"it is a pipe|expected"):
        READERS[name](tmp_path / name)


def test_sums_and_lists_and_archives_do_not_wait_for_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert not is_torchscript(tmp_path / "pipe")
    for read in (sha256_of, read_list):
        with pytest.raises(OSError, match="it is a pipe"):
            read(tmp_path / "pipe")


def test_an_image_of_captions_that_is_a_pipe_is_an_os_error(tmp_path):
    (tmp_path / "captions.jsonl").write_text('{"image": "a.jpg", "caption": "a dog"}')
    (tmp_path / "a.jpg").write_bytes(b"jpeg")
    example = open_captions(tmp_path, "train").examples[0]
    assert example.read() == b"jpeg"
    (tmp_path / "a.jpg").unlink()
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(OSError, match="it is a pipe"):
        example.read()


@pytest.mark.parametrize("name", [name for name in READERS if name not in MAY_BE_MISSING])
@pytest.mark.parametrize("inside", ["a" * 300, "a\0b"], ids=["too long", "a byte of 0"])
def test_a_name_that_no_file_can_have_is_told_in_a_sentence(name, inside, tmp_path):
    with pytest.raises(Talk2DinoError):
        READERS[name](tmp_path / inside / name)


@pytest.mark.parametrize("inside", ["a" * 300, "a\0b"], ids=["too long", "a byte of 0"])
def test_a_folder_that_cannot_be_is_told_in_a_sentence(inside, tmp_path):
    with pytest.raises(WeightsError, match="expected a folder"):
        locate(MODELS["talk2dino_vitb"].files[0], tmp_path / inside)
    with pytest.raises(ImageError, match="is no folder"):
        find_pictures(tmp_path / inside)
