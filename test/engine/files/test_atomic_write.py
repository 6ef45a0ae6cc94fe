# SPDX-License-Identifier: Apache-2.0
"""Files are replaced whole, and nothing else than files is replaced."""

import os
import socket
import stat

import pytest

from talk2dino_ros.engine.files.atomic_write import replaced_whole, write_atomically


def kind_of(path):
    return stat.S_IFMT(path.lstat().st_mode)


def make_device(path):
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 7))  # a /dev/full of our own, which only root can make
    except PermissionError:
        os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize("make", [make_device, os.mkfifo, make_socket, os.mkdir])
@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_target_that_is_no_regular_file_is_refused_and_left_alone(make, through_a_link, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    special, name = tmp_path / "special", tmp_path / "special"
    make(special.relative_to(tmp_path))
    before = kind_of(special)
    if through_a_link:
        name = tmp_path / "link"
        name.symlink_to(special)
    with pytest.raises(OSError, match=r"it is a (device|pipe|socket|folder), and only a regular file is replaced"):
        write_atomically(name, b"new")
    assert kind_of(special) == before
    assert {path.name for path in tmp_path.iterdir()} == {special.name, name.name}


def test_a_symlink_is_kept_and_its_target_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    file, link = tmp_path / "there" / "file", tmp_path / "link"
    file.write_bytes(b"old")
    link.symlink_to("there/file")
    write_atomically(link, b"new")
    assert (link.is_symlink(), file.read_bytes()) == (True, b"new")
    assert [path.name for path in file.parent.iterdir()] == ["file"]


def test_a_dangling_symlink_is_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_atomically(tmp_path / "link", b"new")
    assert ((tmp_path / "link").is_symlink(), (tmp_path / "file").read_bytes()) == (True, b"new")


def test_a_symlink_to_itself_is_refused(tmp_path):
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(OSError, match="symbolic links"):
        write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    file.chmod(0o600)
    write_atomically(file, b"new")
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"new", 0o600)


def test_an_unfinished_write_keeps_the_old_file(tmp_path):
    file = tmp_path / "film.mp4"
    file.write_bytes(b"old")

    def fill_half():
        with replaced_whole(file, ".mp4") as part:
            assert (part.parent, part.suffix) == (tmp_path, ".mp4")
            part.write_bytes(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill_half()
    assert ([path.name for path in tmp_path.iterdir()], file.read_bytes()) == (["film.mp4"], b"old")


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    path = tmp_path / "nowhere" / "file"
    with pytest.raises(FileNotFoundError) as caught:
        write_atomically(path, b"new")
    assert caught.value.filename == str(path)
