# SPDX-License-Identifier: Apache-2.0
"""Downloads from a real server on this machine that breaks off, lies and refuses."""

import hashlib

import pytest

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.files.checksums import KnownSum
from talk2dino_ros.engine.weights import download as module
from talk2dino_ros.engine.weights.download import download

BODY = bytes(range(256)) * 4000  # 1 MB
SHA256 = hashlib.sha256(BODY).hexdigest()
KNOWN = KnownSum(SHA256)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "file.bin"


def leftovers(target):
    return sorted(path.name for path in target.parent.iterdir() if path.suffix != ".lock")


@pytest.mark.parametrize("honours_ranges", [True, False])
def test_a_file_arrives_whole_and_leaves_nothing_beside_it(file_server, target, honours_ranges):
    server = file_server(BODY)
    server.honours_ranges = honours_ranges
    assert download(server.url, target, KNOWN) == target
    assert target.read_bytes() == BODY
    assert leftovers(target) == ["file.bin"]


# git names a content by the sha1 of its kind, its size and itself
BLOB = hashlib.sha1(b"blob %d\0" % len(BODY) + BODY).hexdigest()


@pytest.mark.parametrize("known", [KNOWN, KnownSum(), KnownSum(BLOB, is_git_blob=True)])
def test_a_broken_transfer_goes_on_where_it_stopped(file_server, target, known):
    server = file_server(BODY)
    server.cut_after = 300_000
    download(server.url, target, known)
    assert target.read_bytes() == BODY
    assert server.ranges == ["bytes=0-", "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_a_server_without_ranges_sends_the_whole_again_and_it_is_not_appended(file_server, target):
    server = file_server(BODY)
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(b"x" * 5000)
    server.honours_ranges = False
    download(server.url, target, KNOWN)
    assert target.read_bytes() == BODY


def test_an_earlier_calls_part_is_taken_up_where_the_sum_is_known(file_server, target):
    server = file_server(BODY)
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(BODY[:700_000])
    download(server.url, target, KNOWN)
    assert server.ranges == ["bytes=700000-"]
    assert target.read_bytes() == BODY


def test_an_earlier_calls_part_is_not_trusted_without_a_sum(file_server, target):
    server = file_server(BODY)
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(b"x" * 700_000)
    download(server.url, target)
    assert target.read_bytes() == BODY


def test_a_part_that_is_already_whole_is_only_renamed(file_server, target):
    server = file_server(BODY)
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(BODY)
    download(server.url, target, KNOWN)
    assert target.read_bytes() == BODY


def test_a_file_that_is_there_is_not_asked_for_again(file_server, target):
    server = file_server(BODY)
    target.parent.mkdir()
    target.write_bytes(b"here")
    download(server.url, target, KNOWN)
    assert target.read_bytes() == b"here"
    assert server.ranges == []


def test_wrong_bytes_are_refused_with_both_sums_and_do_not_stay(file_server, target):
    server = file_server(b"not the weights")
    found = hashlib.sha256(b"not the weights").hexdigest()
    with pytest.raises(WeightsError, match=rf"file\.bin from {server.url} has .* {found}, expected {SHA256}"):
        download(server.url, target, KNOWN)
    assert leftovers(target) == []


def test_a_git_blob_id_is_compared_whole(file_server, target):
    server = file_server(BODY)
    for digits in (BLOB[:39] + "x", BLOB[:10]):
        with pytest.raises(WeightsError, match=rf"has the git blob id {BLOB}, expected {digits};"):
            download(server.url, target, KnownSum(digits, is_git_blob=True))


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_refusal_names_status_file_address_and_folder(file_server, target, status):
    server = file_server(BODY)
    server.status = status
    with pytest.raises(WeightsError, match=rf"file\.bin .* from {server.url} \(.*{status}.* into {target.parent}"):
        download(server.url, target, KNOWN)
    assert len(server.ranges) == 1
    assert not target.exists()


def test_no_server_is_an_error_that_names_file_address_and_folder(file_server, target):
    server = file_server(BODY)
    server.stop()
    with pytest.raises(WeightsError, match=rf"file\.bin .* from {server.url} \(.*refused.* into {target.parent}"):
        download(server.url, target, KNOWN)


def test_a_server_that_sends_nothing_is_given_up(file_server, target):
    server = file_server(BODY)
    server.cut_after = 0
    with pytest.raises(WeightsError, match="the connection broke off"):
        download(server.url, target, KNOWN)
    assert len(server.ranges) == module.ATTEMPTS


def test_a_name_that_cannot_be_resolved_is_an_error(target):
    with pytest.raises(WeightsError, match=r"file\.bin could not be downloaded from http://nowhere\.invalid/file\.bin"):
        download("http://nowhere.invalid/file.bin", target, KNOWN)


def test_a_file_where_the_folder_should_be_is_an_error(file_server, target):
    target.parent.write_bytes(b"")
    with pytest.raises(WeightsError, match="File exists"):
        download(file_server(BODY).url, target, KNOWN)


PAGE = b"\n<!DOCTYPE html><html><body>Log in to this network</body></html>"


@pytest.mark.parametrize("known", [KNOWN, KnownSum()])
@pytest.mark.parametrize("page", [PAGE, b"<html>" + b"x" * 300_000])
def test_a_web_page_in_the_files_place_is_never_kept_and_an_earlier_part_stays(file_server, target, known, page):
    server = file_server(page)
    server.honours_ranges = False
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(BODY[:700_000])
    with pytest.raises(WeightsError, match=rf"{server.url} answered with a web page, expected file\.bin; log in"):
        download(server.url, target, known)
    assert not target.exists()
    kept = target.with_name("file.bin.part")
    assert (kept.read_bytes() if kept.exists() else b"") == (BODY[:700_000] if known.digits else b"")
