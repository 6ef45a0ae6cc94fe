# SPDX-License-Identifier: Apache-2.0
"""`talk2dino compare`: figures counted by hand, and a page that stands alone."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from stub_segment import BLUE, GREEN, RED, ColourSegmenter, halves, segment_files

from talk2dino_ros.cli.files.compared.comparison import UNLABELED, compare_results
from talk2dino_ros.cli.main import main
from talk2dino_ros.viz.pictures import write_picture
from talk2dino_ros.viz.videos import video_writer


def masked(folder, name, ids):
    """Put ids in the place of a mask."""
    write_picture(folder / f"{name}_mask.png", np.array(ids, np.uint8))


@pytest.fixture
def two(tmp_path):
    """Two images of 2x4 pixels, whose masks are replaced by ones that a person can count; a third is only in A."""
    (tmp_path / "in").mkdir()
    for name, left in (("one", RED), ("two", BLUE), ("z", GREEN)):
        write_picture(tmp_path / "in" / f"{name}.png", halves(left, GREEN, 2, 4))
    a, b = tmp_path / "a", tmp_path / "b"
    assert segment_files(ColourSegmenter(), tmp_path / "in", "-o", a, "--classes", "red; green") == 0
    (tmp_path / "in" / "z.png").unlink()
    (tmp_path / "in" / "one.png").rename(tmp_path / "in" / "renamed.png")  # images are known by their pixels
    assert segment_files(ColourSegmenter(), tmp_path / "in", "-o", b, "--classes", "blue; <b>&bg; red; !green") == 0
    masked(a, "one", [[1, 1, 2, 2], [1, 1, 2, 255]])
    masked(b, "renamed", [[3, 3, 3, 255], [3, 1, 255, 255]])
    masked(a, "two", [[2, 2, 2, 2], [1, 1, 1, 1]])
    masked(b, "two", [[255, 255, 255, 255], [3, 3, 3, 3]])
    return a, b


def test_shares_and_agreement_are_those_counted_by_hand(two):
    found = compare_results(*two)
    assert found.names == [UNLABELED, "red", "green", "blue", "<b>&bg"]
    assert [pair.one["image"] for pair in found.pairs] == ["two", "one"] or found.pairs[0].differing == 0.5
    assert {pair.one["image"]: pair.differing for pair in found.pairs} == {"one": 4 / 8, "two": 4 / 8}
    assert found.missing == (1, 0)
    classes = {each.name: each for each in found.classes()}
    # red: A has 4 and 4 pixels, B 4 and 4; both 3 and 4
    assert classes["red"].iou == pytest.approx(7 / 9)
    assert classes["red"].shares == (8 / 16, 8 / 16)
    assert (classes["green"].iou, classes["green"].shares, classes["green"].images) == (0, (7 / 16, 0), (2, 0))
    assert (classes["blue"].iou, classes["blue"].images) == (0, (0, 1))
    assert classes["<b>&bg"].iou is None
    assert classes[UNLABELED].iou == pytest.approx(1 / 7)
    assert found.same == 8 / 16
    assert found.exchanges(2) == [("green", UNLABELED, 6 / 16), ("red", "blue", 1 / 16)]


class _Page(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.sources, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def test_the_page_stands_alone_and_shows_names_as_text(two, tmp_path, capsys):
    assert main(["compare", *map(str, two), "-o", str(tmp_path / "page.html"), "--most", "1"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^red +77\.8% +50\.00% +50\.00%$", out, re.MULTILINE)
    page = _Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert page.tags.count("img") == 3
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert not {"script", "link", "b", "iframe"} & set(page.tags)
    assert "<b>&bg" in page.text
    assert "only in A" in page.text
    assert (
        "50.0% of the pixels of 2 images have the same name in both. 1 image is only in A, and left out." in page.text
    )


def test_images_of_a_video_are_taken_from_its_overlay(tmp_path):
    with video_writer(tmp_path / "walk.mp4", 5.0) as write:
        for colour in (RED, GREEN, BLUE, RED):
            write(halves(colour, GREEN, 64, 64))
    for name, words in (("a", "red; green"), ("b", "red; blue")):
        assert segment_files(ColourSegmenter(), tmp_path / "walk.mp4", "-o", tmp_path / name, "--classes", words) == 0
    found = compare_results(tmp_path / "a", tmp_path / "b")
    assert len(found.pairs) == 4
    assert found.pairs[0].one["number"] == found.pairs[0].other["number"]
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "-o", str(tmp_path / "page.html")]) == 0
    assert _Page((tmp_path / "page.html").read_text(encoding="utf-8")).tags.count("img") == 12


def test_what_cannot_be_compared_is_said_in_a_sentence(two, tmp_path, capsys):
    (tmp_path / "other").mkdir()
    write_picture(tmp_path / "other" / "x.png", halves(RED, RED))
    assert segment_files(ColourSegmenter(), tmp_path / "other", "-o", tmp_path / "c") == 0
    (two[1] / "coco.json").unlink()
    capsys.readouterr()
    cases = {
        (two[0], tmp_path / "c"): "have no image in common, expected results of the same images",
        (two[0], tmp_path / "in"): "has no manifest.jsonl that can be read",
        (two[0], two[1]): f"{two[1]} holds unfinished results",
    }
    for folders, sentence in cases.items():
        assert main(["compare", *map(str, folders), "-o", str(tmp_path / "page.html")]) == 1
        error = capsys.readouterr().err
        assert sentence in error
        assert error.count("\n") == 1
    assert main(["compare", str(two[0]), str(two[0]), "-o", "/sys/page.html"]) == 1
    assert "/sys/page.html could not be written (" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()
