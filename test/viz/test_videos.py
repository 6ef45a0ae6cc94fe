# SPDX-License-Identifier: Apache-2.0
"""Videos as they are found on disks: damaged, of strange rates and names, on a disk that is full."""

import os
import resource
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.viz.pictures import UnwritableError
from talk2dino_ros.viz.videos import open_video, video_writer, writable_rate


def images(count, size=(64, 48)):
    """Noise, which takes much room; the whole image has one red, which grows."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, size[1], size[0], 3), dtype=np.uint8)
    pixels[..., 0] = 60 + np.arange(count)[:, None, None] * 3
    return pixels


def write(path, pixels, rate_hz=25.0):
    with video_writer(path, rate_hz) as append:
        for rgb in pixels:
            append(rgb)


def read(path):
    with open_video(path) as video:
        return list(video.images()), video


def damaged(path, kind):
    """A video of 40 images that says so, and of which fewer can be decoded."""
    if kind == "avi":
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
        for rgb in images(40):
            writer.write(rgb)
        writer.release()
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        write(path, images(40))
        content = bytearray(path.read_bytes())
        start, end = content.index(b"mdat") + 4, content.rindex(b"moov") - 4
        content[start:end] = bytes(end - start)
        path.write_bytes(content)


def test_a_written_video_is_read_back_in_order_and_colour(tmp_path):
    write(tmp_path / "film.mp4", images(40))
    found, video = read(tmp_path / "film.mp4")
    assert (len(found), video.count, video.rate_hz, video.shortfall()) == (40, 40, 25.0, "")
    reds = [rgb[..., 0].mean() for rgb in found]
    np.testing.assert_allclose(reds, 60 + np.arange(40) * 3, atol=12)  # the encoder's loss
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_a_file_that_decodes_to_nothing_is_an_error_with_its_count(tmp_path):
    damaged(tmp_path / "film.mp4", "mp4")
    with pytest.raises(ImageError, match=r"film\.mp4 gave no image of the 40 that it says it has"):
        read(tmp_path / "film.mp4")


def test_a_file_that_ends_early_says_both_counts(tmp_path):
    damaged(tmp_path / "film.avi", "avi")
    found, video = read(tmp_path / "film.avi")
    assert 0 < len(found) < 40
    assert f"film.avi ended after {len(found)} of the 40 images" in video.shortfall()


@pytest.mark.parametrize("content", [b"", b"no video " * 100])
def test_a_file_that_is_no_video_is_refused_and_only_in_our_own_words(content, tmp_path, capfd):
    (tmp_path / "film.mp4").write_bytes(content)
    with pytest.raises(ImageError, match=r"film\.mp4 cannot be opened as a video"):
        read(tmp_path / "film.mp4")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("rate_hz", "written"),
    [
        (25.0, 25.0),
        (211.222, 211.22),  # 105611/500, and MPEG-4 counts up to 65535
        (30000 / 1001, 29.97),
        (0.333, 0.333),
        (1234.567, 1234.6),  # 12346/10 is 6173/5; 123457/100 is too much
        (90_000.0, 65535.0),
        (0.0001, 65535.0),
    ],
)
def test_any_rate_is_written_as_near_as_the_format_can(rate_hz, written, tmp_path):
    assert writable_rate(rate_hz) == pytest.approx(written)
    write(tmp_path / "film.mp4", images(3), rate_hz)
    assert read(tmp_path / "film.mp4")[1].rate_hz == pytest.approx(written, abs=1e-3)


def test_an_image_of_another_size_is_not_lost(tmp_path):
    write(tmp_path / "film.mp4", [*images(2), *images(2, size=(32, 24))])
    found, _ = read(tmp_path / "film.mp4")
    assert [rgb.shape for rgb in found] == [(48, 64, 3)] * 4


def test_file_names_that_are_not_utf_8_are_read_and_written(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    path = folder / os.fsdecode(b"fr\xfchst\xfcck.mp4")
    write(path, images(3))
    assert len(read(path)[0]) == 3
    assert os.listdir(os.fsencode(folder)) == [b"fr\xfchst\xfcck.mp4"]


@contextmanager
def full_disk(free_bytes):
    """No file may grow beyond this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_an_error_and_keeps_the_old_file(tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"old")
    with full_disk(100_000), pytest.raises(UnwritableError, match=r"film\.mp4 could not be written as a video .*room"):
        write(tmp_path / "film.mp4", images(40, size=(320, 240)))
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    assert (tmp_path / "film.mp4").read_bytes() == b"old"


def test_a_place_that_no_file_can_have_is_an_error(tmp_path):
    (tmp_path / "film.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    for name in ("film.mp4", "pipe.mp4", "nowhere/film.mp4"):
        with pytest.raises(UnwritableError, match="could not be written as a video"):
            write(tmp_path / name, images(2))


def test_a_size_that_the_encoder_refuses_is_an_error(tmp_path):
    with pytest.raises(UnwritableError, match=r"1x1 pixels at 25 Hz are refused by the encoder"):
        write(tmp_path / "film.mp4", images(2, size=(1, 1)))
    assert list(tmp_path.iterdir()) == []
