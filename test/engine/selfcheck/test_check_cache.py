# SPDX-License-Identifier: Apache-2.0
"""Results of the self-check on disk: for exactly one key, and never in the way of a start."""

import errno
import json
import multiprocessing

import pytest

from talk2dino_ros.engine.selfcheck import check_cache
from talk2dino_ros.engine.selfcheck.check_cache import MOST_FILES, CheckCache
from talk2dino_ros.engine.selfcheck.stage_check import STAGES, SelfCheck, StageCheck

KEY = {"device": "NVIDIA A2", "driver": "550.54.15"}


def result(key=KEY, said="as expected"):
    return SelfCheck(key, tuple(StageCheck(stage, stage != "pamr", said, 0.25, 1.5) for stage in STAGES), 2.5)


def test_a_result_is_read_as_it_was_written_and_known_to_be_old(tmp_path):
    cache = CheckCache(tmp_path / "new")
    assert cache.read(KEY) is None
    assert cache.write(result()) == ""
    found = cache.read(dict(KEY))
    assert (found.stages, found.seconds, found.is_new) == (result().stages, 2.5, False)


@pytest.mark.parametrize("change", [{"driver": "560.35.03"}, {"device": "NVIDIA A10"}, {"weights": "f00d"}])
def test_another_driver_device_or_file_is_not_known(tmp_path, change):
    cache = CheckCache(tmp_path)
    cache.write(result())
    assert cache.read(KEY | change) is None


def _spoil(found, change):
    data = json.loads(found.read_text())
    change(data)
    found.write_text(json.dumps(data))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.write_bytes(b"\xff\x00{"),
        lambda file: file.write_text(""),
        lambda file: file.write_text("[" * 100_000),
        lambda file: file.write_text("[1, 2]"),
        lambda file: file.write_bytes(file.read_bytes()[:200]),
        lambda file: file.write_bytes(b" " * (1 << 17)),
        lambda file: _spoil(file, lambda data: data.pop("stages")),
        lambda file: _spoil(file, lambda data: data["stages"].pop()),
        lambda file: _spoil(file, lambda data: data["stages"][0].update(is_equal="yes")),
        lambda file: _spoil(file, lambda data: data["stages"][0].update(more=1)),
        lambda file: _spoil(file, lambda data: data["key"].update(driver="1")),
        lambda file: _spoil(file, lambda data: data.update(seconds=None)),
    ],
)
def test_a_damaged_file_is_not_known_and_is_replaced(tmp_path, spoil):
    cache = CheckCache(tmp_path)
    cache.write(result())
    (file,) = tmp_path.rglob("*.json")
    spoil(file)
    assert cache.read(KEY) is None
    assert cache.write(result()) == ""
    assert cache.read(KEY).stages == result().stages


def test_a_read_only_folder_is_named_with_what_to_do(tmp_path, monkeypatch):
    def refuse(path, _data):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(check_cache, "write_atomically", refuse)
    said = CheckCache(tmp_path).write(result())
    assert said.startswith(f"the self-check's result cannot be kept in {tmp_path} (")
    assert "Read-only file system" in said
    assert said.endswith("make it writable or set XDG_CACHE_HOME, else it runs at each start")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be kept in" in CheckCache(tmp_path / "file").write(result())
    assert CheckCache(tmp_path / "file").read(KEY) is None


def _write_and_read(folder, own, count, failures):
    cache = CheckCache(folder)
    for number in range(count):
        said = cache.write(result(said=f"{own} {number}"))
        found = cache.read(KEY)
        if said or found is None:
            failures.put((own, number, said))


def test_two_processes_at_once_leave_a_complete_file(tmp_path):
    context = multiprocessing.get_context("fork")
    failures = context.Queue()
    processes = [context.Process(target=_write_and_read, args=(tmp_path, own, 30, failures)) for own in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
        assert process.exitcode == 0
    assert failures.empty()
    assert CheckCache(tmp_path).read(KEY).stages[0].said in ("a 29", "b 29")
    assert len(list((tmp_path / "self_check").iterdir())) == 1  # no part of a file either


def test_old_results_are_deleted(tmp_path):
    cache = CheckCache(tmp_path)
    for number in range(MOST_FILES + 3):
        cache.write(result({"driver": str(number)}))
    assert len(list((tmp_path / "self_check").iterdir())) == MOST_FILES
    assert cache.read({"driver": str(MOST_FILES + 2)}) is not None
