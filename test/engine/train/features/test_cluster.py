# SPDX-License-Identifier: Apache-2.0
"""Extraction by Ray Data, on a Ray that really runs on this machine."""

import pickle
import shutil
import sys
from functools import cache, partial
from pathlib import Path

import pytest
import ray
from training_photos import INPUT_SIZE, tiny_row, write_tiny_weights

from talk2dino_ros.engine.cluster.ray_cluster import done_by_cluster
from talk2dino_ros.engine.errors import ClusterError, TrainingError
from talk2dino_ros.engine.train.captions import open_captions
from talk2dino_ros.engine.train.features.cluster import PartWorker, check_arrived, extract_on_cluster
from talk2dino_ros.engine.train.features.extract import Extraction, extract
from talk2dino_ros.engine.train.features.frozen import open_frozen

OPTIONS = {"batch": 3, "input_size": INPUT_SIZE, "part_size": 4, "threads": 1, "progress": False}

# what Ray itself uses of its own and others' old names, and what it leaves to the garbage collector
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray", "ignore::ResourceWarning"
)


@pytest.fixture
def captions(photos):
    return open_captions(photos(10), "train")


@pytest.fixture
def open_model(tiny_weights):
    return partial(open_frozen, tiny_row(), device="cpu", weights_dir=tiny_weights)


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_a_local_ray_cluster_makes_the_same_store_to_the_byte(tiny, open_model, captions, tmp_path):
    Path(captions.examples[5].read.args[0]).write_bytes(b"no picture")
    expected = extract(captions, tiny, tmp_path / "one", **OPTIONS)
    done_before = ("store.json", "text-00001.safetensors", "images-00000.safetensors")
    (tmp_path / "many").mkdir()
    for name in done_before:  # as an extraction that was stopped leaves them
        shutil.copy2(tmp_path / "one" / name, tmp_path / "many")
    before = {name: (tmp_path / "many" / name).stat().st_mtime_ns for name in done_before}
    report = extract_on_cluster(captions, open_model, tmp_path / "many", **OPTIONS)
    assert not ray.is_initialized()
    assert report == expected
    assert list(report.skipped) == ["005.jpg"]
    assert files_of(tmp_path / "many") == files_of(tmp_path / "one")
    assert {name: (tmp_path / "many" / name).stat().st_mtime_ns for name in done_before} == before


def test_a_whole_store_needs_no_cluster(tiny, open_model, captions, tmp_path):
    expected = extract(captions, tiny, tmp_path, **OPTIONS)
    assert extract_on_cluster(captions, open_model, tmp_path, address="nowhere", **OPTIONS) == expected


@pytest.mark.parametrize(
    "address", ["auto", "127.0.0.1:1", "ray://127.0.0.1:1", "no.such.host.invalid:6379", "127.0.0.1:99999"]
)
def test_a_cluster_that_cannot_be_reached_is_said(address, open_model, captions, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))  # `auto` looks there, and through all processes of the machine
    monkeypatch.setattr("ray._private.services.find_gcs_addresses", cache(set))
    with pytest.raises(
        ClusterError, match=rf"the cluster '{address}' cannot be reached .*; start one with `ray start --head`"
    ):
        extract_on_cluster(captions, open_model, tmp_path, address=address, **OPTIONS)
    assert not ray.is_initialized()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (
            "local",
            r"^Ray did not start on this machine \(The current node .*\), .*; run the same command again",
        ),
        ("auto", r"^the cluster 'auto' cannot be reached \(The current node .* startup\.\), .* within half a minute"),
    ],
    ids=["local", "auto"],
)
def test_a_ray_that_exceeds_its_own_time_limit_is_said(address, said, monkeypatch):
    def init(*_args, **_options):  # as Ray does when 30 s are over
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(ClusterError, match=said):
        list(done_by_cluster(address, PartWorker, lambda _: (), [{}]))


def test_a_machine_without_ray_is_told_how_to_get_it(open_model, captions, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClusterError, match=r"Ray cannot be imported .*pip install 'ray\[data\]', or leave --cluster"):
        extract_on_cluster(captions, open_model, tmp_path, **OPTIONS)


def test_a_worker_with_other_weights_refuses(tiny, captions, seed, tmp_path):
    (tmp_path / "weights").mkdir()
    write_tiny_weights(seed, tmp_path / "weights", number=1)
    own = partial(open_frozen, tiny_row(), device="cpu", weights_dir=tmp_path / "weights")
    extraction = Extraction.begin(captions, tiny, tmp_path / "store", input_size=INPUT_SIZE, part_size=4, fresh=False)
    row = {"kind": "text", "part": 0, "examples": pickle.dumps(extraction.examples(0))}
    made = PartWorker(own, extraction.store, 3, 1)(row)
    assert made["error"].endswith(
        "has other weights of tiny than the one that started the extraction, expected the same "
        "files on all machines; copy them"
    )
    assert not extraction.store.is_there("text", 0)


def test_a_part_that_a_worker_wrote_to_another_folder_is_an_error(tiny, open_model, captions, tmp_path):
    extraction = Extraction.begin(captions, tiny, tmp_path / "store", input_size=INPUT_SIZE, part_size=4, fresh=False)
    row = {"kind": "text", "part": 0, "examples": pickle.dumps(extraction.examples(0))}
    assert PartWorker(open_model, extraction.store, 3, 1)(row) == {"kind": "text", "part": 0, "error": ""}
    check_arrived(extraction.store, "text", 0)
    extraction.store.file("text", 0).rename(tmp_path / "elsewhere")
    with pytest.raises(TrainingError, match=r"text-00000\.safetensors was written by a worker but is not here"):
        check_arrived(extraction.store, "text", 0)


@pytest.fixture(scope="module")
def cluster():
    """A Ray that was there before: one for all tests but the first, which has to find none and starts its own.

    Its tests stand last, as it stays until the module ends.
    """
    ray.init("local", num_cpus=1, include_dashboard=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_workers_error_is_reported_and_a_running_cluster_is_left_alone(tiny, open_model, captions, tmp_path):
    Path(captions.examples[9].read.args[0]).unlink()
    with pytest.raises(TrainingError, match=r"^the image 009\.jpg cannot be read .* which continues from here$"):
        extract_on_cluster(captions, open_model, tmp_path, **OPTIONS)
    assert ray.is_initialized()
    assert len(list(tmp_path.glob("text-*"))) == 3


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_the_command_makes_on_a_cluster_the_features_that_one_process_makes(place):
    lines = (place.data / "captions.jsonl").read_text().replace('"val"', '"train"')
    (place.data / "captions.jsonl").write_text(lines)
    assert place.run("own.safetensors", "--extract-only", store="one") == 0
    assert place.run("own.safetensors", "--extract-only", "--cluster", "local", store="many") == 0
    one, many = (files_of(place.folder / name / "train") for name in ("one", "many"))
    assert len(one) == 3  # what it is, the captions, the images
    assert one == many
