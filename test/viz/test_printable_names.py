# SPDX-License-Identifier: Apache-2.0
"""What a stranger may have named acts on no terminal: files, topics of a graph, cells of tables."""

import cv2
import numpy as np

from talk2dino_ros.cli.main import main
from talk2dino_ros.cli.tables import print_table
from talk2dino_ros.engine.doctor.health_finding import HealthFinding, Level, Section, sections_to_text
from talk2dino_ros.viz.terminal import printable

EVIL = "a\x1b[2J\nb\u202egnp\udcff"
SHOWN = r"a\x1b[2J\nb\u202egnp\udcff"


def test_a_name_is_one_line_without_a_control():
    assert printable(EVIL) == SHOWN


def test_a_table_has_as_many_lines_as_rows_and_its_columns_in_line(capsys):
    print_table([("name", "places"), (EVIL, "2")])
    assert capsys.readouterr().out.splitlines() == [f"{'name':{len(SHOWN)}}  places", f"{SHOWN}  2"]


def test_the_doctor_shows_no_name_of_the_graph_raw():
    section = Section("ROS", (HealthFinding(EVIL, EVIL, Level.WRONG, EVIL),))
    head, finding, remedy = sections_to_text([section]).splitlines()
    assert head == "ROS"
    assert finding.endswith(f"{SHOWN}  {SHOWN}")
    assert remedy.endswith(f"-> {SHOWN}")


def test_segment_shows_no_file_name_raw(tmp_path, capsys):
    names = ["evil\x1b[2J.png", "new\nline.png", "turned\u202e.png", "bytes\udcff.png"]
    ok, data = cv2.imencode(".png", np.full((64, 64, 3), 200, np.uint8))
    assert ok
    for name in names:
        (tmp_path / name).write_bytes(data.tobytes())
    words = ["--model", "mini", "--classes", "wall, floor", "--background", "0", "--output", str(tmp_path / "out")]
    assert main(["segment", str(tmp_path), *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [name for name in names if not any(line.startswith(f"{printable(name)}: ") for line in lines)] == []
    assert [line for line in lines if line != printable(line)] == []
