# SPDX-License-Identifier: Apache-2.0
"""The state of an evaluation that was stopped: what cannot have been written is refused, whatever its types."""

import json

import pytest

from talk2dino_ros.engine.evaluate.datasets.dataset import DatasetError
from talk2dino_ros.engine.evaluate.evaluation_state import load_progress

SUBJECT = {"model": "mini"}
RIGHT = {
    "format": "talk2dino evaluation 1",
    "subject": SUBJECT,
    "done": 2,
    "skipped": {"a.jpg": "cut off"},
    "by_image": {"0": 0.5, "1": float("nan")},
    "counts": [[1, 2, 3], [4, 5, 6]],
}


def write(folder, **changes):
    path = folder / "state.json"
    path.write_text(json.dumps(RIGHT | changes))
    return path


def test_what_was_written_is_read(tmp_path):
    progress = load_progress(write(tmp_path), SUBJECT, 2)
    assert (progress.done, progress.skipped, progress.by_image[0]) == (2, {"a.jpg": "cut off"}, 0.5)


@pytest.mark.parametrize(
    "changes",
    [
        {"done": float("inf")},
        {"by_image": {"0": 10**400}},
        {"done": -1},
        {"done": 1},
        {"by_image": {"-1": 0.5}},
        {"counts": [[1, 2, -3], [4, 5, 6]]},
        {"skipped": {"a.jpg": 7}},
        {"skipped": {"a": "", "b": "", "c": ""}},
    ],
)
def test_a_state_that_no_run_has_written_is_refused(changes, tmp_path):
    """Found by `python -m benchmarks.fuzz`: the first two ended the command, the others counted what was not seen."""
    with pytest.raises(DatasetError, match=r"cannot be read as a run's state.*--fresh"):
        load_progress(write(tmp_path, **changes), SUBJECT, 2)
