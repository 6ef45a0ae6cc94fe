# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at any moment: what is left behind, and what the next start makes of it."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from benchmarks.chaos.fault import Outcome, fault
from benchmarks.chaos.stage import Stage
from talk2dino_ros.ros.shared_memory.abandoned_segments import SHARED_MEMORY, YOUNGEST_S

SEGMENT_LOCK = re.compile(r"/dev/shm/(fast(?:dds|rtps)_[0-9a-f]{16})_el")
KILLS = 6
START_S = 6.0  # within which a start of mini is killed


def segments_of(pid: int) -> set[str]:
    """Return Fast DDS's segments whose lock a process holds."""
    found = [SEGMENT_LOCK.fullmatch(target) for target in _open_files(Path(f"/proc/{pid}/fd"))]
    return {each[1] for each in found if each}


def _open_files(descriptors: Path) -> Iterator[str]:
    for entry in descriptors.iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            yield os.readlink(entry)


def megabytes(segments: Iterable[str]) -> float:
    """Return the memory that these segments take."""
    paths = [SHARED_MEMORY / name for name in segments]
    return sum(path.stat().st_blocks * 512 for path in paths if path.exists()) / 1e6


@fault(
    "SIGKILL at random moments",
    done=f"{KILLS} nodes killed at seeded moments of the first {START_S:g} s, one more started {YOUNGEST_S:g} s later, "
    "while another node segments a camera's images",
    expected="the next start removes what the killed ones left in /dev/shm, and nothing of who lives; masks go on",
)
def killed_at_random(stage: Stage) -> Outcome:
    living, choice, left = stage.segmenter(), random.Random(1), set()
    with stage.camera() as camera:
        living.seconds_to_mask()
        alive = segments_of(living.process.pid) | segments_of(camera.pid) | segments_of(os.getpid())
        for number in range(KILLS):
            node = stage.start_segmenter(f"/killed_{number}", is_awaited=False)
            stage.spin(choice.uniform(0.5, START_S))
            left |= segments_of(node.process.pid)
            node.kill()
        before_mb = megabytes(left)
        stage.spin(YOUNGEST_S)
        node = stage.start_segmenter("/after_kills")
        said = next((line for line in node.output.splitlines() if "removed" in line), "it removed nothing")
        node.end()
        living.seconds_to_mask()
    after_mb, still = megabytes(left), {name for name in alive if (SHARED_MEMORY / name).exists()}
    seen = f"{before_mb:.0f} MB left behind, {after_mb:.0f} MB after the next start (“{said.rpartition(': ')[2]}”)"
    is_held = before_mb > 0 and not after_mb and still == alive
    return Outcome(seen, is_held, "nothing" if still == alive else "shared memory of the living")
