# SPDX-License-Identifier: Apache-2.0
"""What a person names on the command line, right and wrong."""

import contextlib
import os

import pytest
from stub_segment import RED, ColourSegmenter, halves, segment_files

from talk2dino_ros.cli.files.image_sources import find_sources
from talk2dino_ros.cli.files.progress_bar import ProgressLines, progress_bar
from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.ros.bags.bag_topics import TopicNames
from talk2dino_ros.viz.pictures import write_picture


@pytest.fixture
def disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("in/a.png", "in/deep/b.jpg", "in/[1].png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(path, halves(RED, RED))
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    (tmp_path / "in" / "film.mp4").write_bytes(b"no video")
    (tmp_path / "empty").mkdir()
    (tmp_path / "7").mkdir()
    write_picture(tmp_path / "7" / "c.png", halves(RED, RED))
    return tmp_path


@pytest.mark.parametrize(
    ("named", "found"),
    [
        (["in"], ["in/[1].png", "in/a.png"]),
        (["in/**/*"], ["in/[1].png", "in/a.png", "in/deep/b.jpg", "in/film.mp4"]),
        (["in/*.png", "in/a.png", "./in/a.png"], ["in/[1].png", "in/a.png"]),
        (["in/[1].png"], ["in/[1].png"]),
        (["7"], ["7/c.png"]),
        (["8"], ["8"]),
        (["/dev/video3"], ["/dev/video3"]),
    ],
)
@pytest.mark.usefixtures("disk")
def test_names_patterns_and_cameras_are_found_each_once(named, found):
    sources, left_out = find_sources(named, TopicNames())
    assert ([source.address for source in sources], left_out) == (found, [])


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ("in/*.tiff", "in/*.tiff matches nothing, expected pictures, videos or bags, which end in .jpg"),
        ("in/*.txt", "in/*.txt matches 1 names, none of them of a known kind, expected pictures"),
        ("empty", "empty holds no picture, expected a folder with files ending in .jpg"),
        ("in/notes.txt", "in/notes.txt does not exist or is of no known kind, expected a folder, a bag"),
        ("nowhere.mcap", "nowhere.mcap does not exist or is of no known kind"),
    ],
)
@pytest.mark.usefixtures("disk")
def test_what_is_not_there_is_said_in_a_sentence(named, sentence):
    with pytest.raises(ImageError) as error:
        find_sources(["in", named], TopicNames())
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("disk")
def test_what_cannot_be_decoded_is_skipped_and_named(capfd):
    """A video that is none, a camera that is not there, a bag that is none; the picture beside them is done."""
    with open("bad.mcap", "wb") as file:
        file.write(b"no bag")
    named = ("in/a.png", "in/film.mp4", "63", "http://127.0.0.1:9/x", "bad.mcap")
    assert segment_files(ColourSegmenter(), *named, "-o", "out", "--no-overlay") == 1
    assert sorted(os.listdir("out")) == ["a_mask.png", "classes.csv", "coco.json", "manifest.jsonl"]
    error = capfd.readouterr().err
    lines = error[error.index("talk2dino: ") :].splitlines()
    assert lines[0] == "talk2dino: 4 of 5 files were skipped:"
    assert lines[1].startswith("  bad.mcap cannot be read as a bag (")
    assert lines[2].startswith("  in/film.mp4 cannot be opened as a video")
    assert lines[3].startswith("  the camera 63 cannot be opened, expected the number of one that is connected")
    assert lines[4].startswith("  the camera http://127.0.0.1:9/x cannot be opened")
    assert len(lines) == 5


@pytest.mark.parametrize(("option", "value"), [("--every", "0"), ("--threads", "-1")])
@pytest.mark.usefixtures("disk")
def test_a_number_that_cannot_be_is_refused_before_anything_is_loaded(option, value, capsys):
    assert segment_files(ColourSegmenter(), "in/a.png", option, value, "-o", "out") == 1
    assert capsys.readouterr().err.startswith(f"talk2dino: {option} is {value}, expected a number from ")
    assert not os.path.exists("out")


def all_of(terminal):
    """Read a terminal whose other end is closed: a write may arrive in pieces, later than it returns."""
    parts = []
    with contextlib.suppress(OSError):  # EIO is its end
        while part := os.read(terminal, 4096):
            parts.append(part)
    return b"".join(parts).decode()


@pytest.mark.parametrize("columns", [0, 60])
def test_a_terminal_without_width_gets_lines_and_one_with_width_a_bar(columns, monkeypatch):
    import fcntl
    import struct
    import termios

    main, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with open(terminal, "w", encoding="ascii", errors="backslashreplace") as stderr:
        monkeypatch.setattr("sys.stderr", stderr)
        with progress_bar(4, "image") as bar:
            bar.update(4)
    shown = all_of(main)
    os.close(main)
    assert isinstance(bar, ProgressLines) == (columns == 0)
    assert "100%" in shown
    assert "4/4 [" in shown
    assert "image/s]" in shown
    assert "\x1b" not in shown
