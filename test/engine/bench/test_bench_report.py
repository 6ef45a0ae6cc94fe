# SPDX-License-Identifier: Apache-2.0
"""The table holds what the JSON says, missed targets too, and links what lies beside it."""

import json

from talk2dino_ros.engine.bench.bench_report import write_table

MACHINE = {
    "date": "2030-01-02",
    "cpu": "An Old Processor",
    "cores": 2,
    "cpu_clock_mhz": None,
    "load_average_1min": 0.5,
    "memory_gib": 8.0,
    "gpus": [],
    "threads": 2,
    "python": "3.10.0",
    "versions": {"torch": "2.0"},
    "commit": None,
}


def test_the_table_shows_target_figure_and_verdict(tmp_path):
    rows = {
        "one": {"what": "w|1", "target": "3x", "said": "4.0x", "met": True},
        "two": {"what": "w2", "target": "8 images/s", "said": "1 image/s", "met": False},
        "three": {"what": "w3", "target": "3 ms", "said": "no GPU here", "met": None},
    }
    facts = {"model": "m", "device": "cpu", "precision": "fp32", "weights": "seeded", "machine": MACHINE, "rows": rows}
    (tmp_path / "bench_m.json").write_text(json.dumps(facts))
    (tmp_path / "other.json").write_text(json.dumps({"said": ["first", "second"]}))
    (tmp_path / "older.json").write_text(json.dumps({"rows": [1]}))
    text = write_table(tmp_path / "bench_m.json").read_text()
    assert "| w\\|1 | 3x | 4.0x | yes |" in text
    assert "| w2 | 8 images/s | 1 image/s | **no** |" in text
    assert "| w3 | 3 ms | no GPU here |  |" in text
    assert "An Old Processor, 2 cores" in text
    assert "| [other.json](other.json) | first; second |" in text
    assert "older.json" not in text  # it says nothing
