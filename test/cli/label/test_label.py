# SPDX-License-Identifier: Apache-2.0
"""`talk2dino label`: what `segment` makes of each source, whatever becomes of the workers, and a manifest of all."""

import hashlib
import json
import os
import re
import sys
from functools import partial

import pytest
from stub_segment import (
    GREEN,
    RED,
    WORDS,
    ColourSegmenter,
    halves,
    label_files,
    load_dying_once,
    segment_files,
    tree,
    write_halves,
)

from talk2dino_ros.cli.label import label
from talk2dino_ros.cli.main import main
from talk2dino_ros.engine.errors import ClusterError
from talk2dino_ros.viz.videos import video_writer

pytest.importorskip("rosbags", reason="pip install -r tools/requirements/bags.txt is missing")
from room_bag import write_bag

# what Ray itself uses of its own and others' old names, and what it leaves to the garbage collector
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray", "ignore::ResourceWarning"
)
IMAGES = 9


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """A folder of three pictures, a video of two images, two bags of two images each."""
    folder = tmp_path_factory.mktemp("fleet")
    with video_writer(folder / "walk.mp4", 5.0) as write:
        for colour in (RED, GREEN):
            write(halves(colour, GREEN, 64, 64))
    (folder / "other").mkdir()
    bags = write_bag(folder / "drive", 2), write_bag(folder / "other" / "drive", 2)
    return (write_halves(folder / "in", 3), folder / "walk.mp4", *bags)


def one_worker(_address, worker, arguments, rows, *, most):
    """A cluster of one worker in this process, that does the last row first."""
    own = worker(*arguments(1))
    yield from map(own, reversed(rows))


@pytest.fixture(scope="module", autouse=True)
def _here():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(label, "done_by_cluster", one_worker)
        patch.setattr(label, "import_ray", lambda: None)
        yield


@pytest.fixture(scope="module")
def expected(fleet, tmp_path_factory):
    """What a worker makes that nothing happens to."""
    folder = tmp_path_factory.mktemp("expected") / "out"
    segmenter = ColourSegmenter()
    assert label_files(segmenter, *fleet, "-o", folder) == 0
    assert segmenter.calls == IMAGES
    return tree(folder)


def lines_of(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_each_source_has_what_segment_makes_of_it(fleet, expected, tmp_path):
    units = {name.partition("/")[0] for name in expected} - {"manifest.jsonl"}
    assert sorted(name.rpartition("_")[0] for name in units) == ["drive", "drive", "in", "walk"]
    for number, source in enumerate(fleet):
        out = tmp_path / str(number)
        assert segment_files(ColourSegmenter(), source, "-o", out) == 0
        alone = {name: content for name, content in tree(out).items() if name != "manifest.jsonl"}
        assert any(alone.items() <= _of(expected, unit).items() for unit in units)


def _of(files, unit):
    return {name.removeprefix(f"{unit}/"): content for name, content in files.items() if name.startswith(f"{unit}/")}


def test_the_manifest_has_the_sum_of_every_file_and_what_all_was_made_with(fleet, expected):
    about, *lines = [json.loads(line) for line in expected["manifest.jsonl"].splitlines()]
    assert (about["model"], about["classes"]) == ("tiny", ["red", "green", "?blue"])
    assert {"weights", "vectors", "versions", "options"} <= set(about)
    sums = {line["file"]: line["sha256"] for line in lines if "file" in line}
    assert sums == {
        name: hashlib.sha256(content).hexdigest() for name, content in expected.items() if name != "manifest.jsonl"
    }
    units = [line for line in lines if "unit" in line]
    assert [(os.path.basename(unit["address"]), unit["images"], unit["error"]) for unit in units] == [
        (os.path.basename(path), images, "")
        for path, images in sorted(
            zip(map(str, fleet), (3, 2, 2, 2), strict=True), key=lambda each: _name(each[0], units)
        )
    ]


def _name(path, units):
    return next(unit["unit"] for unit in units if unit["address"] == path)


@pytest.mark.parametrize("image", range(1, IMAGES + 1))
def test_a_command_that_dies_in_any_image_goes_on_to_the_same_bytes(fleet, expected, tmp_path, image, capsys):
    def dying(number):
        if number == image:
            raise KeyboardInterrupt

    first, rest = ColourSegmenter(dying), ColourSegmenter()
    assert label_files(first, *fleet, "-o", tmp_path / "out", "--threads", 0) == 130
    assert "stopped; what is done is kept, and the same command continues from there\n" in capsys.readouterr().err
    assert label_files(rest, *fleet, "-o", tmp_path / "out") == 0
    assert tree(tmp_path / "out") == expected
    assert first.calls + rest.calls == IMAGES + 1


def test_labels_of_other_words_are_refused_before_any_worker_starts(fleet, tmp_path, monkeypatch, capsys):
    out, segmenter = tmp_path / "out", ColourSegmenter()
    assert label_files(segmenter, *fleet[:2], "-o", out) == 0
    before = tree(out)
    monkeypatch.setattr(label, "load_for", lambda *_arguments, **_options: segmenter)
    other = ["label", *map(str, fleet), "-o", str(out), "--classes", "green; red"]
    capsys.readouterr()
    for lost in ("manifest.jsonl", None):  # with the manifest, and as a command leaves it that was stopped
        assert main(other) == 1
        error = capsys.readouterr().err
        assert re.fullmatch(
            rf"talk2dino: {out}\S* holds results made with other words \('red; green; \?blue', now 'green; red'\), "
            r"expected .*; name another --output, or --fresh to begin anew in their place\n",
            error,
        )
        assert tree(out) == before
        if lost:
            before.pop(lost)
            (out / lost).unlink()
    assert segmenter.calls == 5
    assert main([*other, "--fresh"]) == 0
    assert segmenter.calls == 5 + IMAGES


def test_a_worker_that_fails_is_tried_again_and_what_stays_wrong_is_named(fleet, expected, tmp_path, capsys):
    failures = iter([True, True])

    def failing(_number):
        if next(failures, False):
            raise ClusterError("no memory is left, expected some; close another program")

    segmenter = ColourSegmenter(failing)
    assert label_files(segmenter, *fleet, "-o", tmp_path / "out") == 0
    assert (tree(tmp_path / "out"), segmenter.calls) == (expected, IMAGES + 2)
    capsys.readouterr()
    (tmp_path / "once" / "folder").mkdir(parents=True)
    assert label_files(ColourSegmenter(_always), *fleet, "-o", tmp_path / "once", "--retries", 0) == 1
    error = capsys.readouterr().err
    assert "talk2dino: 4 of 4 sources failed; the same command tries them again:" in error
    assert error.count("no memory is left, expected some; close another program") == 4
    assert {line["error"] != "" for line in lines_of(tmp_path / "once") if "unit" in line} == {True}


def _always(_number):
    raise ClusterError("no memory is left, expected some; close another program")


def test_what_is_done_needs_no_model_and_a_new_bag_is_added(fleet, expected, tmp_path, capsys):
    out = tmp_path / "out"
    assert label_files(ColourSegmenter(), *fleet[:3], "-o", out) == 0
    again = ColourSegmenter()
    assert label_files(again, *fleet, "-o", out) == 0
    assert (again.calls, tree(out)) == (2, expected)
    assert "labelled 2 images of 4 sources, and 7 had been before" in capsys.readouterr().out


def test_a_worker_with_other_weights_refuses(fleet, tmp_path, capsys):
    models = [ColourSegmenter(), ColourSegmenter()]
    models[1].feature_space = "other weights"
    assert label_files(models, fleet[1], "-o", tmp_path / "out", "--retries", 0) == 1
    assert "has other weights than the one that was given the command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["0"], "0 is a camera, expected files, which every worker can read again"),
        (["no/*.mcap"], "no/*.mcap matches nothing"),
        (["in", "--workers", "-1"], "workers is -1, expected a number from 0"),
        (["in", "--retries", "-1"], "retries is -1, expected a number from 0"),
        (["in", "-o", "/sys/out"], "/sys/out cannot be made ("),
    ],
)
def test_a_bad_call_ends_with_one_sentence(fleet, arguments, sentence, capsys, monkeypatch):
    monkeypatch.chdir(fleet[0].parent)
    assert label_files(ColourSegmenter(), *arguments) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_a_bag_that_breaks_off_is_labelled_as_far_as_it_goes_and_the_manifest_says_so(tmp_path, capsys):
    bag = write_bag(tmp_path / "drive", 8)
    (file,) = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    (tmp_path / "none.mcap").write_bytes(b"no bag")
    assert label_files(ColourSegmenter(), tmp_path / "drive", tmp_path / "none.mcap", "-o", tmp_path / "out") == 1
    (unit,) = [line for line in lines_of(tmp_path / "out") if "unit" in line]
    assert 0 < unit["images"] < 8
    assert "is not whole" in unit["lost"][0]
    error = capsys.readouterr().err
    assert f"warning: {unit['unit']}: {bag} is not whole" in error
    assert "1 of 2 sources failed" in error


@pytest.mark.slow
def test_a_real_cluster_whose_worker_is_killed_makes_the_same_bytes(fleet, expected, tmp_path, monkeypatch):
    from talk2dino_ros.engine.cluster.ray_cluster import done_by_cluster, import_ray

    monkeypatch.setattr(label, "done_by_cluster", done_by_cluster)
    monkeypatch.setattr(label, "import_ray", import_ray)
    monkeypatch.setenv("PYTHONPATH", ":".join(path for path in sys.path if path))  # the workers import stub_segment
    monkeypatch.setattr(label, "load_for", partial(load_dying_once, tmp_path / "died"))
    words = ("--classes", WORDS, "--workers", "2")
    assert main(["label", *map(str, fleet), "-o", str(tmp_path / "out"), *words]) == 0
    assert (tmp_path / "died").exists()
    assert tree(tmp_path / "out") == expected
