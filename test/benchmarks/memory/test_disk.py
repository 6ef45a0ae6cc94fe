# SPDX-License-Identifier: Apache-2.0
"""What a square metre takes on disk, short: one room with three pictures, seen from in front of each, by `mini`."""

import pytest

from benchmarks.memory.disk import measure_room, summary
from benchmarks.nav.sim_world import SimulationError, check_drawing
from talk2dino_ros.engine import load_segmenter

try:
    check_drawing()
except SimulationError as missing:
    pytest.skip(str(missing), allow_module_level=True)


def in_front(room):
    """From in front of each board, from near and from far."""
    return [board.before(distance) for board in room.boards for distance in (1.9, 1.4, 0.9)]


@pytest.mark.slow
def test_thinned_out_keyframes_take_less_and_what_is_seen_best_is_still_found(tmp_path):
    segmenter = load_segmenter("mini", device="cpu")
    steps = measure_room(segmenter, 0, tmp_path, ("chelsea", "coffee", "dogs"), in_front, shares=(1.0, 0.67))
    whole, thinned = steps
    assert [step["keyframes"] for step in steps] == [9, 6]
    for step in steps:
        parts = step["bytes_of_features"] + step["bytes_of_pictures"] + step["bytes_of_basis"]
        assert parts <= step["bytes"] <= 1.25 * parts + 1.2e6  # pages of 4096 bytes, and the log
        assert all(answer.is_found(1) for answer in step["answers"])
    assert thinned["bytes_of_features"] < 0.9 * whole["bytes_of_features"]
    rows = summary([steps, steps])
    assert [row["keyframes"] for row in rows] == [18, 12]
    assert rows[0]["kilobytes_per_square_metre"] == pytest.approx(whole["bytes"] / 1e3 / whole["floor_m2"], abs=0.1)
    assert rows[1]["recall_at_1_percent"] == 100.0
