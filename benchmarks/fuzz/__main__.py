# SPDX-License-Identifier: Apache-2.0
"""Try random wrong inputs: `python -m benchmarks.fuzz --inputs 100000`.

Each input is made of the seed and its number alone, so that a finding can be made again. Exits with 1 where one was
found; each kind of finding is written to the output's folder once, with its number. Native code that hangs or crashes
ends the run: the last line names subject and number.
"""

import argparse
import json
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from tqdm import tqdm

from benchmarks.fuzz.file_subjects import FILE_SUBJECTS
from benchmarks.fuzz.message_subjects import MESSAGE_SUBJECTS
from benchmarks.fuzz.trial import Outcome, Subject, try_input

SUBJECTS: tuple[Subject, ...] = (*FILE_SUBJECTS, *MESSAGE_SUBJECTS)


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
    for number in numbers:
        given = given_by(subject, seed, number)
        with tempfile.TemporaryDirectory(prefix="talk2dino_fuzz_") as folder:
            outcome = try_input(subject, given, Path(folder))
        said = outcome.finding.replace(folder, "FOLDER")
        yield outcome, Finding(subject.name, seed, number, said[:1000], repr(given)[:4000]) if said else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all subjects in turn; print a line for each."""
    parser = argparse.ArgumentParser(prog="fuzz", description="Try random wrong inputs on all that reads.")
    parser.add_argument("--inputs", type=int, default=2100, help="in all, shared by the subjects")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=[each.name for each in SUBJECTS], metavar="SUBJECT")
    parser.add_argument("--output", type=Path, default=Path("fuzz_findings"), help="folder for findings")
    parser.add_argument("--memory-gb", type=int, default=8, help="address space that the process may take")
    options = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_AS, (options.memory_gb << 30, options.memory_gb << 30))
    chosen = [each for each in SUBJECTS if not options.only or each.name in options.only]
    findings: list[Finding] = []
    for subject in chosen:
        findings += _run(subject, options.seed, -(-options.inputs // len(chosen)))
    if findings:
        options.output.mkdir(parents=True, exist_ok=True)
        path = options.output / f"findings_{options.seed}.json"
        path.write_text(json.dumps([asdict(each) for each in findings], indent=1), encoding="utf-8")
        print(f"{len(findings)} kinds of findings are in {path}")
    return bool(findings)


def _run(subject: Subject, seed: int, count: int) -> list[Finding]:
    kinds: dict[str, Finding] = {}
    counts: Counter[str] = Counter()
    slowest_s = 0.0
    for outcome, finding in try_subject(subject, seed, tqdm(range(count), desc=subject.name, leave=False)):
        counts["refused" if outcome.was_refused else "found wrong" if finding else "read"] += 1
        slowest_s = max(slowest_s, outcome.seconds)
        if finding is not None:
            kinds.setdefault(finding.said.partition(": ")[0], finding)
    said = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    print(f"{subject.name}: {count} inputs, {said}, the slowest took {slowest_s:.2f} s", flush=True)
    for finding in kinds.values():
        print(f"  number {finding.number}: {finding.said}", flush=True)
    return list(kinds.values())


if __name__ == "__main__":
    sys.exit(main())
