# SPDX-License-Identifier: Apache-2.0
"""Start the segmenter many times: it is imported once, and each start is a fork that ends as a process does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from node_process import DEADLINE_S, REPOSITORY


def outcomes_of(starts: dict[str, list[str]], folder: Path) -> dict[str, tuple[int, str]]:
    """Start one after the other with parameters such as `model:=mini`; return each one's exit code and output."""
    command = [sys.executable, __file__, str(folder)]
    limit_s = DEADLINE_S * len(starts)
    subprocess.run(command, cwd=REPOSITORY, input=json.dumps(starts), text=True, timeout=limit_s, check=True)
    codes = json.loads((folder / "codes.json").read_text())
    return {name: (code, log_of(folder, number).read_text()) for number, (name, code) in enumerate(codes.items())}


def log_of(folder: Path, number: int) -> Path:
    return folder / f"start_{number}.txt"


def run_all(folder: Path) -> None:
    from talk2dino_ros.segmenter import segmenter_node  # noqa: F401

    codes = {}
    for number, (name, parameters) in enumerate(json.load(sys.stdin).items()):
        process = os.fork()
        if not process:
            run(parameters, log_of(folder, number))
        codes[name] = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    (folder / "codes.json").write_text(json.dumps(codes))


def run(parameters: list[str], log: Path) -> NoReturn:
    from talk2dino_ros.segmenter.segmenter_main import main

    with log.open("w") as output:
        for descriptor in (1, 2):
            os.dup2(output.fileno(), descriptor)
    words = [word for parameter in parameters for word in ("-p", parameter)]
    sys.argv = ["segmenter", "--ros-args", "-r", "__ns:=/robot", *words]
    main()


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    run_all(Path(sys.argv[1]))
