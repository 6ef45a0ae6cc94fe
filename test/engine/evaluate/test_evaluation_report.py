# SPDX-License-Identifier: Apache-2.0
"""The table of results. The papers' rows are checked against the means that the papers print themselves."""

import json
from pathlib import Path

import pytest

from talk2dino_ros.engine.bench.machine import describe_machine
from talk2dino_ros.engine.evaluate.datasets import DatasetError
from talk2dino_ros.engine.evaluate.evaluation_report import published, run_name, table_lines
from talk2dino_ros.engine.evaluate.protocols import PROTOCOLS
from talk2dino_ros.engine.models.registry import MODELS

PRINTED_MEANS = {  # the column Avg of the paper's table
    ("talk2dino_vitb", "none"): 43.8,
    ("talk2dino_vitb", "pamr"): 46.3,
    ("talk2dino_vitl", "none"): 42.8,
    ("talk2dino_vitl", "pamr"): 46.1,
}


def write_result(folder, **changes):
    protocol = changes.get("protocol", "talk2dino")
    model = MODELS[changes.get("model", "talk2dino_vitb")]
    options = {"refine": "none", "background": None, "background_cleaning": False, **PROTOCOLS[protocol]}
    facts = {
        "dataset": "voc20",
        "model": "talk2dino_vitb",
        "protocol": protocol,
        "projection": "",
        "patch_source": "head" if "head" in model.image_roles else "backbone",
        "precision": "fp32",
        "data": "",
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
    name = run_name(facts)
    (folder / f"{name}.json").write_text(json.dumps(facts))
    (folder / f"{name}.state.json").write_text("{}")  # lies beside it and is no result


def test_the_page_shows_the_papers_figures_as_the_table_file_has_them():
    table = published()
    page = (Path(__file__).parents[3] / "docs" / "evaluate.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if ", published |" in line]
    assert [row[0] for row in rows] == [f"{row['system']}, published" for row in table["rows"]]
    for line, row in zip(page.split("| system |")[1].splitlines()[2:], table["rows"], strict=False):
        cells = [cell.strip() for cell in line.split("|")[2:10]]
        assert cells == [str(row["miou"].get(column, "")) for column in table["columns"]]


def row_of(folder, start):
    (row,) = [line for line in table_lines(folder) if line.startswith(f"| {start}")]
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


def test_the_published_rows_have_the_means_that_the_paper_prints():
    rows = {(row["model"], row["refine"]): row["miou"] for row in published()["rows"]}
    for key, printed in PRINTED_MEANS.items():
        assert sum(rows[key].values()) / 8 == pytest.approx(printed, abs=0.051)


def test_every_published_row_has_its_source_and_protocol_and_known_columns():
    table = published()
    assert table["protocol"].keys() == PROTOCOLS.keys()
    for row in table["rows"]:
        assert row["source"]
        assert row["protocol"] in PROTOCOLS
        assert set(row["miou"]) <= set(table["columns"])
        assert row["model"] in MODELS


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
        ({"options": {"input": "square"}}, "input square, not the protocol's slide"),
        ({"options": {"resize": "antialias"}}, "resize antialias, not the protocol's mmcv"),
        ({"options": {"window_share": 0.5}}, "window_share 0.5, not the protocol's 1.0"),
        ({"dataset": "voc21"}, "the published protocol has background cleaning on"),
        ({"dataset": "context60", "options": {"background": 0.3}}, "background 0.3, not the model's own 0.55"),
        ({"dataset": "context60"}, "background None, not the model's own 0.55"),
    ],
)
def test_a_figure_that_may_not_be_compared_is_marked_and_says_why(changes, why, tmp_path):
    write_result(tmp_path, **changes)
    assert row_of(tmp_path, "`talk2dino_vitb`")[0] == "87.05 \\*"
    assert any(why in line for line in table_lines(tmp_path))


@pytest.mark.parametrize(
    ("model", "protocol", "background"),
    [("talk2dino_vitb", "talk2dino", 0.55), ("dinotxt_vitl", "talk2dino", None), ("talk2dino_vitl", "dinotxt", None)],
)
def test_the_model_s_own_threshold_is_not_marked(model, protocol, background, tmp_path):
    options = {"background": background}
    write_result(tmp_path, dataset="context60", model=model, protocol=protocol, options=options, miou=34.0)
    assert row_of(tmp_path, f"`{model}`")[0] == "34.00"


def test_a_custom_folder_gets_its_own_column(tmp_path):
    write_result(tmp_path, dataset="folder", column="", title="kitchen, 5 classes", miou=33.333)
    assert row_of(tmp_path, "`talk2dino_vitb`")[8:] == ["", "33.33"]
    assert row_of(tmp_path, "system")[-1] == "kitchen, 5 classes"


def test_a_run_in_which_nothing_was_scored_says_so(tmp_path):
    write_result(tmp_path, miou=None)
    assert row_of(tmp_path, "`talk2dino_vitb`")[0] == "nothing scored"


def test_each_of_dino_txt_s_published_rows_stands_below_the_protocol_it_was_made_by(tmp_path):
    for protocol, miou in (("dinotxt", 18.0), ("talk2dino", 19.0)):
        write_result(tmp_path, dataset="ade20k", column="ADE", model="dinotxt_vitl", protocol=protocol, miou=miou)
    rows = [[cell.strip() for cell in line.split("|")[1:]] for line in table_lines(tmp_path) if line.startswith("| ")]
    assert [(row[0], row[5]) for row in rows[1:]] == [
        ("`dinotxt_vitl`, measured", "18.00"),
        ("dino.txt, DINOv2 ViT-L, published", "19.2"),
        ("`dinotxt_vitl`, protocol talk2dino, measured", "19.00"),
        ("dino.txt, DINOv2 reg ViT-L, as the Talk2DINO paper ran it, published", "20.6"),
    ]


def test_a_custom_projection_has_its_own_row_and_no_published_row_below(tmp_path):
    write_result(tmp_path, projection="0123456789abcdef")
    assert row_of(tmp_path, "`talk2dino_vitb`, projection 01234567, measured")[0] == "87.05"
    assert "published" not in "".join(table_lines(tmp_path))


def test_a_custom_projection_and_another_patch_source_have_their_own_report_files(tmp_path):
    for changes in ({}, {"projection": "0123456789abcdef"}, {"patch_source": "backbone"}):
        write_result(tmp_path, model="dinotxt_vitl", protocol="dinotxt", **changes)
    start = "evaluate_voc20_dinotxt_vitl_none_dinotxt"
    names = sorted(path.name for path in tmp_path.glob("*_*.json") if ".state" not in path.name)
    assert names == [f"{start}.json", f"{start}_01234567.json", f"{start}_backbone.json"]


def test_other_patches_than_the_model_s_own_have_a_row_of_their_own_above_the_paper_s(tmp_path):
    for patch_source, miou in (("backbone", 20.0), ("head", 21.0)):
        changes = {"model": "dinotxt_vitl", "protocol": "dinotxt", "column": "ADE", "dataset": "ade20k"}
        write_result(tmp_path, **changes, patch_source=patch_source, miou=miou)
    rows = [[cell.strip() for cell in line.split("|")[1:]] for line in table_lines(tmp_path) if line.startswith("| ")]
    assert sorted((row[0], row[5]) for row in rows[1:] if "measured" in row[0]) == [
        ("`dinotxt_vitl`, measured", "21.00"),
        ("`dinotxt_vitl`, patches of the backbone, measured", "20.00"),
    ]
    assert sum("published" in row[0] for row in rows) == 2  # whose patches the paper took is not known


def test_dino_txt_s_protocol_cleans_no_background(tmp_path):
    write_result(tmp_path, dataset="voc21", column="V21", model="dinotxt_vitl", protocol="dinotxt")
    assert row_of(tmp_path, "`dinotxt_vitl`")[5] == "87.05"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "cannot be read as a result"),
        ("{}", "is a result without dataset, model, protocol"),
        ("7", "cannot be read as a result"),
    ],
)
def test_a_file_that_is_no_result_is_named(content, sentence, tmp_path):
    (tmp_path / "evaluate_mine.json").write_text(content)
    with pytest.raises(DatasetError, match=rf"evaluate_mine\.json {sentence}.*remove it"):
        table_lines(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"miou": "high"},
        {"miou": [1]},
        {"column": ["V20"]},
        {"options": {"refine": "none"}},
        {"options": ["none"]},
        {"images": {}},
        {"machine": "mine"},
        {"machine": {}},
        {"protocol": "own"},
        {"dataset": []},
        {"skipped": 7},
    ],
)
def test_a_result_of_which_no_row_can_be_made_is_named(changes, tmp_path):
    """Found by `python -m benchmarks.fuzz`: each ended the next evaluation that writes the folder's table."""
    write_result(tmp_path)
    (path,) = (each for each in tmp_path.glob("evaluate_*.json") if not each.name.endswith(".state.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(DatasetError, match=r"cannot be read as a result.*remove it"):
        table_lines(tmp_path)
