# SPDX-License-Identifier: Apache-2.0
"""`talk2dino doctor`: its text, its report, and its status."""

import json
import sys

import pytest

from talk2dino_ros.cli import doctor
from talk2dino_ros.cli.main import main
from talk2dino_ros.engine.doctor import model_findings
from talk2dino_ros.engine.doctor.health_finding import HealthFinding, Level, Section
from talk2dino_ros.engine.doctor.model_findings import MainJob

ROS_ROOM = "talk2dino_ros.segmenter.transport.running_graph"


@pytest.fixture
def job(monkeypatch):
    """Let the model's part find this; no ROS is in the shell."""
    monkeypatch.setitem(sys.modules, ROS_ROOM, None)  # importing it fails, as without ROS

    def find(*findings, can_run=True):
        said = "mini segments on cpu in fp32: 0.20 s an image"
        result = MainJob(can_run, said, (Section("Weights", findings),))
        monkeypatch.setattr(model_findings, "try_model", lambda name, **choices: result)

    return find


def test_where_all_is_well_the_last_line_says_so_and_the_status_is_0_also_without_ros(job, capsys):
    job(HealthFinding("image", "/weights/image.pth (25 MB)"))
    assert main(["doctor", "--model", "mini"]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("\n\nAll is well: mini segments on cpu in fp32: 0.20 s an image\n")
    assert "note   ROS 2" in printed
    assert "source /opt/ros/<distro>/setup.bash" in printed


def test_messages_that_are_not_built_are_told_from_a_shell_without_ros(job, monkeypatch, capsys):
    """So it is in the sources' folder, whose talk2dino_msgs has the name of the built package."""
    job(HealthFinding("image", "/weights/image.pth (25 MB)"))
    monkeypatch.delitem(sys.modules, ROS_ROOM)

    class Unbuilt:
        def find_spec(self, name, path=None, target=None):
            if name == ROS_ROOM:
                raise ImportError("cannot import name 'GetVocabulary'", name="talk2dino_msgs.srv")

    monkeypatch.setattr(sys, "meta_path", [Unbuilt(), *sys.meta_path])
    assert main(["doctor", "--model", "mini"]) == 0
    printed = capsys.readouterr().out
    assert "note   ROS 2" in printed
    assert "the Python package talk2dino_msgs is missing\n" in printed
    assert "-> for the nodes: build both packages (colcon build --base-paths . talk2dino_msgs) and source" in printed


def test_each_remedy_is_listed_once_at_the_end(job, capsys):
    fetch = "talk2dino weights fetch mini"
    wrong = [HealthFinding(role, "not here", Level.WRONG, fetch) for role in ("image", "text")]
    job(*wrong, HealthFinding("load", "8.0", Level.NOTE, "wait"), can_run=False)
    assert main(["doctor", "--model", "mini"]) == 1
    end = capsys.readouterr().out.partition("\n\nNot yet: ")[2]
    assert end == f"mini segments on cpu in fp32: 0.20 s an image\nTo do:\n  image, text: {fetch}\n"


def test_a_fault_beside_the_main_job_is_named_and_the_status_is_0(job, capsys):
    job(HealthFinding("  PAMR", "others", Level.WRONG, "update the driver"))
    assert main(["doctor", "--model", "mini"]) == 0
    assert "\n\nIt works: mini segments" in (printed := capsys.readouterr().out)
    assert printed.endswith("To do:\n  PAMR: update the driver\n")


def test_json_is_all_that_is_printed(job, capsys):
    job(HealthFinding("image", "here"))
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["talk2dino_doctor"], report["can_segment"]) == (doctor.FORMAT, True)
    assert [section["title"] for section in report["sections"]] == ["Software", "Devices", "Weights", "ROS"]
    assert report["machine"]["cores"] >= 1
    assert "torch" in report["machine"]["versions"]


def test_the_file_to_send_holds_the_report_with_the_machine(job, tmp_path, capsys):
    job(HealthFinding("image", "here"))
    path = tmp_path / "report.json"
    assert main(["doctor", "--output", str(path)]) == 0
    assert json.loads(path.read_text())["machine"]["cpu"]
    assert f"written to {path}" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_named(job, tmp_path, capsys):
    job(HealthFinding("image", "here"))
    assert main(["doctor", "--output", str(tmp_path / "none" / "report.json")]) == 1
    assert "report.json cannot be written (" in capsys.readouterr().err


def test_an_unknown_model_is_refused_with_the_choices(capsys):
    assert main(["doctor", "--model", "none"]) == 1
    assert "expected one of talk2dino_vitb" in capsys.readouterr().err


def test_the_arguments_choose_the_model_and_the_defaults_are_the_nodes(monkeypatch, job, tmp_path):
    job()
    tried = []
    result = MainJob(True, "it works", ())
    monkeypatch.setattr(model_findings, "try_model", lambda name, **choices: tried.append((name, choices)) or result)
    main(["doctor"])
    main(["doctor", "--model", "mini", "--device", "cuda:1", "--weights-dir", str(tmp_path), "--backend", "torch"])
    chosen = [(name, *(choices[each] for each in ("backend", "device", "weights_dir"))) for name, choices in tried]
    assert chosen == [("talk2dino_vitb", "auto", "auto", None), ("mini", "torch", "cuda:1", tmp_path)]


def test_a_pytorch_that_cannot_be_imported_is_found_and_not_raised(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, ROS_ROOM, None)
    monkeypatch.setitem(sys.modules, "talk2dino_ros.engine.bench.machine", None)
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert "wrong  PyTorch" in printed
    assert "activate the virtual environment" in printed
