# SPDX-License-Identifier: Apache-2.0
"""The figures of a start: medians of several, and a process's peak."""

import subprocess
import sys

from benchmarks.node.start_cost import medians, peak_mb


def test_each_figure_is_the_median_of_the_starts_and_what_did_not_happen_is_zero() -> None:
    starts = [{"active_s": 4.0, "peak_mb": 900}, {"active_s": 9.0, "peak_mb": 901}, {"active_s": 5.0, "peak_mb": 950}]
    assert medians([*starts]) == {"active_s": 5.0, "peak_mb": 901}
    assert medians([{"active_s": 4.0}, {"active_s": 4.0}, {"active_s": 4.0, "convert_s": 3.0}])["convert_s"] == 0.0


def test_the_peak_stays_after_memory_was_given_back() -> None:
    program = (
        "from benchmarks.node.start_cost import peak_mb; before = peak_mb(); held = bytearray(200_000_000); del held; "
        "print(peak_mb() - before)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 190 <= int(run.stdout) <= 210


def test_the_kernels_kilobytes_become_megabytes(tmp_path) -> None:
    (tmp_path / "status").write_text("Name:\tpython3\nVmPeak:\t  999999 kB\nVmHWM:\t  976563 kB\n")
    assert peak_mb(tmp_path / "status") == 1000
