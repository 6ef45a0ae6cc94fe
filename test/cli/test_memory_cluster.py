# SPDX-License-Identifier: Apache-2.0
"""`talk2dino memory build --cluster`: the bytes that one process makes, whatever the workers do on the way."""

import sqlite3
import sys
from pathlib import Path

import pytest
import stub_build
from memory_story import seeded_image

from talk2dino_ros.cli.memory import bag_cluster
from talk2dino_ros.cli.memory.bag_cluster import check_arrived
from talk2dino_ros.cli.memory.seen_images import SeenImages, packed, read_seen
from talk2dino_ros.engine.errors import ClusterError
from talk2dino_ros.perception.memory.disk.store_lock import StoreError
from talk2dino_ros.perception.memory.image_gate import RejectedImageError
from talk2dino_ros.perception.memory.spatial_memory import SpatialMemory

pytest.importorskip("rosbags", reason="pip install -r tools/requirements/bags.txt is missing")
from room_bag import write_bag

NEAR = ("--keyframe-distance-m", "0.35")
TABLES = ("keyframes", "basis", "meta")

# what Ray itself uses of its own and others' old names, and what it leaves to the garbage collector
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray", "ignore::ResourceWarning"
)


@pytest.fixture(scope="module")
def bags(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bags")
    one = write_bag(folder / "one", without_depth=(4,))
    return one, write_bag(folder / "two", odom=(5.0, 2.0, 0.0)), one  # the first twice: it is seen and remembered once


@pytest.fixture(scope="module")
def expected(bags, tmp_path_factory):
    """The rows that one process makes."""
    folder = tmp_path_factory.mktemp("one") / "map"
    assert stub_build.build(stub_build.MeanColours(), *bags, *NEAR, "-o", folder) == 0
    return rows(folder)


@pytest.fixture
def here(monkeypatch):
    """A cluster of one worker in this process, that does the last bag first; returns the rows that it was given."""
    given = []

    def done_here(address, worker, arguments, rows):
        own = worker(*arguments(1))
        given.extend(rows)
        for row in reversed(rows):
            yield own(row)

    monkeypatch.setattr(bag_cluster, "done_by_cluster", done_here)
    monkeypatch.setattr(bag_cluster, "import_ray", lambda: None)
    return given


def rows(folder: Path) -> dict[str, list]:
    """All that the file holds, byte for byte."""
    with sqlite3.connect(folder / "memory.sqlite3") as database:
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES}


def build(segmenter, bags, folder: Path) -> int:
    return stub_build.build(segmenter, *bags, *NEAR, "-o", folder, "--cluster", "local")


def test_bags_that_are_done_in_another_order_make_the_same_bytes(bags, expected, here, tmp_path, capsys):
    segmenter = stub_build.MeanColours()
    assert build(segmenter, bags, tmp_path / "map") == 0
    assert rows(tmp_path / "map") == expected
    assert (len(here), segmenter.calls, len(expected["keyframes"])) == (2, 6, 6)
    assert not (tmp_path / "map" / "seen").exists()
    out = capsys.readouterr().out
    assert "6 keyframes, 6 new" in out
    assert "rejected: 1 image, no depth: no depth image within 20 ms" in out
    assert build(segmenter, bags, tmp_path / "map") == 0
    assert (rows(tmp_path / "map"), segmenter.calls) == (expected, 6)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("image", range(1, 7))
def test_a_worker_that_fails_in_any_image_goes_on_with_the_next_command(bags, expected, tmp_path, image, capsys):
    class Failing(stub_build.MeanColours):
        def segment(self, rgb, vocabulary, return_patches):
            if self.calls == image - 1:
                raise MemoryLimitError("no memory is left, expected some; close another program")
            return super().segment(rgb, vocabulary, return_patches)

    failing, rest = Failing(), stub_build.MeanColours()
    assert build(failing, bags, tmp_path / "map") == 1
    assert "no memory is left, expected some; close another program" in capsys.readouterr().err
    assert build(rest, bags, tmp_path / "map") == 0
    assert rows(tmp_path / "map") == expected
    assert failing.calls + rest.calls == 6


class MemoryLimitError(ClusterError):
    """What is no image's own fault."""


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("written", [0, 1, 4])
def test_a_build_that_ends_while_it_remembers_goes_on_to_the_same_bytes(bags, expected, tmp_path, monkeypatch, written):
    remember, done = SpatialMemory.remember, []

    def until_then(memory, *arguments):
        if len(done) == written:
            raise StoreError("the disk is gone, expected it; put it back")
        done.append(remember(memory, *arguments))

    with monkeypatch.context() as patched:
        patched.setattr(SpatialMemory, "remember", until_then)
        assert build(stub_build.MeanColours(), bags, tmp_path / "map") == 1
    assert len(rows(tmp_path / "map")["keyframes"]) == written
    rest = stub_build.MeanColours()
    assert build(rest, bags, tmp_path / "map") == 0
    assert (rows(tmp_path / "map"), rest.calls) == (expected, 0)


@pytest.mark.usefixtures("here")
def test_a_worker_with_other_weights_refuses(bags, tmp_path, capsys, monkeypatch):
    """Each machine opens its own model: the one that asks first, then the worker."""
    models = [stub_build.MeanColours(), stub_build.MeanColours()]
    models[1].feature_space = "other weights"
    monkeypatch.setattr(stub_build, "_itself", lambda _: models.pop(0))
    assert build(None, bags, tmp_path / "map") == 1
    assert "has other weights of mean_colours than the one that started the build" in capsys.readouterr().err


def test_what_is_seen_comes_back_exactly_and_what_is_damaged_is_said(tmp_path):
    seen, image = SeenImages(tmp_path / "seen", 6.0), seeded_image(3)
    seen.put(image)
    (path,) = seen.paths
    again = read_seen(path)
    assert packed(again) == packed(image)
    assert (again.pose, again.jpeg, again.camera, again.patch_size) == (
        image.pose,
        image.jpeg,
        image.camera,
        image.patch_size,
    )
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        ClusterError, match=r"000000\.npz cannot be read .*; remove the folder .*/seen, and run the same"
    ):
        list(seen)
    with pytest.raises(RejectedImageError, match=r"none of the 20 patches has a point within 0\.1 m"):
        SeenImages(tmp_path / "near", 0.1).put(image)
    with pytest.raises(ClusterError, match=r"^\S+gone.npz was written by a worker but is not here, .* by --output$"):
        check_arrived([path, tmp_path / "gone.npz"])


@pytest.mark.slow
def test_a_real_cluster_whose_worker_is_killed_makes_the_same_bytes(bags, expected, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ":".join(path for path in sys.path if path))  # the workers import stub_build
    assert build(stub_build.DyingOnce(marker=tmp_path / "died"), bags, tmp_path / "map") == 0
    assert (tmp_path / "died").exists()
    assert rows(tmp_path / "map") == expected
    assert not (tmp_path / "map" / "seen").exists()
