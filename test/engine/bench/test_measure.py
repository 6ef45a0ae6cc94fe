# SPDX-License-Identifier: Apache-2.0
"""Sides run in turn, memory is seen, and a child that fails says why."""

import json
import subprocess
import sys

import numpy as np
import pytest

from talk2dino_ros.engine.bench.measure import (
    agreement,
    in_fresh_process,
    in_turn,
    times,
)
from talk2dino_ros.engine.errors import Talk2DinoError


def test_both_sides_are_timed_alternately_after_warm_up_rounds():
    calls = []
    seconds = in_turn({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3, warm_up=2)
    assert calls == ["a", "b"] * 5
    assert seconds["a"]["count"] == seconds["b"]["count"] == 3


def test_times_have_median_extremes_count_and_99th_percentile():
    found = times([0.3, 0.1, 0.2, 0.4, 0.5])
    assert (found["median_s"], found["min_s"], found["max_s"], found["count"]) == (0.3, 0.1, 0.5, 5)
    assert found["p99_s"] == pytest.approx(0.496)  # 0.4 + 0.96 * (0.5 - 0.4)


def test_agreement_is_the_share_of_equal_pixels():
    assert agreement(np.array([[1, 2], [3, 4]]), np.array([[1, 2], [3, 0]])) == 0.75


def in_child(code):
    """The number that code prints in a fresh process: memory that other tests gave back would be taken again here."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(run.stdout)


IMPORTS = "import numpy as np; from talk2dino_ros.engine.bench.measure import peak_bytes_of, resident_bytes; "


def test_the_peak_is_seen_though_the_memory_is_given_back():
    assert 60e6 < in_child(IMPORTS + "print(peak_bytes_of(lambda: np.ones(8_000_000)))") < 90e6  # 64 MB


def test_resident_memory_grows_with_what_is_held():
    held = in_child(IMPORTS + "before = resident_bytes(); held = np.ones(8_000_000); print(resident_bytes() - before)")
    assert 60e6 < held < 90e6


def test_a_child_that_fails_is_an_error_with_its_words(tmp_path):
    with pytest.raises(Talk2DinoError, match=r"nothing\.npz"):
        in_fresh_process("talk2dino_ros.engine.bench.pamr_memory", "engine", str(tmp_path / "nothing.npz"))


def test_the_baselines_pamr_takes_the_memory_of_its_neighbours(tmp_path):
    generator = np.random.default_rng(0)
    count, height, width = 5, 120, 160
    inputs = {"rgb": generator.random((3, height, width)), "scores": generator.random((count, height, width))}
    np.savez(tmp_path / "inputs.npz", **{name: values.astype(np.float32) for name, values in inputs.items()})
    found = in_fresh_process("talk2dino_ros.engine.bench.pamr_memory", "baseline", str(tmp_path / "inputs.npz"))
    neighbours = 4 * 48 * count * height * width
    assert neighbours < found["peak_bytes"] < 8 * neighbours, json.dumps(found)
