# SPDX-License-Identifier: Apache-2.0
"""The table of faults, and some of the faults of `make chaos`."""

import json
import os
from types import SimpleNamespace

import pytest

from benchmarks.chaos import __main__ as chaos
from benchmarks.chaos.camera import SECOND_NS, simulated_ns, stamp_of
from benchmarks.chaos.cycle_faults import CYCLES, flatness
from benchmarks.chaos.fault import FAULTS, ChaosError, Fault, Outcome, Row, shorten, table_lines, try_fault
from benchmarks.chaos.stage import Complaint
from benchmarks.chaos.victim import ProcessEnd

TRACED = Complaint("it printed a traceback", is_traceback=True)


def tried(outcome, complaints=(), **options):
    """The row of a fault that has this outcome, or raises it, while processes complain."""

    def inflict(_stage):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    told = iter([[Complaint("of the fault before", False)], list(complaints)])
    stage = SimpleNamespace(complaints=lambda: next(told))
    return try_fault(Fault("a fault", "done", "expected", inflict, **options), stage)


def test_a_row_says_what_was_seen_and_lost():
    row = tried(Outcome("three masks", lost="one mask"))
    assert (row.seen, row.lost, row.held) == ("three masks", "one mask", True)


def test_a_fault_that_waits_in_vain_does_not_hold_and_says_for_what():
    row = tried(ChaosError("waited 5 s in vain for a mask"))
    assert (row.held, row.lost) == (False, "not known")
    assert row.seen == "waited 5 s in vain for a mask"


def test_what_a_process_complains_of_is_in_the_row_of_its_fault_alone():
    row = tried(Outcome("a mask"), [TRACED])
    assert (row.seen, row.held) == ("a mask; it printed a traceback", False)


def test_only_a_fault_of_the_program_itself_may_be_logged_with_a_traceback():
    assert tried(Outcome("a mask"), [TRACED], may_trace=True).held
    assert not tried(Outcome("a mask"), [Complaint("it ended", False)], may_trace=True).held


@pytest.mark.parametrize(("code", "is_traced", "is_good"), [(0, False, True), (0, True, False), (-2, False, False)])
def test_an_ending_is_good_with_code_0_and_without_a_traceback(code, is_traced, is_good):
    assert ProcessEnd(code, 9.0, is_traced).is_good == is_good


def test_the_table_has_a_line_for_each_row_and_marks_what_does_not_hold():
    rows = [Row("a", "b", "c", "d", "nothing", True, 1.0), Row("e", "f", "g", "h", "all", False, 2.5)]
    assert table_lines(rows)[2:] == ["| a | b | c | d | nothing | yes | 1 |", "| e | f | g | h | all | **no** | 2.5 |"]


def test_a_text_with_lines_and_bars_does_not_break_the_table():
    assert shorten("a\n b | c") == "a b \\| c"
    assert shorten("\x1b[37;1ma\x1b[m b") == "a b"
    assert len(shorten("x" * 5000)) == 400


def test_the_command_writes_the_table_and_ends_with_1_where_a_row_does_not_hold(tmp_path, monkeypatch):
    rows = [Row("a", "b", "c", "d", "nothing", True, 1.0), Row("e", "f", "g", "h", "all", False, 2.5)]
    monkeypatch.setattr(chaos, "try_all", lambda *_: rows)
    assert chaos.main(["--output", str(tmp_path / "faults.json"), "--note", "beside others"]) == 1
    written = json.loads((tmp_path / "faults.json").read_text())
    assert (written["held"], [each["fault"] for each in written["rows"]]) == (1, ["a", "e"])
    assert "| e | f | g | h | all | **no** | 2.5 |" in (tmp_path / "faults.md").read_text()
    del rows[1]
    assert chaos.main(["--output", str(tmp_path / "faults.json")]) == 0


def cycles(memory_mb, **others):
    """What a node held after each of 50 cycles; each a function of the cycle."""
    steady = {"threads": 26, "descriptors": 25, "shared_mb": 66}
    return [
        {"memory_mb": memory_mb(cycle), **steady, **{name: of(cycle) for name, of in others.items()}}
        for cycle in range(1, CYCLES + 1)
    ]


def test_a_node_that_keeps_a_megabyte_a_cycle_does_not_hold():
    leak = flatness(cycles(lambda cycle: 400 + cycle))
    assert (leak.held, leak.lost) == (False, "memory_mb")
    assert "memory_mb 401, 410, 450" in leak.seen
    assert "memory +35.0 MB" in leak.seen  # the least of cycles 41 to 50, and of 6 to 15


def test_what_is_there_for_a_moment_or_after_the_first_cycles_alone_is_not_kept():
    moment = {"descriptors": lambda cycle: 26 if cycle in (3, 50) else 25}
    assert flatness(cycles(lambda cycle: 400 + 30 * (cycle % 2) + min(cycle, 6), **moment)).held
    assert flatness(cycles(lambda cycle: 400, threads=lambda cycle: 26 + cycle // 20)).lost == "threads"


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [("runs", [100, 101, 104]), ("stops", [100, 101, 102]), ("jumps", [100, 101, 3704]), ("loops", [100, 101, 101])],
)
def test_a_simulated_clock_goes_wrong_after_two_seconds(kind, seconds):
    assert [simulated_ns(kind, each) // SECOND_NS for each in (0.0, 1.0, 4.0)] == seconds


def test_stamps_are_those_of_the_kind():
    now = 1_700_000_000 * SECOND_NS
    assert (stamp_of("now", now), stamp_of("zero", now)) == (now, 0)
    assert now - 5 * SECOND_NS < stamp_of("shuffled", now) <= now


def test_some_of_the_faults_hold_against_a_real_node():
    for family in chaos.FAMILIES:
        chaos.import_module(f"benchmarks.chaos.{family}")
    assert len(FAULTS) >= 12
    some = ["stamps shuffled", "300 calls of set_vocabulary at once"]
    before = dict(os.environ)
    try:
        rows = chaos.try_all(some, cache=os.environ["XDG_CACHE_HOME"])
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert [row.fault for row in rows] == some
    assert [row.seen for row in rows if not row.held] == []
