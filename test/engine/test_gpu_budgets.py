# SPDX-License-Identifier: Apache-2.0
"""What a GPU would do for the benchmark's rows, held to gpu_budgets.json, from which docs/gpu.md is written."""

import json
import runpy
from pathlib import Path

import pytest
from gpu_frame_counts import ROWS, counted

from talk2dino_ros.engine.bench.gpu_rows import GPU_ROWS
from talk2dino_ros.engine.inference.gpu.frame_program import FrameProgram

TOOL = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "gpu_table.py"))
BUDGETS = json.loads(TOOL["BUDGETS"].read_text(encoding="utf-8"))
LIMITS = ("launches", "waits", "uploads", "downloads", "upload_bytes", "download_bytes", "peak_bytes")


def over(found, budget):
    """Name what is above its budget, with both numbers."""
    above = {name: (found[name], budget[name]) for name in LIMITS if name in found and found[name] > budget[name]}
    for stage, own in found.get("stages", {}).items():
        for name in ("launches", "bytes", "gathered_bytes", "flop"):
            if own[name] > budget["stages"].get(stage, own | {name: 0})[name]:
                above[f"{stage} {name}"] = (own[name], budget["stages"].get(stage, {}).get(name))
    return above


@pytest.mark.parametrize("cuda_graphs", [False, True], ids=["eager", "graphs"])
@pytest.mark.parametrize("name", ROWS)
def test_a_row_stays_within_its_budget(name, cuda_graphs):
    budget = BUDGETS["rows"][name]["graphs" if cuda_graphs else "eager"]
    assert over(counted(name, cuda_graphs=cuda_graphs), budget) == {}, "or run python3 -m tools.gpu_table --count"


def test_every_row_of_the_benchmark_that_segments_has_a_budget():
    assert set(ROWS) == set(BUDGETS["rows"]) == {row.name for row in GPU_ROWS} - {"gpu_backbone"}


def test_the_path_is_what_it_was_built_for():
    for name, row in BUDGETS["rows"].items():
        assert row["graphs"]["launches"] <= 3, name
        assert (row["graphs"]["waits"], row["eager"]["waits"]) == (1, 1)
        assert (row["eager"]["uploads"], row["eager"]["downloads"]) == (1, 1)
        assert TOOL["outside_backbone"](row["eager"]) <= 40
        assert row["eager"]["launches"] == BUDGETS["rows"]["gpu_frame"]["eager"]["launches"]  # no loop over images
    frame, large = (BUDGETS["rows"][name]["eager"] for name in ("gpu_frame", "gpu_large"))
    assert frame["stages"]["refine"]["predicted_ms"] <= 0.6
    assert large["predicted_ms"] < 12
    assert large["peak_bytes"] < 2e9


def test_pamr_moves_little_more_than_each_score_in_and_out_ten_times():
    for name, (images, (width, height), classes) in ROWS.items():
        least = 10 * 2 * 4 * classes * width * height * images  # bytes
        assert BUDGETS["rows"][name]["eager"]["stages"]["refine"]["bytes"] < 1.5 * least, name
    frame, large = (BUDGETS["rows"][name]["eager"] for name in ("gpu_frame", "gpu_large"))
    assert frame["stages"]["refine"]["predicted_ms"] <= 0.6
    assert large["stages"]["refine"]["predicted_ms"] < 12
    assert large["peak_bytes"] < 2e9


def test_a_value_that_is_read_is_over_the_budget(monkeypatch):
    smoothed = FrameProgram._smoothed

    def reads(self, scores):
        assert bool((scores > 0).any())
        return smoothed(self, scores)

    monkeypatch.setattr(FrameProgram, "_smoothed", reads)
    found = over(counted("gpu_frame", cuda_graphs=False), BUDGETS["rows"]["gpu_frame"]["eager"])
    assert found["waits"] == (2, 1)
    with pytest.raises(AssertionError, match=r"a value is read .* while a graph is recorded"):
        counted("gpu_frame", cuda_graphs=True)


def test_the_file_and_the_page_are_what_the_tool_writes():
    run = "run python3 -m tools.gpu_table"
    assert TOOL["as_text"](TOOL["predicted"](BUDGETS)) == TOOL["BUDGETS"].read_text(encoding="utf-8"), run
    page = TOOL["PAGE"].read_text(encoding="utf-8")
    assert TOOL["with_tables"](page, BUDGETS) == page, run


def test_a_prediction_is_the_sum_of_its_parts():
    gpu = {"bytes_per_s": 1e9, "cache_bytes_per_s": 1e10, "flop_per_s": 1e12, "seconds_per_launch": 1e-3}
    stages = {"backbone": {"launches": 4, "bytes": 2_000_000, "gathered_bytes": 10_000_000, "flop": 3_000_000_000}}
    row = {"what": "", "eager": {"launches": 4, "stages": stages}, "graphs": {"launches": 2}}
    [made] = TOOL["predicted"]({"gpu": gpu, "rows": {"row": row}})["rows"].values()
    assert made["eager"]["stages"]["backbone"]["predicted_ms"] == 5.0  # 2 ms for the bytes, 3 for the arithmetic
    assert made["eager"]["predicted_ms"] == 5.0  # the launches' 4 ms are within it
    assert made["graphs"]["predicted_ms"] == 7.0
    gathering = stages["backbone"] | {"gathered_bytes": 40_000_000}
    assert TOOL["milliseconds"](gpu, gathering) == 7.0  # 4 ms for the gathered ones
