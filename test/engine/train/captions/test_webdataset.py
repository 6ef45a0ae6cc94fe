# SPDX-License-Identifier: Apache-2.0
import pickle
import tarfile
from io import BytesIO

import pytest

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.train.captions import open_captions


def write_shard(path, members):
    """members: (name, bytes or text)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, BytesIO(data))
    return path


def pair(name, content=b"pixels", caption="an object"):
    return [(f"{name}.jpg", content), (f"{name}.txt", caption)]


def found_in(path, split="train"):
    return {each.key: each.captions for each in open_captions(path, split).examples}


def test_files_of_one_name_in_a_shard_are_a_pair(tmp_path):
    members = [
        ("000001.jpg", b"\xff first"),
        ("000001.json", '{"caption": "a cat", "width": 3}'),
        ("000002.json", '{"captions": ["ein Straßenschild", "a sign"]}'),
        ("000002.webp", b"second"),
        ("000003.txt", "of the text\n"),
        ("000003.PNG", b"third"),
        ("000003.json", '{"caption": null}'),
        ("000003.cls", "7"),
        ("dir/000001.jpeg", b"fourth"),
        ("dir/000001.txt", "in a folder"),
    ]
    write_shard(tmp_path / "00000.tar", members)
    assert found_in(tmp_path) == {
        "00000.tar/000001": ("a cat",),
        "00000.tar/000002": ("ein Straßenschild", "a sign"),
        "00000.tar/000003": ("of the text",),
        "00000.tar/dir/000001": ("in a folder",),
    }
    examples = pickle.loads(pickle.dumps(open_captions(tmp_path, "train").examples))  # as they travel over a cluster
    assert [each.read() for each in examples] == [b"\xff first", b"second", b"third", b"fourth"]


def test_shards_whose_name_or_folder_begins_with_val_are_for_validation(tmp_path):
    for name in ("train-0.tar", "valid-0.tar", "val/0.tar", "more/val.tar", "a.tar"):
        write_shard(tmp_path / name, pair("x", caption=name))
    assert found_in(tmp_path) == {
        "a.tar/x": ("a.tar",),
        "more/val.tar/x": ("more/val.tar",),
        "train-0.tar/x": ("train-0.tar",),
    }
    assert found_in(tmp_path, "val") == {"val/0.tar/x": ("val/0.tar",), "valid-0.tar/x": ("valid-0.tar",)}


def test_one_shard_can_be_named(tmp_path):
    shard = write_shard(tmp_path / "one.tar", pair("x"))
    assert found_in(shard) == {"one.tar/x": ("an object",)}
    assert open_captions(shard, "val") is None


@pytest.mark.parametrize(
    ("members", "match"),
    [
        ([("x.jpg", b"")], r"0\.tar: x has 1 image \(.*\) and 0 captions"),
        ([("x.txt", "a")], r"0\.tar: x has 0 images"),
        ([*pair("x"), ("x.png", b"")], r"0\.tar: x has 2 images"),
        ([*pair("x"), *pair("x")], r"0\.tar: x has 2 images"),
        ([("x.jpg", b""), ("x.txt", "größer".encode("latin-1"))], r"0\.tar: x\.txt is not UTF-8 in line 1"),
        ([("x.jpg", b""), ("x.json", "{")], r"0\.tar: x\.json is not JSON"),
        ([("x.jpg", b""), ("x.json", "[]")], r'0\.tar: x\.json has neither a text "caption"'),
        ([("x.jpg", b""), ("x.json", '{"url": ""}')], r"0\.tar: x\.json has neither"),
        ([], "holds no image with a caption"),
    ],
)
def test_unusable_captions_are_refused_with_a_sentence(tmp_path, members, match):
    write_shard(tmp_path / "0.tar", members)
    with pytest.raises(TrainingError, match=match):
        open_captions(tmp_path, "train")


def test_a_truncated_shard_is_refused(tmp_path):
    shard = write_shard(tmp_path / "0.tar", [*pair("x", bytes(5000)), *pair("y", bytes(5000))])
    shard.write_bytes(shard.read_bytes()[:9000])
    with pytest.raises(TrainingError, match=r"0\.tar cannot be read \(unexpected end of data\), expected a whole"):
        open_captions(tmp_path, "train")


def test_a_file_that_is_no_tar_is_refused(tmp_path):
    (tmp_path / "0.tar").write_bytes(b"PK" * 1000)
    with pytest.raises(TrainingError, match=r"0\.tar cannot be read .*expected a whole, uncompressed tar"):
        open_captions(tmp_path, "train")


def test_a_size_that_no_file_has_is_said(tmp_path):
    """Found by `python -m benchmarks.fuzz`: tarfile raised ValueError for where the next member would begin."""
    path = write_shard(tmp_path / "0.tar", pair("a"))
    data = bytearray(path.read_bytes())
    data[124:136] = b"\x80\0\0\0" + (2**63).to_bytes(8, "big")  # more than eight octal digits, as GNU tar writes it
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + 8 * ord(" ") + sum(data[156:512]))
    path.write_bytes(data)
    with pytest.raises(TrainingError, match=r"0\.tar cannot be read.*fetch it again"):
        open_captions(tmp_path, "train")
