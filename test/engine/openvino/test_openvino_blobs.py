# SPDX-License-Identifier: Apache-2.0
"""The cache of converted encoders: whole files only, whoever writes beside, and not more of them than agreed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from talk2dino_ros.engine.openvino import openvino_blobs
from talk2dino_ros.engine.openvino.openvino_blobs import Blobs, Key, Traits

KEY, CARD = Key(448, 640, False), Traits(14, True)
# Writes its own letter and reads what is there, which is one process's or the other's, and whole.
WRITE_AND_READ = """
import logging, sys
from talk2dino_ros.engine.openvino.openvino_blobs import Blobs, Traits, Key
logging.basicConfig()
blobs, key, letter = Blobs("mini", "same"), Key(448, 640, False), sys.argv[1].encode()
for _ in range(100):
    assert blobs.write(key, Traits(14, True), lambda file: file.write(letter * 100_000))
    found = blobs.read(key).tobytes()
    assert found in (b"a" * 100_000, b"b" * 100_000), found[:10]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "talk2dino_ros" / "openvino"


def written(blobs, content, key=KEY):
    assert blobs.write(key, CARD, lambda file: file.write(content))
    return blobs.path(key)


def test_a_written_blob_is_read_with_its_encoders_facts():
    blobs = Blobs("mini", "subject")
    assert (blobs.read(KEY), blobs.traits()) == (None, None)
    path = written(blobs, b"exported")
    assert path.name.endswith("-640x448.blob")
    assert (blobs.read(KEY).tobytes(), blobs.traits()) == (b"exported", CARD)


def test_what_is_written_and_read_is_not_in_memory_until_it_is_used():
    """A ViT-B's file has 346 MB, as much as its weights."""
    blobs, size = Blobs("mini", "subject"), 64 << 20
    content = b"x" * size
    before = memory_of_files()
    highest = []

    def export(file):
        file.write(content)

    assert blobs.write(KEY, CARD, export)
    highest.append(memory_of_files())
    found = blobs.read(KEY)
    highest.append(memory_of_files())
    assert max(highest) - before < size // 8
    assert found.tobytes() == content


def memory_of_files():
    """Bytes of mapped files that are in this process's memory."""
    return int(re.search(r"^RssFile:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)[1]) * 1024


def test_another_size_subject_or_output_is_another_file():
    written(Blobs("mini", "subject"), b"exported")
    for blobs, key in (
        (Blobs("mini", "other"), KEY),
        (Blobs("mini", "subject"), Key(640, 448, False)),
        (Blobs("mini", "subject"), Key(448, 640, True)),
    ):
        assert blobs.read(key) is None


def test_an_exporter_may_go_back_to_fill_in_a_size():
    def export(file):
        file.write(b"????rest")
        file.seek(0)
        file.write(b"size")

    blobs = Blobs("mini", "subject")
    blobs.write(KEY, CARD, export)
    assert blobs.read(KEY).tobytes() == b"sizerest"


def test_a_name_of_a_model_stays_in_the_folder(folder):
    assert written(Blobs("../../evil/..", "subject"), b"x").parent == folder


def test_two_processes_at_once_read_whole_files_alone(folder):
    command = [sys.executable, "-c", WRITE_AND_READ]
    runs = [subprocess.Popen([*command, letter], stderr=subprocess.PIPE, text=True) for letter in "ab"]
    assert [(run.communicate()[1], run.returncode) for run in runs] == [("", 0), ("", 0)]
    assert len(list(folder.iterdir())) == 1  # no part is left


def test_beyond_the_limit_those_go_whose_last_use_is_longest_ago(monkeypatch):
    blobs = Blobs("mini", "subject")
    keys = [Key(side, side, False) for side in (100, 200, 300, 400)]
    for age, key in zip((400, 300, 200), keys, strict=False):
        path = written(blobs, b"x" * 1000, key)
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    blobs.read(keys[0])  # the oldest is used again
    monkeypatch.setattr(openvino_blobs, "KEPT_BYTES", 3500)
    written(blobs, b"x" * 1000, keys[3])
    assert [key for key in keys if blobs.path(key).exists()] == [keys[0], keys[2], keys[3]]


def test_one_that_is_larger_than_the_limit_is_kept_all_the_same(monkeypatch):
    monkeypatch.setattr(openvino_blobs, "KEPT_BYTES", 10)
    assert written(Blobs("mini", "subject"), b"x" * 1000).exists()


def test_a_user_without_a_home_folder_has_no_cache_and_no_error(monkeypatch, caplog):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(openvino_blobs, "standard_folder", no_home)
    blobs = Blobs("mini", "subject")
    assert (blobs.read(KEY), blobs.traits()) == (None, None)
    assert not blobs.write(KEY, CARD, lambda file: file.write(b"x"))
    assert "cannot be kept (Could not determine home directory.)" in caplog.text
