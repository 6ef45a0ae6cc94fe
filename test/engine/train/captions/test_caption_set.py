# SPDX-License-Identifier: Apache-2.0
import logging

import pytest

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.train.captions import CaptionSet, Example, open_captions
from talk2dino_ros.engine.train.captions.caption_set import decode


def example(key, *captions):
    return Example(key, captions, bytes)


def test_the_sum_changes_with_keys_captions_and_order_alone():
    a, b = example("a", "one", "two"), example("b", "three")
    sums = [
        CaptionSet.of("set", examples).sum
        for examples in (
            [a, b],
            [b, a],
            [example("a", "two", "one"), b],
            [example("a", "one"), example("b", "two", "three")],
            [example("c", "one", "two"), b],
        )
    ]
    assert len(set(sums)) == len(sums)
    assert CaptionSet.of("another name", [a, b]).sum == sums[0]


def test_blank_captions_are_left_out_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        found = CaptionSet.of("set", [example("a", " a cat \n", " "), example("b", "", "\n"), example("c", "a dog")])
    assert [(each.key, each.captions) for each in found.examples] == [("a", ("a cat",)), ("c", ("a dog",))]
    assert caplog.messages == ["set: left out: 3 blank captions, and 1 image that has no other (the first is b)"]


def test_nothing_is_said_where_no_caption_is_blank(caplog):
    CaptionSet.of("set", [example("a", "a cat")])
    assert not caplog.messages


@pytest.mark.parametrize("examples", [[], [example("a", " ")], [example("a")]])
def test_a_set_without_a_caption_is_refused(examples):
    with pytest.raises(TrainingError, match="set holds no image with a caption"):
        CaptionSet.of("set", examples)


def test_a_key_that_stands_for_two_images_is_refused():
    with pytest.raises(TrainingError, match=r"set has 1 key more than once, the first is 'b'"):
        CaptionSet.of("set", [example("a", "x"), example("b", "y"), example("b", "z")])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_is_read_with_and_without_its_mark(encoding):
    assert decode("Straße, 電車".encode(encoding), "file") == "Straße, 電車"


def test_another_encoding_is_named_with_its_line():
    data = "ein Hund\neine Straße\n".encode("latin-1")
    with pytest.raises(TrainingError, match=r"a\.csv is not UTF-8 in line 2 \(byte 0xdf\), expected UTF-8; .*iconv"):
        decode(data, "a.csv")
    with pytest.raises(TrainingError, match=r"iconv -f WINDOWS-1252"):
        decode(data, "a.csv")


@pytest.mark.parametrize(("encoding", "byte"), [("utf-16", "ff"), ("utf-16-le", "00"), ("utf-16-be", "00")])
def test_utf16_is_told_with_and_without_its_mark(encoding, byte):
    with pytest.raises(TrainingError, match=rf"line 1 \(byte 0x{byte}\), .* iconv -f UTF-16 -t UTF-8"):
        decode("ein Hund".encode(encoding), "a.csv")


def test_a_folder_without_captions_is_refused(tmp_path):
    (tmp_path / "a.jpg").touch()
    with pytest.raises(TrainingError, match=r"holds no captions, expected COCO's .*captions\.csv.*\*\.tar"):
        open_captions(tmp_path, "train")
    with pytest.raises(TrainingError, match=r"none does not exist, expected COCO's"):
        open_captions(tmp_path / "none", "train")
