# SPDX-License-Identifier: Apache-2.0
"""A run that is stopped or killed anywhere goes on to the same files, and leaves none half written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import stub_segment
from stub_segment import GREEN, RED, ColourSegmenter, halves, segment_files, tree, write_halves

from talk2dino_ros.cli.files.result_writer import write_text
from talk2dino_ros.viz.pictures import UnwritableError
from talk2dino_ros.viz.videos import video_writer

pytest.importorskip("rosbags", reason="pip install -r tools/requirements/bags.txt is missing")
from room_bag import write_bag

IMAGES = 11  # of all sources


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Four pictures, a video of four images, and a bag of three."""
    folder = tmp_path_factory.mktemp("sources")
    with video_writer(folder / "walk.mp4", 5.0) as write:
        for number in range(4):
            write(halves(RED, GREEN, 64, 64 + 16 * number))
    return write_halves(folder / "in", 4), folder / "walk.mp4", write_bag(folder / "drive", 3)


@pytest.fixture(scope="module")
def expected(sources, tmp_path_factory):
    """What one thread makes of them all."""
    out = tmp_path_factory.mktemp("whole") / "out"
    segmenter = ColourSegmenter()
    assert segment_files(segmenter, *sources, "-o", out, "--threads", 0) == 0
    assert segmenter.calls == IMAGES
    return tree(out)


def interrupted_at(image: int) -> ColourSegmenter:
    """Ctrl-C while the model is at an image."""
    return ColourSegmenter(lambda number: os.kill(os.getpid(), signal.SIGINT) if number == image else None)


@pytest.mark.parametrize("where", [(1, 0), (4, 0), (7, 0), (10, 0), (1, 2), (3, 2), (5, 2), (9, 2), (8, 4)])
def test_ctrl_c_leaves_whole_files_and_the_same_command_goes_on(sources, expected, tmp_path, where, capsys):
    image, threads = where
    stopped = interrupted_at(image)
    assert segment_files(stopped, *sources, "-o", tmp_path / "out", "--threads", threads) == 130
    printed = capsys.readouterr()
    assert f"stopped after {image} of {IMAGES} images; the same command continues from there\n" in printed.err
    files = tree(tmp_path / "out")
    assert {name: expected[name] for name in files if name != "manifest.jsonl"} == {
        name: content for name, content in files.items() if name != "manifest.jsonl"
    }
    assert "coco.json" not in files
    rest = ColourSegmenter()
    assert segment_files(rest, *sources, "-o", tmp_path / "out") == 0
    assert tree(tmp_path / "out") == expected
    assert stopped.calls + rest.calls == IMAGES


def test_a_run_that_is_killed_in_a_video_goes_on_to_the_same_files(sources, expected, tmp_path):
    arguments = [*map(str, sources), "-o", str(tmp_path / "out")]
    command = [sys.executable, stub_segment.__file__, "7", str(tmp_path / "marker"), *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (tmp_path / "marker").exists() and process.poll() is None:
            time.sleep(0.02)
        process.kill()
    files = tree(tmp_path / "out")
    assert "walk_overlay.mp4" not in files
    assert any(".part" in name for name in files), "what the killed run had open"
    with (tmp_path / "out" / "manifest.jsonl").open("ab") as manifest:
        manifest.write(b'{"image": "0", "num')  # a line that was cut off
    rest = ColourSegmenter()
    assert segment_files(rest, *sources, "-o", tmp_path / "out") == 0
    assert tree(tmp_path / "out") == expected
    assert rest.calls < IMAGES


def test_a_picture_that_has_changed_and_a_mask_that_is_gone_are_made_again(tmp_path):
    folder, out = write_halves(tmp_path / "in", 3), tmp_path / "out"
    assert segment_files(ColourSegmenter(), folder, "-o", out) == 0
    before = tree(out)
    stub_segment.write_picture(folder / "0.png", halves(GREEN, GREEN))
    (out / "1_mask.png").unlink()
    again = ColourSegmenter()
    assert segment_files(again, folder, "-o", out) == 0
    after = tree(out)
    assert again.calls == 2
    assert {name for name in before if before[name] != after[name]} == {
        "0_mask.png",
        "0_overlay.png",
        "classes.csv",
        "coco.json",
        "manifest.jsonl",
    }


def test_a_finished_folder_that_is_added_to_has_no_tables_until_it_is_finished_again(tmp_path):
    folder, out = write_halves(tmp_path / "in", 2), tmp_path / "out"
    assert segment_files(ColourSegmenter(), folder, "-o", out) == 0
    for name in ("8.png", "9.png"):
        stub_segment.write_picture(folder / name, halves(GREEN, GREEN))
    assert segment_files(interrupted_at(1), folder, "-o", out, "--threads", 0) == 130
    assert not {"coco.json", "classes.csv"} & set(tree(out))
    assert segment_files(ColourSegmenter(), folder, "-o", out) == 0
    assert b"9_mask.png" in tree(out)["coco.json"]


@pytest.mark.parametrize("stop_at", [2, 0])
def test_results_of_other_words_are_never_overwritten_unasked(stop_at, tmp_path, capsys):
    folder, out = write_halves(tmp_path / "in", 3), tmp_path / "out"
    assert segment_files(interrupted_at(stop_at), folder, "-o", out, "--threads", 0) == (130 if stop_at else 0)
    there = tree(out)
    capsys.readouterr()
    other = ("--classes", "green; red")
    assert segment_files(ColourSegmenter(), folder, "-o", out, *other, "--no-overlay") == 1
    assert capsys.readouterr().err == (
        f"talk2dino: {out} holds results made with other words ('red; green; ?blue', now 'green; red'), overlay, "
        "expected the same command as before, which continues there; name another --output, or --fresh to begin anew "
        "in their place\n"
    )
    assert tree(out) == there
    segmenter = ColourSegmenter()
    assert segment_files(segmenter, folder, "-o", out, *other, "--fresh") == 0
    assert segmenter.calls == 3


def test_a_folder_in_use_and_a_manifest_of_something_else_are_refused(tmp_path, capsys):
    folder, out = write_halves(tmp_path / "in", 1), tmp_path / "out"

    def second(_number: int) -> None:
        assert segment_files(ColourSegmenter(), folder, "-o", out) == 1

    assert segment_files(ColourSegmenter(second), folder, "-o", out) == 0
    assert f"{out} is being written by another process" in capsys.readouterr().err
    for content in (b"[]\n", b'{"format": "talk2dino results 1"}\n{}\n', b"no JSON\n", b'{"format": 2}\n'):
        (out / "manifest.jsonl").write_bytes(content)
        assert segment_files(ColourSegmenter(), folder, "-o", out) == 1
        error = capsys.readouterr().err
        assert f"{out}/manifest.jsonl is no manifest to continue from (" in error
        assert error.count("\n") == 1
        assert (out / "manifest.jsonl").read_bytes() == content


@pytest.mark.parametrize("place", ["/sys/talk2dino_out", "/dev/null", "/dev/null/out"])
def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(place, tmp_path, capsys):
    """/sys is read-only for root, too."""
    assert segment_files(ColourSegmenter(), write_halves(tmp_path / "in", 1), "-o", place) == 1
    error = capsys.readouterr().err
    assert f"talk2dino: {place} cannot be written (" in error
    assert "expected a folder with room for results; name another by --output\n" in error
    assert error.count("\n") == 1
    assert not Path("/sys/talk2dino_out").exists()


def test_a_file_in_the_place_of_a_mask_ends_the_run_with_a_sentence(tmp_path, capsys):
    (tmp_path / "out" / "1_mask.png").mkdir(parents=True)
    assert segment_files(ColourSegmenter(), write_halves(tmp_path / "in", 3), "-o", tmp_path / "out") == 1
    assert "1_mask.png could not be written (" in capsys.readouterr().err
    assert "coco.json" not in tree(tmp_path / "out")


def test_a_table_that_cannot_be_written_is_said_in_a_sentence(tmp_path):
    with pytest.raises(UnwritableError) as error:
        write_text(tmp_path / "gone" / "coco.json", "{}")
    assert str(error.value) == (
        f"{tmp_path}/gone/coco.json could not be written (No such file or directory), expected room for it; make some, "
        "and give the same command again"
    )
