# SPDX-License-Identifier: Apache-2.0
"""A program that stands still after some calls of a method, until it is killed there: however late the killer comes.

python held_program.py MODULE CLASS METHOD COUNT MARKER PROGRAM ARGUMENT... makes the file MARKER after COUNT calls.
"""

import runpy
import sys
import time
from importlib import import_module
from pathlib import Path

HELD_PROGRAM = __file__


def hold(owner: type, method: str, count: int, marker: Path) -> None:
    """Let a class's method never return from its call of this number, counted from 1."""
    original, calls = getattr(owner, method), []

    def held(*arguments, **options):
        result = original(*arguments, **options)
        calls.append(method)
        if len(calls) == count:
            marker.touch()
            time.sleep(600)
        return result

    setattr(owner, method, held)


if __name__ == "__main__":
    module, owner, method, count, marker, program = sys.argv[1:7]
    hold(getattr(import_module(module), owner), method, int(count), Path(marker))
    sys.argv = [program, *sys.argv[7:]]
    runpy.run_module(program, run_name="__main__")
