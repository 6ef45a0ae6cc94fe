# SPDX-License-Identifier: Apache-2.0
"""The text cache as a file on a disk: what comes back, what is thrown away, and what may go wrong with it."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from talk2dino_ros.engine.text import text_cache
from talk2dino_ros.engine.text.text_cache import (
    FILE_NAME,
    PromptFeatures,
    TextCache,
    TextCacheError,
    open_text_cache,
    standard_folder,
)

ROOT = Path(__file__).parents[3]
SIZE = 5


def features_of(prompts, first=0.0):
    """Different values for each prompt, those with an x being cut."""
    vectors = np.arange(len(prompts) * SIZE, dtype=np.float32).reshape(-1, SIZE) / 7 + np.float32(first)
    return {prompt: PromptFeatures(v, "x" in prompt) for prompt, v in zip(prompts, vectors, strict=True)}


def as_plain(features):
    return {prompt: (each.vector.tolist(), each.is_cut) for prompt, each in features.items()}


def execute(folder, statement, *values):
    with closing(sqlite3.connect(folder / FILE_NAME)) as database, database:
        return database.execute(statement, values).fetchall()


def set_today(monkeypatch, day):
    monkeypatch.setattr(text_cache.time, "time", lambda: day * 86400.0 + 5)


def test_cached_features_are_read_back_to_the_bit(tmp_path):
    written = features_of(["a cat.", "Straßenbahn, 電車", "a box"])
    TextCache(tmp_path / "new" / "folder").write("clip", written)
    read = TextCache(tmp_path / "new" / "folder").read("clip", ["a box", "unknown", "Straßenbahn, 電車", "a cat."])
    assert as_plain(read) == as_plain(written)
    assert all(each.vector.dtype == np.float32 and each.vector.flags.writeable for each in read.values())


def test_each_encoder_has_its_own_cache_entries(tmp_path):
    cache = TextCache(tmp_path)
    cache.write("clip abc", features_of(["cat"]))
    cache.write("clip abd", features_of(["cat"], first=100))
    assert cache.read("clip abc", ["cat"])["cat"].vector[0] == 0
    assert cache.read("clip abd", ["cat"])["cat"].vector[0] == 100
    assert cache.read("clip", ["cat"]) == {}


def test_a_prompt_written_again_has_the_new_features(tmp_path):
    cache = TextCache(tmp_path)
    cache.write("clip", features_of(["cat"]))
    cache.write("clip", features_of(["cat"], first=3))
    assert cache.read("clip", ["cat"])["cat"].vector[0] == 3


def test_a_damaged_row_is_unknown_and_can_be_written_anew(tmp_path):
    cache = TextCache(tmp_path)
    cache.write("clip", features_of(["cat", "dog"]))
    (blob,) = execute(tmp_path, "SELECT features FROM prompt WHERE text = 'cat'")[0]
    execute(tmp_path, "UPDATE prompt SET features = ? WHERE text = 'cat'", bytes([blob[0] ^ 1]) + blob[1:])
    assert list(cache.read("clip", ["cat", "dog"])) == ["dog"]
    cache.write("clip", features_of(["cat"]))
    assert list(cache.read("clip", ["cat", "dog"])) == ["cat", "dog"]


@pytest.mark.parametrize(
    "change",
    [
        "features = NULL",
        "features = 'text'",
        "features = 7",
        "features = substr(features, 1, 8)",  # two values of five
        "features = substr(features, 1, 7)",  # no whole values
        "features = features || x'00000000'",  # a text that is no UTF-8
        "features = CAST(features || x'00000000' AS BLOB)",
        "features = x''",
        "crc32 = 'text'",
        "is_cut = 1",
        "is_cut = 'text'",
        "text = 'dog'",  # one flipped bit may make another word of a word
        "encoder = 'clap'",
    ],
)
def test_a_row_of_another_type_or_size_or_key_is_unknown(change, tmp_path):
    cache = TextCache(tmp_path)
    cache.write("clip", features_of(["cat", "mug"]))
    # without the tables' own rules, which the disk does not keep either
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as database, database:
        database.execute("CREATE TABLE loose AS SELECT * FROM prompt")
        database.execute("DROP TABLE prompt")
        database.execute("ALTER TABLE loose RENAME TO prompt")
        database.execute(f"UPDATE prompt SET {change} WHERE text = 'cat'")
    for encoder in ("clip", "clap"):
        assert list(cache.read(encoder, ["cat", "dog", "mug"])) == (["mug"] if encoder == "clip" else [])


def test_a_flipped_bit_of_the_schema_is_an_error_or_a_miss_and_never_a_wrong_vector(tmp_path):
    written = features_of(["cat", "dog"])
    TextCache(tmp_path / "good").write("clip", written)
    good = (tmp_path / "good" / FILE_NAME).read_bytes()
    page = int.from_bytes(good[16:18], "big")
    schema = [place for place in range(page) if good[place]]
    database = tmp_path / FILE_NAME
    for place in schema[:: len(schema) // 60]:
        database.write_bytes(good[:place] + bytes([good[place] ^ 0x80]) + good[place + 1 :])
        cache = TextCache(tmp_path)
        for action in (lambda c: c.read("clip", ["cat", "dog"]), lambda c: c.sum_of(Path(__file__)) and {}):
            with contextlib.suppress(TextCacheError):
                read = as_plain(action(cache))
                assert read.items() <= as_plain(written).items()
        for left in tmp_path.glob(f"{FILE_NAME}-*"):
            left.unlink()


def test_an_invalid_cached_sum_is_computed_again(tmp_path):
    cache = TextCache(tmp_path)
    right = cache.sum_of(Path(__file__))
    for damaged in (right[:-1], b"\x00\xff", "x" * 64):
        execute(tmp_path, "UPDATE file SET sha256 = ?", damaged)
        assert cache.sum_of(Path(__file__)) == right


def test_a_file_in_a_folder_whose_name_is_no_utf_8_has_its_sum_kept(tmp_path, monkeypatch):
    file = tmp_path / os.fsdecode(b"caf\xe9") / "weights.bin"
    file.parent.mkdir()
    file.write_bytes(b"one")
    cache = TextCache(tmp_path)
    assert cache.sum_of(file) == sha256(b"one").hexdigest()
    monkeypatch.setattr(text_cache, "sha256_of", None)
    assert cache.sum_of(file) == sha256(b"one").hexdigest()


def test_beyond_the_limit_the_least_recently_used_prompts_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(text_cache, "MAX_PROMPTS", 3)
    cache = TextCache(tmp_path)
    for day, word in enumerate(["first", "second", "third"]):
        set_today(monkeypatch, 100 + day)
        cache.write("clip", features_of([word]))
    set_today(monkeypatch, 200)
    cache.read("clip", ["first"])
    cache.write("another", features_of(["fourth"]))
    assert list(cache.read("clip", ["first", "second", "third"])) == ["first", "third"]
    assert list(cache.read("another", ["fourth"])) == ["fourth"]


def test_reading_updates_the_time_of_use_once_a_day(tmp_path, monkeypatch):
    set_today(monkeypatch, 100)
    cache = TextCache(tmp_path)
    cache.write("clip", features_of(["cat"]))
    notes, note = [], text_cache._try_to_note
    monkeypatch.setattr(text_cache, "_try_to_note", lambda *args: notes.append(args) or note(*args))
    cache.read("clip", ["cat"])
    assert notes == []
    set_today(monkeypatch, 101)
    cache.read("clip", ["cat"])
    assert execute(tmp_path, "SELECT used_day FROM prompt") == [(101,)]


def test_a_files_sum_is_computed_when_the_file_changes_and_only_then(tmp_path, monkeypatch):
    sums = []
    monkeypatch.setattr(
        text_cache, "sha256_of", lambda path: sums.append(path) or sha256(path.read_bytes()).hexdigest()
    )
    cache, file = TextCache(tmp_path), tmp_path / "weights.bin"
    file.write_bytes(b"one")
    assert [cache.sum_of(file), TextCache(tmp_path).sum_of(file)] == [sha256(b"one").hexdigest()] * 2
    assert len(sums) == 1
    other = tmp_path / "other.bin"
    other.write_bytes(b"two")
    os.utime(other, ns=(file.stat().st_mtime_ns,) * 2)
    other.replace(file)  # of the same size and date
    assert cache.sum_of(file) == sha256(b"two").hexdigest()
    assert len(sums) == 2


WRITE_MANY = """
import sys, numpy as np
from talk2dino_ros.engine.text.text_cache import PromptFeatures, TextCache
for step in range(20):
    features = {f"word {sys.argv[2]} {step}": PromptFeatures(np.ones(5, np.float32), False)}
    TextCache(sys.argv[1]).write("clip", features)
"""


def test_several_processes_write_at_the_same_time(tmp_path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITE_MANY, tmp_path, str(n)], cwd=ROOT) for n in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    prompts = [f"word {number} {step}" for number in range(3) for step in range(20)]
    assert list(TextCache(tmp_path).read("clip", prompts)) == prompts


def make_read_only(folder):
    """Say in the database's header that a newer SQLite wrote it, which may be read but not written (its byte 18)."""
    content = bytearray((folder / FILE_NAME).read_bytes())
    content[18] = 3
    (folder / FILE_NAME).write_bytes(content)


def test_a_read_only_cache_is_still_read(tmp_path, monkeypatch):
    cache = TextCache(tmp_path)
    cache.write("clip", features_of(["cat"]))
    make_read_only(tmp_path)
    set_today(monkeypatch, 10**5)
    assert list(cache.read("clip", ["cat"])) == ["cat"]
    assert cache.sum_of(Path(__file__)) == sha256(Path(__file__).read_bytes()).hexdigest()
    with pytest.raises(TextCacheError, match="readonly"):
        cache.write("clip", features_of(["dog"]))


@pytest.mark.parametrize("action", ["read", "write", "sum_of"])
def test_a_file_that_is_no_database_is_refused_with_the_remedy(tmp_path, action):
    (tmp_path / FILE_NAME).write_bytes(b"not a database " * 1000)
    cache = TextCache(tmp_path)
    calls = {
        "read": lambda: cache.read("clip", ["cat"]),
        "write": lambda: cache.write("clip", features_of(["cat"])),
        "sum_of": lambda: cache.sum_of(Path(__file__)),
    }
    with pytest.raises(TextCacheError, match=rf"{FILE_NAME} cannot be used \(.*not a database.*\), .*; delete it"):
        calls[action]()


def test_a_truncated_database_is_an_error_and_gives_no_wrong_vector(tmp_path):
    cache = TextCache(tmp_path)
    cache.write("clip", features_of([f"word {number}" for number in range(500)]))
    content = (tmp_path / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(content[: len(content) // 2])
    with pytest.raises(TextCacheError, match="cannot be used"):
        cache.read("clip", [f"word {number}" for number in range(500)])


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TextCacheError, match=r"file/folder/.* cannot be used \(.*Not a directory"):
        TextCache(tmp_path / "file" / "folder").read("clip", ["cat"])


def test_a_locked_database_is_an_error_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(text_cache, "LOCKED_S", 0.05)
    cache = TextCache(tmp_path)
    cache.write("clip", features_of(["cat"]))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TextCacheError, match="locked"):
            cache.read("clip", ["cat"])
    assert list(cache.read("clip", ["cat"])) == ["cat"]


def test_the_standard_folder_follows_xdg_and_the_home_folder(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert standard_folder() == Path("/somewhere/talk2dino_ros")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/robot")
    assert standard_folder() == Path("/home/robot/.cache/talk2dino_ros")


def test_an_empty_folder_name_is_the_standard_one_and_none_switches_the_cache_off(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    open_text_cache("").write("clip", features_of(["cat"]))
    assert (tmp_path / "talk2dino_ros" / FILE_NAME).is_file()
    assert open_text_cache("none") is None
    monkeypatch.setenv("HOME", str(tmp_path))
    open_text_cache("~/mine").write("clip", features_of(["cat"]))
    assert (tmp_path / "mine" / FILE_NAME).is_file()
