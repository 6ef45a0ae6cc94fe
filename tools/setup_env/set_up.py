# SPDX-License-Identifier: Apache-2.0
"""Bring the environment and the workspace up to date. What is up to date is not touched."""

from __future__ import annotations

import os
import platform
import sys
import time
from pathlib import Path

from .environment import Environment
from .errors import SetupError
from .progress import Progress, Step, say
from .situation import check_platform, check_python_of_ros, find_situation
from .workspace import Workspace


def main(root: Path) -> int:
    """Return the exit status: 0 ready, 1 something is for the user to do, 130 interrupted."""
    try:
        set_up(root)
    except SetupError as error:
        print(f"\nset-up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nset-up: interrupted; run it again, what was finished is kept.", file=sys.stderr)
        return 130
    return 0


def set_up(root: Path) -> None:
    """Make the environment and build the workspace, each where its inputs changed."""
    situation = find_situation(os.environ, root)
    version = sys.version_info[:2]
    check_platform(situation, version, platform.machine())
    if situation.sourced:
        check_python_of_ros(situation, version)
    environment = Environment(root, situation)
    workspace = Workspace(environment)
    steps = [] if environment.fresh else environment.steps()
    if steps or not workspace.fresh:
        steps += workspace.steps()
    carry_out(steps)


def carry_out(steps: list[Step]) -> None:
    """Take the steps one by one; say nothing where there are none."""
    progress = Progress(len(steps))
    began = time.monotonic()
    for title, act in steps:
        progress.begin(title)
        act(progress)
        progress.end()
    if steps:
        say(f"Ready after {time.monotonic() - began:.0f} s. For a shell of your own: source .venv/setup.bash")
