# SPDX-License-Identifier: Apache-2.0
"""Try random wrong inputs: `python -m benchmarks.fuzz --inputs 100000`.

Each input is made of the seed and its number alone, so that a finding can be made again. Exits with 1 where one was
found; each kind of finding is written to the output's folder once, with its number. Native code that hangs or crashes
ends the run: the file `running` in the output's folder has subject, seed and number.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from tqdm import tqdm

from benchmarks.fuzz.bag_subjects import BAG_SUBJECTS
from benchmarks.fuzz.database_subjects import DATABASE_SUBJECTS
from benchmarks.fuzz.dataset_subjects import DATASET_SUBJECTS
from benchmarks.fuzz.engine_subjects import ENGINE_SUBJECTS
from benchmarks.fuzz.file_subjects import FILE_SUBJECTS
from benchmarks.fuzz.fuzz_result import SubjectRun, add_run
from benchmarks.fuzz.message_subjects import MESSAGE_SUBJECTS
from benchmarks.fuzz.request_subjects import REQUEST_SUBJECTS
from benchmarks.fuzz.trial import Outcome, Subject, try_input
from talk2dino_ros.engine.text.counted import counted

SUBJECTS: tuple[Subject, ...] = (
    *(*FILE_SUBJECTS, *DATASET_SUBJECTS, *DATABASE_SUBJECTS, *BAG_SUBJECTS, *ENGINE_SUBJECTS),
    *(*MESSAGE_SUBJECTS, *REQUEST_SUBJECTS),
)


@dataclass(frozen=True)
class Finding:
    """A wrong answer: `given_by(subject, seed, number)` makes its input again."""

    subject: str
    seed: int
    number: int
    said: str
    given: str


def given_by(subject: Subject, seed: int, number: int) -> object:
    """Make the input of a number."""
    return subject.make(Random(f"{subject.name} {seed} {number}"))


def try_subject(subject: Subject, seed: int, numbers: Iterable[int]) -> Iterator[tuple[Outcome, Finding | None]]:
    """Try the inputs of these numbers, each in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="talk2dino_fuzz_") as folder:
        for number in numbers:
            given = given_by(subject, seed, number)
            outcome = try_input(subject, given, Path(folder))
            _clear(folder)
            said = outcome.finding.replace(folder, "FOLDER")
            yield outcome, Finding(subject.name, seed, number, said[:1000], repr(given)[:4000]) if said else None


def _clear(folder: str) -> None:
    for each in os.scandir(folder):
        if each.is_dir(follow_symlinks=False):
            shutil.rmtree(each.path)
        else:
            os.unlink(each.path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all subjects in turn; print a line for each."""
    parser = argparse.ArgumentParser(prog="fuzz", description="Try random wrong inputs on all that reads.")
    parser.add_argument(
        "--inputs",
        type=int,
        default=4200,
        help="number of inputs in all, shared among the subjects (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the random inputs (default: %(default)s)")
    parser.add_argument(
        "--only", nargs="+", choices=[each.name for each in SUBJECTS], metavar="SUBJECT", help="try only these subjects"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("fuzz_findings"),
        help="folder for the inputs that found something (default: %(default)s)",
    )
    parser.add_argument("--result", action="store_true", help="add the run to benchmarks/results/fuzz_DATE.json")
    parser.add_argument(
        "--memory-gb",
        type=int,
        default=8,
        help="gigabytes of address space that the process may take (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_AS, (options.memory_gb << 30, options.memory_gb << 30))
    chosen = [each for each in SUBJECTS if not options.only or each.name in options.only]
    options.output.mkdir(parents=True, exist_ok=True)
    findings: list[Finding] = []
    runs: list[SubjectRun] = []
    for subject in chosen:
        run, found = _run(subject, options.seed, -(-options.inputs // len(chosen)), options.output / "running")
        runs.append(run)
        findings += found
    (options.output / "running").unlink(missing_ok=True)
    if options.result:
        add_run(options.seed, runs)
    if findings:
        path = options.output / f"findings_{options.seed}.json"
        path.write_text(json.dumps([asdict(each) for each in findings], indent=1), encoding="utf-8")
        kinds = counted(len(findings), "kind of finding is", "kinds of findings are")
        print(f"{kinds} in {path}")
    return bool(findings)


def _run(subject: Subject, seed: int, count: int, running: Path) -> tuple[SubjectRun, list[Finding]]:
    kinds: dict[str, Finding] = {}
    counts: Counter[str] = Counter()
    slowest_s = 0.0
    for outcome, finding in try_subject(subject, seed, _noted(subject, seed, count, running)):
        counts["refused" if outcome.was_refused else "found wrong" if finding else "read"] += 1
        slowest_s = max(slowest_s, outcome.seconds)
        if finding is not None:
            kinds.setdefault(finding.said.partition(": ")[0], finding)
    said = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    print(f"{subject.name}: {count} inputs, {said}, the slowest took {slowest_s:.2f} s", flush=True)
    for finding in kinds.values():
        print(f"  number {finding.number}: {finding.said}", flush=True)
    sentences = tuple(f"{finding.number}: {finding.said[:300]}" for finding in kinds.values())
    outcomes = (counts["read"], counts["refused"], counts["found wrong"])
    return SubjectRun(subject.name, count, *outcomes, round(slowest_s, 2), sentences), list(kinds.values())


def _noted(subject: Subject, seed: int, count: int, running: Path) -> Iterator[int]:
    """Yield the numbers, each once it is noted in a file."""
    with running.open("wb", buffering=0) as file:
        for number in tqdm(range(count), desc=subject.name, leave=False, disable=None):
            os.pwrite(file.fileno(), f"{subject.name}, seed {seed}, number {number:012}\n".encode(), 0)
            yield number


if __name__ == "__main__":
    sys.exit(main())
