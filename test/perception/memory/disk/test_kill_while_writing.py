# SPDX-License-Identifier: Apache-2.0
"""A process that writes keyframes is killed at random instants: what it had said to be written is there."""

import random
import subprocess
import sys
import time

import numpy as np
import pytest
from memory_story import seeded_keyframe

from talk2dino_ros.perception.memory.disk.keyframe_store import KeyframeStore

WRITER = """
import sys
from pathlib import Path
import numpy as np
from memory_story import KIND, seeded_keyframe
from talk2dino_ros.perception.memory.disk.keyframe_store import KeyframeStore

store = KeyframeStore(Path(sys.argv[1]), "office")
print("ready", flush=True)
seed = len(store.ids())
while True:
    seed += 1
    store.add(seeded_keyframe(seed, patches=400), KIND, np.eye(8, dtype=np.float32) if seed % 10 == 1 else None)
    print(seed, flush=True)
"""
KILLS = (6, pytest.param(50, marks=pytest.mark.slow))


def killed_after(folder, seconds: float) -> int:
    """Let a process write, kill it, and return the last keyframe that it said was written."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "ready\n"
        first = process.stdout.readline()  # so that it is killed while it writes, however busy the machine is
        time.sleep(seconds)
        process.kill()
        said = (first + process.stdout.read()).split("\n")[:-1]  # what follows the last line's end was not said wholly
    process.wait()
    return int(said[-1])


@pytest.mark.parametrize("kills", KILLS)
def test_a_kill_loses_at_most_the_keyframe_in_hand(tmp_path, monkeypatch, kills):
    monkeypatch.setenv("PYTHONPATH", ":".join(path for path in sys.path if path))
    instants, written = random.Random(0), 0
    for _ in range(kills):
        said = killed_after(tmp_path, instants.uniform(0, 0.1))
        store = KeyframeStore(tmp_path, "office")
        ids = store.ids()
        assert len(ids) in (said, said + 1)
        assert said > written
        written = len(ids)
        for number in {1, written // 2, written} & set(ids):
            assert np.array_equal(store.read(number).codes, seeded_keyframe(number, patches=400).codes)
        assert len(store.directions) == 8 * -(-written // 10)
        assert (store.notices, store.damaged) == ([], [])
        store.close()
