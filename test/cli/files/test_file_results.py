# SPDX-License-Identifier: Apache-2.0
"""What `talk2dino segment` writes: masks, COCO's JSON and the CSV, of pictures, videos, bags and cameras."""

import csv
import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest
from stub_segment import BLUE, GREEN, RED, ColourSegmenter, halves, segment_files, tree, write_halves

from talk2dino_ros.cli.files.coco_rle import mask_of_rle
from talk2dino_ros.perception.points_of_interest import find_points
from talk2dino_ros.viz.overlay import color_of
from talk2dino_ros.viz.pictures import read_picture, write_picture
from talk2dino_ros.viz.videos import video_writer

pytest.importorskip("rosbags", reason="pip install -r tools/requirements/bags.txt is missing")
from room_bag import stamp_of, write_bag


def rows_of(folder):
    with (folder / "classes.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_tables_say_what_the_masks_show(tmp_path):
    """Patches of 2 pixels of red, then green: the border between them lies at a half, or where the scores cross."""
    assert segment_files(ColourSegmenter(), write_halves(tmp_path / "in", 3), "-o", tmp_path / "out") == 0
    coco = json.loads((tmp_path / "out" / "coco.json").read_text())
    assert coco["categories"] == [{"id": 1, "name": "red"}, {"id": 2, "name": "green"}, {"id": 3, "name": "blue"}]
    assert [(each["width"], each["height"]) for each in coco["images"]] == [(16, 16), (24, 16), (32, 16)]
    found = {}
    for each in coco["annotations"]:
        size, counts = each["segmentation"]["size"], each["segmentation"]["counts"]
        own = mask_of_rle(counts, size)
        rows, columns = np.nonzero(own)
        box = [columns.min(), rows.min(), columns.max() - columns.min() + 1, rows.max() - rows.min() + 1]
        assert (each["area"], each["bbox"], each["iscrowd"]) == (own.sum(), box, 0)
        found[each["image_id"], each["category_id"]] = own
    assert set(found) == {(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 3)}
    for image in coco["images"]:
        mask = cv2.imread(str(tmp_path / "out" / image["mask"]), cv2.IMREAD_UNCHANGED)
        for class_id in (1, 2):
            own = found.get((image["id"], class_id), np.zeros_like(mask, bool))
            np.testing.assert_array_equal(mask == class_id, own)
    table = {(row["image"], row["class"]): row for row in rows_of(tmp_path / "out")}
    assert len(table) == 9
    for (image, name), own in {
        ("0", "red"): found[1, 1],
        ("1", "green"): found[2, 2],
        ("2", "blue"): found[3, 3],
    }.items():
        row = table[image, name]
        assert float(row["share"]) == pytest.approx(own.mean(), abs=1e-6)
        assert own[int(row["point_y"]), int(row["point_x"])]
        assert 0.5 < float(row["confidence"]) <= 1
    assert (table["0", "blue"]["share"], table["0", "blue"]["confidence"], table["0", "blue"]["point_x"]) == (
        "0",
        "",
        "",
    )


def test_the_point_is_the_best_ones_and_the_overlay_shows_a_questions_answer(tmp_path):
    """A large and a small red part, and blue, which is asked for by a question."""
    picture = halves(BLUE, BLUE, 32, 32)
    picture[:, :12] = RED
    picture[:, 26:] = RED
    (tmp_path / "in").mkdir()
    write_picture(tmp_path / "in" / "a.png", picture)
    words = ("--classes", "red; green; ?blue")
    segmenter = ColourSegmenter(background=0.65, base_size=32)
    assert segment_files(segmenter, tmp_path / "in", "-o", tmp_path / "out", *words) == 0
    seen = segmenter.segment(picture, segmenter.encode_vocabulary(["red", "green", "?blue"]))
    points = find_points(seen.class_ids, seen.confidence, {1: "red"})
    assert len(points) == 2
    assert points[0].area_share > points[1].area_share
    (red,) = [row for row in rows_of(tmp_path / "out") if row["class"] == "red"]
    assert (int(red["point_x"]), int(red["point_y"])) == points[0].pixel
    shown = read_picture(tmp_path / "out" / "a_overlay.png")
    middle = tuple(shown[2, 19].tolist())
    assert seen.class_ids[2, 19] == 255
    assert np.abs(np.subtract(middle, (np.add(BLUE, color_of(3)) / 2))).max() <= 1, (
        "half the image, half the class's colour"
    )


def film(path, colours):
    with video_writer(path, 5.0) as write:
        for colour in colours:
            write(halves(colour, colour, 64, 64))
    return path


def test_a_video_is_numbered_and_every_second_image_is_enough(tmp_path):
    path = film(tmp_path / "walk.mp4", [RED, GREEN, GREEN, RED, GREEN])
    assert segment_files(ColourSegmenter(), path, "-o", tmp_path / "out", "--every", 2) == 0
    masks = sorted((tmp_path / "out" / "walk_mask").iterdir())
    assert [(mask.name, int(read_picture(mask)[32, 32, 0])) for mask in masks] == [
        ("000000.png", 1),
        ("000002.png", 2),
        ("000004.png", 2),
    ]
    assert {row["number"] for row in rows_of(tmp_path / "out")} == {"0", "2", "4"}
    capture = cv2.VideoCapture(str(tmp_path / "out" / "walk_overlay.mp4"))
    assert (capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)) == (3, 2.5)
    capture.release()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_bag_has_a_folder_of_masks_for_each_camera_and_stamps(tmp_path, compressed):
    bag = write_bag(tmp_path / "drive", 4, compressed=compressed, rear=not compressed)
    assert segment_files(ColourSegmenter(), bag, "-o", tmp_path / "out", "--no-overlay") == 0
    rows = rows_of(tmp_path / "out")
    front = "drive" if compressed else "drive_camera_color"
    stamps = [row["stamp_s"] for row in rows if row["image"] == front and row["class"] == "red"]
    assert stamps == [f"{stamp_of(number) / 1e9:.6f}" for number in range(4)]
    names = {front} if compressed else {front, "drive_rear_color"}
    assert {row["image"] for row in rows} == names
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"classes.csv", "coco.json", "manifest.jsonl", *(f"{name}_mask" for name in names)}


def test_a_bag_that_breaks_off_is_segmented_as_far_as_it_goes(tmp_path, capsys):
    bag = write_bag(tmp_path / "drive", 12)
    (file,) = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert segment_files(ColourSegmenter(), bag, "-o", tmp_path / "out", "--no-overlay") == 0
    masks = len(list((tmp_path / "out" / "drive_mask").iterdir()))
    assert 0 < masks < 12
    (warning,) = capsys.readouterr().err.splitlines()[-1:]
    assert warning.startswith(f"warning: {bag} is not whole: ")
    assert warning.endswith("; the readable part was segmented")


class _Mjpeg(BaseHTTPRequestHandler):
    """A network camera that sends three images and ends."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for colour in (RED, GREEN, BLUE):
            jpeg = cv2.imencode(".jpg", halves(colour, colour, 64, 64)[..., ::-1])[1].tobytes()
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg))
            self.wfile.write(jpeg + b"\r\n")

    def log_message(self, *_):
        pass


@pytest.fixture
def mjpeg():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Mjpeg)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://robot:secret@127.0.0.1:{server.server_port}/stream.mjpg"
    server.shutdown()
    server.server_close()


def test_a_camera_of_the_network_is_segmented_and_its_password_is_written_nowhere(tmp_path, mjpeg):
    assert segment_files(ColourSegmenter(), mjpeg, "-o", tmp_path / "out") == 0
    assert segment_files(ColourSegmenter(), mjpeg, "-o", tmp_path / "out") == 0  # other images, in the same folder
    files = tree(tmp_path / "out")
    assert not any(b"secret" in name.encode() + content for name, content in files.items())
    firsts = [name for name in files if name.endswith("_mask/000000.png")]
    assert len(firsts) == 2
    port = mjpeg.rpartition(":")[2].partition("/")[0]
    assert all(f"camera_http___127_0_0_1_{port}_stream_mjpg_20" in name for name in firsts)
    by_name = {row["class"] for row in rows_of(tmp_path / "out") if float(row["share"]) == 1}
    assert by_name == {"red", "green", "blue"}


def test_ctrl_c_is_the_end_of_a_camera_and_all_that_was_seen_is_written(tmp_path, mjpeg):
    segmenter = ColourSegmenter(lambda number: os.kill(os.getpid(), signal.SIGINT) if number == 2 else None)
    assert segment_files(segmenter, mjpeg, "-o", tmp_path / "out", "--threads", 0) == 130
    assert [row["class"] for row in rows_of(tmp_path / "out") if row["share"] == "1.000000"] == ["red", "green"]
    (film,) = (tmp_path / "out").glob("*_overlay.mp4")
    capture = cv2.VideoCapture(str(film))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 2
    capture.release()


def test_two_inputs_of_one_name_keep_their_own_results(tmp_path):
    for folder, colour in (("a", RED), ("b", GREEN)):
        (tmp_path / folder).mkdir()
        write_picture(tmp_path / folder / "same.png", halves(colour, colour))
    pattern = tmp_path / "**" / "same.png"
    assert segment_files(ColourSegmenter(), pattern, tmp_path / "a" / "same.png", "-o", tmp_path / "out") == 0
    ids = {path.name: int(read_picture(path)[0, 0, 0]) for path in (tmp_path / "out").glob("*_mask.png")}
    assert ids == {"a_same.png_mask.png": 1, "b_same.png_mask.png": 2}
    (tmp_path / "c").mkdir()
    write_picture(tmp_path / "c" / "same.png", halves(RED, RED))
    segmenter = ColourSegmenter()
    assert segment_files(segmenter, tmp_path / "c", tmp_path / "a", "-o", tmp_path / "out") == 0
    assert segmenter.calls == 1, "what is there keeps its name, and is not done again"
    assert {row["image"] for row in rows_of(tmp_path / "out")} == {"a_same.png", "b_same.png", "same"}
