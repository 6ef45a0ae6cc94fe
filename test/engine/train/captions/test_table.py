# SPDX-License-Identifier: Apache-2.0
import pytest

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.train.captions import open_captions


@pytest.fixture
def folder(tmp_path):
    """Write a table of captions beside files of these names; each file's content is its name."""

    def write(text, name="captions.jsonl", files=("a.jpg", "b/c.png"), encoding="utf-8"):
        for file in files:
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(file)
        (tmp_path / name).write_bytes(text.encode(encoding))
        return tmp_path

    return write


def found_in(folder, split="train"):
    return {each.key: each.captions for each in open_captions(folder, split).examples}


def test_lines_of_json_have_one_caption_or_several(folder):
    path = folder('{"image": "a.jpg", "caption": "ein Straßenschild"}\n\n{"image": "b/c.png", "captions": ["x", "y"]}')
    assert found_in(path) == {"a.jpg": ("ein Straßenschild",), "b/c.png": ("x", "y")}
    assert [each.read() for each in open_captions(path, "train").examples] == [b"a.jpg", b"b/c.png"]


def test_images_are_found_from_any_working_directory(folder, tmp_path, monkeypatch):
    folder('{"image": "a.jpg", "caption": "x"}')
    monkeypatch.chdir(tmp_path.parent)
    (example,) = open_captions(tmp_path.name, "train").examples
    monkeypatch.chdir("/")
    assert example.read() == b"a.jpg"


def test_csv_has_commas_quotes_and_line_breaks(folder):
    text = 'caption,image\r\n"a cat, ""asleep""",a.jpg\r\n"two\r\nlines",b/c.png\r\nagain a cat,a.jpg\r\n'
    assert found_in(folder(text, "captions.csv")) == {
        "a.jpg": ('a cat, "asleep"', "again a cat"),
        "b/c.png": ("two\r\nlines",),
    }


def test_csv_from_a_spreadsheet_with_a_byte_order_mark_is_read(folder):
    path = folder("image,caption\na.jpg,größer\n", "captions.csv", encoding="utf-8-sig")
    assert found_in(path) == {"a.jpg": ("größer",)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "captions.jsonl",
            '{"image": "a.jpg", "caption": "x"}\n{"image": "b/c.png", "caption": "y", "split": "val"}',
        ),
        ("captions.csv", "image,caption,split\na.jpg,x,train\nb/c.png,y,val\n"),
        ("captions.csv", "image,caption,split\na.jpg,x,\nb/c.png,y,val\n"),
    ],
)
def test_the_split_can_be_a_column(folder, name, text):
    path = folder(text, name)
    assert found_in(path) == {"a.jpg": ("x",)}
    assert found_in(path, "val") == {"b/c.png": ("y",)}


def test_without_a_split_all_is_for_training(folder):
    path = folder("image,caption\na.jpg,x\nb/c.png,y\n", "captions.csv")
    assert len(found_in(path)) == 2
    assert open_captions(path, "val") is None


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("captions.jsonl", "", "holds no image with a caption"),
        ("captions.csv", "", "has the columns none, expected image and caption"),
        ("captions.csv", "image,caption\n", "holds no image with a caption"),
        ("captions.csv", "image;caption\na.jpg;x\n", "has the columns image;caption, expected .* with commas"),
        ("captions.csv", "image,caption\na.jpg\n", "holds no image with a caption"),
        ("captions.csv", "image,caption\n,x\n", r"captions\.csv line 2 names no image"),
        (
            "captions.csv",
            f"image,caption\na.jpg,{'x' * 140_000}\n",
            r"captions\.csv is not valid CSV after line 1 \(field larger",
        ),
        (
            "captions.csv",
            "image,caption\na.jpg,x\na.jpg,a cat, on a mat\n",
            r"line 3 has more values than columns, expected quotes around a caption with commas",
        ),
        (
            "captions.csv",
            'image,caption\na.jpg,x\na.jpg,"a cat\nb/c.png,y\n',
            r"is not valid CSV after line 2 \(unexpected end of data\)",
        ),
        ("captions.csv", 'image,"caption\na.jpg,x\n', r"is not valid CSV after line 0 \(unexpected end of data\)"),
        ("captions.csv", "image,caption\n/a.jpg,x\n", r"line 2 names /a\.jpg, expected a path within its folder"),
        ("captions.csv", "image,caption\nb/../../a.jpg,x\n", r"line 2 names \.\./a\.jpg, expected a path within"),
        ("captions.csv", "image,caption,split\na.jpg,x,train\n./a.jpg,y,val\n", r"has a\.jpg in train and in val"),
        ("captions.jsonl", '{"image": "a.jpg", "caption": "x \\ud83d"}', r"line 1 has half a character \('\\ud83d'\)"),
        ("captions.jsonl", "[" * 100_000, r"line 1 is not JSON"),
        (
            "captions.jsonl",
            f'{{"image": "{"a" * 300}.jpg", "caption": "x"}}',
            r"jpg cannot be read \(File name too long",
        ),
        ("captions.jsonl", '\n{"image": "a.jpg"}', r'line 2 has neither a text "caption" nor a list'),
        ("captions.jsonl", '{"image": "a.jpg", "captions": "x"}', r"line 1 has neither"),
        ("captions.jsonl", '{"image": "a.jpg", "captions": ["x", 3]}', r"line 1 has neither"),
        ("captions.jsonl", '{"caption": "x"}', r"line 1 names no image"),
        ("captions.jsonl", '["a.jpg", "x"]', r"line 1 is not an object"),
        ("captions.jsonl", '{"image": "a.jpg", "caption": "x"', r"captions\.jsonl line 1 is not JSON"),
        ("captions.jsonl", '{"image": "a.jpg", "caption": "x", "split": "test"}', r"the split 'test', expected train"),
        ("captions.jsonl", '{"image": "d.jpg", "caption": "x"}', r"d\.jpg is missing, expected the 1 image"),
        ("captions.csv", "image,caption,split\na.jpg,x,train\na.jpg,y,val\n", r"has a\.jpg in train and in val"),
    ],
)
def test_unusable_captions_are_refused_with_a_sentence(folder, name, text, match):
    with pytest.raises(TrainingError, match=match):
        open_captions(folder(text, name), "train")


def test_another_encoding_is_named_with_its_line(folder):
    path = folder("image,caption\na.jpg,x\nb/c.png,größer\n", "captions.csv", encoding="cp1252")
    with pytest.raises(TrainingError, match=r"captions\.csv is not UTF-8 in line 3 \(byte 0xf6\)"):
        open_captions(path, "train")


def test_an_image_is_the_same_by_any_spelling_of_its_path(folder):
    assert found_in(folder("image,caption\na.jpg,x\n./a.jpg,y\nb//c.png,z\n", "captions.csv")) == {
        "a.jpg": ("x", "y"),
        "b/c.png": ("z",),
    }


def test_a_table_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "captions.csv").symlink_to("/proc/self/mem")  # a file whose reading is an error
    with pytest.raises(TrainingError, match=r"cannot be read \(Input/output error\), expected files of your own"):
        open_captions(tmp_path, "train")


def test_two_tables_in_a_folder_are_refused(folder):
    folder("image,caption\na.jpg,x\n", "captions.csv")
    with pytest.raises(TrainingError, match=r"has captions\.jsonl and captions\.csv, expected one"):
        open_captions(folder('{"image": "a.jpg", "caption": "x"}'), "train")
