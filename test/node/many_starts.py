# SPDX-License-Identifier: Apache-2.0
"""Start the segmenter many times, to see how it ends by itself."""

from pathlib import Path

from node_process import NodeProcess


def outcomes_of(starts: dict[str, list[str]], folder: Path) -> dict[str, tuple[int, str]]:
    """Start one after the other with parameters such as `model:=mini`; return each one's exit code and output."""
    return {
        name: _outcome_of(words, folder / f"start_{number}.txt") for number, (name, words) in enumerate(starts.items())
    }


def _outcome_of(parameters: list[str], log: Path) -> tuple[int, str]:
    process = NodeProcess(parameters, "/robot", log)
    return process.wait(), process.output
