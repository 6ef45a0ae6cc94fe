# SPDX-License-Identifier: Apache-2.0
"""The table of results. The papers' rows are checked against the means that the papers print themselves."""

import json

import pytest

from talk2dino_ros.engine.bench.machine import describe_machine
from talk2dino_ros.engine.checkpoints import MODELS
from talk2dino_ros.engine.evaluate.report import published, table_lines

PRINTED_MEANS = {  # the column Avg of the paper's table
    ("talk2dino_vitb", "none"): 43.8,
    ("talk2dino_vitb", "pamr"): 46.3,
    ("talk2dino_vitl", "none"): 42.8,
    ("talk2dino_vitl", "pamr"): 46.1,
}


def write_result(folder, **changes):
    options = {"input": "slide", "refine": "none", "background": None, "background_cleaning": False}
    facts = {
        "dataset": "voc20",
        "model": "talk2dino_vitb",
        "precision": "fp32",
        "options": options | changes.pop("options", {}),
        "title": "Pascal VOC 2012, 20 classes",
        "column": "V20",
        "images": 1449,
        "images_of_the_set": 1449,
        "skipped": {},
        "miou": 87.05,
        "pixel_accuracy": 90.0,
        "machine": describe_machine(),
    } | changes
    name = f"evaluate_{facts['dataset']}_{facts['model']}_{facts['options']['refine']}"
    (folder / f"{name}.json").write_text(json.dumps(facts))
    (folder / f"{name}.state.json").write_text("{}")  # lies beside it and is no result


def row_of(folder, start):
    (row,) = [line for line in table_lines(folder) if line.startswith(f"| {start}")]
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


def test_the_published_rows_have_the_means_that_the_paper_prints():
    rows = {(row["model"], row["refine"]): row["miou"] for row in published()["rows"]}
    for key, printed in PRINTED_MEANS.items():
        assert sum(rows[key].values()) / 8 == pytest.approx(printed, abs=0.051)


def test_every_published_row_has_its_source_and_protocol_and_known_columns():
    table = published()
    for row in table["rows"]:
        assert row["source"]
        assert row["protocol"] in table["protocol"]
        assert set(row["miou"]) <= set(table["columns"])
        assert row["model"] in MODELS or row["model"].startswith("dinotxt")


def test_a_measured_row_stands_above_its_paper_s(tmp_path):
    write_result(tmp_path)
    lines = table_lines(tmp_path)
    measured = next(index for index, line in enumerate(lines) if "measured" in line)
    assert lines[measured].startswith("| `talk2dino_vitb`, measured | 87.05 |")
    assert lines[measured + 1].startswith("| Talk2DINO ViT-B/14 reg, published | 87.1 | 39.8 | 28.1 |")
    assert "PAMR" not in "".join(lines)


def test_the_mean_of_eight_is_there_once_all_eight_are(tmp_path):
    columns = published()["columns"]
    for number, column in enumerate(columns[:-1]):
        write_result(tmp_path, dataset=f"set{number}", column=column, miou=10.0 * number)
    assert row_of(tmp_path, "`talk2dino_vitb`")[-1] == ""
    write_result(tmp_path, dataset="set7", column=columns[-1], miou=70.0)
    assert row_of(tmp_path, "`talk2dino_vitb`")[-1] == "35.0"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"images": 20}, "20 of 1449 images"),
        ({"options": {"background_cleaning": True}}, "the published protocol has background cleaning off"),
        ({"options": {"input": "square"}}, "input square, which is not the published protocol's"),
    ],
)
def test_a_figure_that_may_not_be_compared_is_marked_and_says_why(changes, why, tmp_path):
    write_result(tmp_path, **changes)
    assert row_of(tmp_path, "`talk2dino_vitb`")[0] == "87.05 \\*"
    assert any(why in line for line in table_lines(tmp_path))


def test_one_s_own_folder_gets_a_column_of_its_own(tmp_path):
    write_result(tmp_path, dataset="folder", column="", title="kitchen, 5 classes", miou=33.333)
    assert row_of(tmp_path, "`talk2dino_vitb`")[8:] == ["", "33.33"]
    assert row_of(tmp_path, "system")[-1] == "kitchen, 5 classes"


def test_a_run_in_which_nothing_was_judged_says_so(tmp_path):
    write_result(tmp_path, miou=None)
    assert row_of(tmp_path, "`talk2dino_vitb`")[0] == "nothing judged"
