# SPDX-License-Identifier: Apache-2.0
"""`talk2dino evaluate` end to end with `mini`, on shipped photographs whose labels are boxes drawn by hand."""

import json
import sys
from functools import partial

import numpy as np
import pytest
from dataset_layouts import write_folder, write_label, write_pascal
from PIL import Image

from talk2dino_ros import engine
from talk2dino_ros.cli.main import main
from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.evaluate.protocols import PROTOCOLS
from talk2dino_ros.viz.pictures import read_picture

BOXES = {"chelsea.jpg": (1, (20, 0, 400, 300)), "coffee.jpg": (2, (168, 15, 412, 312))}  # class; x0, y0, x1, y1


def run(*arguments):
    return main(["evaluate", *map(str, arguments), "--model", "mini", "--device", "cpu", "--precision", "fp32"])


@pytest.fixture(autouse=True)
def by_torch(request, monkeypatch):
    """Run the encoder by torch, but in the first test: OpenVINO converts it for each size, which takes seconds."""
    if request.function is test_correct_class_names_score_higher_than_wrong_ones:
        return
    monkeypatch.setattr(engine, "load_segmenter", partial(engine.load_segmenter, backend="torch"))


def write_photos(root, classes, side=300):
    """The cat and the cup, each at half its size, with its box: squares of one window, whole where `side` is None."""
    pictures = {}
    for name, (number, (x0, y0, x1, y1)) in BOXES.items():
        photo = read_picture(PHOTOS / name)
        values = np.zeros(photo.shape[:2], np.uint8)
        values[y0:y1, x0:x1] = number
        pictures[name] = (np.ascontiguousarray(photo[:side:2, :side:2]), values[:side:2, :side:2])
    return write_folder(root, classes, pictures)


def results(folder, dataset="folder"):
    return json.loads((folder / f"evaluate_{dataset}_mini_none_talk2dino.json").read_text())


def test_correct_class_names_score_higher_than_wrong_ones(tmp_path, capsys):
    right = write_photos(tmp_path / "right", ["background", "cat", "cup"], side=None)
    wrong = write_photos(tmp_path / "wrong", ["background", "airplane", "umbrella"], side=None)
    assert run("folder", right, "--output", tmp_path / "a") == 0
    assert run("folder", wrong, "--output", tmp_path / "b") == 0
    found, missed = results(tmp_path / "a"), results(tmp_path / "b")
    assert found["miou"] > missed["miou"] + 20
    assert found["classes"]["cat"]["iou"] > 40
    assert missed["classes"]["airplane"]["iou"] < 5
    assert found["images"] == found["images_of_the_set"] == 2
    assert set(found["by_image"]) == set(BOXES)
    assert found["classes"]["cat"]["pixels"] == 190 * 150
    assert {"cpu", "versions", "commit", "date"} <= set(found["machine"])
    assert found["protocol"] == "talk2dino"
    assert {key: found["options"][key] for key in PROTOCOLS["talk2dino"]} == PROTOCOLS["talk2dino"]
    assert f"mIoU {found['miou']} %" in capsys.readouterr().out


def test_a_finished_run_is_reported_again_and_fresh_repeats_it(tmp_path, capsys):
    folder = write_photos(tmp_path / "set", ["background", "cat", "cup"])
    assert run("folder", folder, "--limit", 1, "--output", tmp_path) == 0
    first = results(tmp_path)
    assert run("folder", folder, "--limit", 1, "--output", tmp_path) == 0
    assert results(tmp_path)["miou"] == first["miou"]
    assert run("folder", folder, "--output", tmp_path) == 1
    assert "another data" in capsys.readouterr().err
    assert run("folder", folder, "--output", tmp_path, "--fresh") == 0
    assert results(tmp_path)["images"] == 2


def test_an_official_set_stands_in_its_column_and_is_marked_where_it_is_not_whole(tmp_path, capsys):
    labels = {f"2007_{number:06d}": np.full((40, 60), number % 21, np.uint8) for number in (33, 42)}
    write_pascal(tmp_path / "data", "VOC2012", labels)
    assert run("voc20", tmp_path / "data", "--limit", 1, "--output", tmp_path / "out") == 0
    found = results(tmp_path / "out", "voc20")
    assert (found["images"], found["images_of_the_set"]) == (1, 2)
    assert found["options"]["background"] is None
    table = (tmp_path / "out" / "evaluation.md").read_text()
    assert f"| `mini`, measured | {found['miou']:.2f} \\* |" in table
    assert "1 of 2 images" in table


def test_background_cleaning_is_as_in_the_paper_unless_it_is_switched_off(tmp_path, capsys):
    write_pascal(tmp_path / "data", "VOC2012", {"2007_000033": np.zeros((40, 60), np.uint8)})
    assert run("voc21", tmp_path / "data", "--output", tmp_path) == 1
    assert "background_cleaning was asked for with mini" in capsys.readouterr().err
    assert run("voc21", tmp_path / "data", "--output", tmp_path, "--background-cleaning", "off") == 0
    assert results(tmp_path, "voc21")["options"]["background"] == 0.525


def test_a_threshold_is_refused_where_no_background_is_scored(tmp_path, capsys):
    write_pascal(tmp_path / "data", "VOC2012", {"2007_000033": np.zeros((40, 60), np.uint8)})
    assert run("voc20", tmp_path / "data", "--output", tmp_path / "out", "--background", 0.3) == 1
    error = capsys.readouterr().err
    assert "background is 0.3 with Pascal VOC 2012, 20 classes, which scores no background" in error
    assert error.count("\n") == 1


def test_a_foreign_file_in_the_folder_is_named_after_the_figures_are_told(tmp_path, capsys):
    folder = write_photos(tmp_path / "set", ["background", "cat", "cup"])
    (tmp_path / "evaluate_mine.json").write_text("{}")
    assert run("folder", folder, "--limit", 1, "--output", tmp_path, "--input", "square") == 1
    told = capsys.readouterr()
    assert f"mIoU {results(tmp_path)['miou']} %" in told.out
    assert "evaluate_mine.json is a result without" in told.err


@pytest.mark.parametrize("fresh", [["--fresh"], []])
def test_a_file_at_the_output_folders_path_is_refused(fresh, tmp_path, capsys):
    folder = write_photos(tmp_path / "set", ["background", "cat", "cup"])
    (tmp_path / "file").write_text("mine")
    arguments = ["folder", folder, "--limit", 1, "--input", "square", "--output", tmp_path / "file"]
    assert run(*arguments, *fresh) == 1
    error = capsys.readouterr().err
    assert "state.json cannot be written" in error
    assert "name another with --output" in error
    assert (tmp_path / "file").read_text() == "mine"


def test_skipped_pictures_are_counted_and_listed_at_the_end(tmp_path, capsys):
    folder = write_photos(tmp_path / "set", ["background", "cat", "cup"])
    path = folder / "images" / "coffee.jpg"
    path.write_bytes(path.read_bytes()[:2000])
    path.with_name("._coffee.jpg").write_bytes(b"of macOS")
    assert run("folder", folder, "--output", tmp_path) == 1
    out = capsys.readouterr().out
    assert "skipped coffee.jpg: " in out
    assert "skipped ._coffee.jpg: it is hidden" in out
    assert "1 image of 2, 2 skipped" in out
    assert "warning: no label of a segmented image has a pixel of 2 (cup), so that these are never scored" in out
    assert "skipped coffee.jpg" in (tmp_path / "evaluation.md").read_text()


def test_labels_of_0_and_255_are_warned_of_with_the_ids_that_are_never_scored(tmp_path, capsys):
    folder = write_photos(tmp_path / "set", ["Background", "cat", "cup"])
    for name in BOXES:
        path = (folder / "labels" / name).with_suffix(".png")
        values = np.array(Image.open(path))
        write_label(path, np.where(values == 0, 0, 255))
    assert run("folder", folder, "--output", tmp_path) == 0
    out = capsys.readouterr().out
    assert (
        "warning: no label of a segmented image has a pixel of 1 (cat), 2 (cup), so that these are never scored" in out
    )
    assert "255 is no class but what is ignored" in out
    assert run("folder", folder, "--limit", 1, "--output", tmp_path / "few") == 0
    assert "warning" not in capsys.readouterr().out, "some of a set need not have all classes"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["voc", "."], "the data set is 'voc', expected one of voc20"),
        (["cityscapes", "nowhere"], "nowhere is no folder with leftImg8bit/val"),
    ],
)
def test_a_bad_call_ends_with_one_sentence_and_status_1(arguments, sentence, tmp_path, capsys):
    assert run(*arguments, "--output", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_a_run_without_a_readable_picture_scores_nothing_and_lists_them(tmp_path, capsys):
    folder = write_photos(tmp_path / "set", ["background", "cat", "cup"])
    for name in BOXES:
        (folder / "images" / name).write_bytes(b"")
    assert run("folder", folder, "--output", tmp_path) == 1
    out = capsys.readouterr().out
    assert "nothing scored, 0 images of 2, 2 skipped" in out
    assert "skipped chelsea.jpg" in out
    assert "| nothing scored \\* |" in (tmp_path / "evaluation.md").read_text()


def test_the_plots_and_the_contact_sheet_are_written(tmp_path, capsys):
    folder = write_photos(tmp_path / "set", ["background", "cat", "cup"])
    assert run("folder", folder, "--output", tmp_path / "out", "--input", "square") == 0
    plot, sheet = (
        tmp_path / "out" / f"evaluate_folder_mini_none_talk2dino.{name}.png" for name in ("classes", "images")
    )
    out = capsys.readouterr().out
    assert f"drawn in {plot}" in out
    assert f"drawn in {sheet}" in out
    assert read_picture(plot).std() > 10
    # two rows, each with its caption: the heads, two lines and two strips of three cells
    assert len(read_picture(sheet)) > 2 * 200


def test_without_matplotlib_the_figures_and_the_contact_sheet_are_there(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    folder = write_photos(tmp_path / "set", ["background", "cat", "cup"])
    assert run("folder", folder, "--limit", 1, "--output", tmp_path, "--input", "square") == 0
    assert "classes.png is not drawn: import of matplotlib.figure halted" in capsys.readouterr().out
    assert results(tmp_path)["images"] == 1
    assert (tmp_path / "evaluate_folder_mini_none_talk2dino.images.png").is_file()


def test_a_picture_that_cannot_be_written_leaves_the_figures(tmp_path, capsys):
    folder = write_photos(tmp_path / "set", ["background", "cat", "cup"])
    (tmp_path / "evaluate_folder_mini_none_talk2dino.classes.png").mkdir()
    assert run("folder", folder, "--limit", 1, "--output", tmp_path, "--input", "square") == 0
    assert "classes.png is not drawn: " in capsys.readouterr().out
    assert results(tmp_path)["images"] == 1


def test_another_protocol_and_resize_are_run_and_reported(tmp_path, capsys):
    folder = write_photos(tmp_path / "set", ["cat", "cup", "wall"])
    assert run("folder", folder, "--limit", 1, "--output", tmp_path, "--protocol", "dinotxt") == 0
    options = json.loads((tmp_path / "evaluate_folder_mini_none_dinotxt.json").read_text())["options"]
    assert {key: options[key] for key in PROTOCOLS["dinotxt"]} == PROTOCOLS["dinotxt"]
    assert run("folder", folder, "--limit", 1, "--output", tmp_path, "--resize", "antialias") == 0
    assert results(tmp_path)["options"]["resize"] == "antialias"
    table = (tmp_path / "evaluation.md").read_text()
    assert "`mini`, protocol dinotxt, measured" in table
    assert "resize antialias, not the protocol's mmcv" in table


def test_dino_txt_s_protocol_gives_every_pixel_a_class_and_refuses_a_threshold(tmp_path, capsys):
    folder = write_photos(tmp_path / "set", ["background", "cat", "cup"])
    arguments = ["folder", folder, "--limit", 1, "--output", tmp_path, "--protocol", "dinotxt"]
    assert run(*arguments) == 0
    found = json.loads((tmp_path / "evaluate_folder_mini_none_dinotxt.json").read_text())
    assert found["options"]["background"] is None
    assert found["classes"]["background"]["iou"] == 0
    assert run(*arguments, "--background", 0.5) == 1
    assert "window_scores is 'softmax'" in capsys.readouterr().err


def test_an_input_other_than_the_protocols_is_marked(tmp_path, capsys):
    folder = write_photos(tmp_path / "set", ["background", "cat", "cup"])
    assert run("folder", folder, "--limit", 1, "--output", tmp_path, "--input", "square") == 0
    assert "input square, not the protocol's slide" in (tmp_path / "evaluation.md").read_text()
    assert run("folder", folder, "--input", "square", "--resize", "mmcv", "--output", tmp_path / "b") == 1
    assert "expected input 'slide'" in capsys.readouterr().err
