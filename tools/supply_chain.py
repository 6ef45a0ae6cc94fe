# SPDX-License-Identifier: Apache-2.0
"""What is known against the locked packages, and under which licences they are: `python3 -m tools.supply_chain`.

`make check` runs it. It fails on a known vulnerability that has a fix, and on a licence that nobody has looked at.
Where the database cannot be asked it says so, and does not fail.
"""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "tools" / "requirements" / "lock.txt"
AUDIT = (
    *(sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--format", "json"),
    *("--progress-spinner", "off", "--timeout", "5", "-r", str(LOCK)),
)
LICENCES = (sys.executable, "-m", "piplicenses", "--format=json", "--from=mixed")
PATIENCE_S = 25.0


class Exemption(NamedTuple):
    """A known vulnerability with a fix that is not taken yet. until: the day from which on it fails again."""

    reason: str
    until: datetime.date


EXEMPTIONS: dict[str, Exemption] = {}  # by the vulnerability's id

# What the licences are called in packages' metadata, by what they are. An "AND" of these is one, and so is an "OR".
NAMES = {
    "Apache-2.0": "Apache Software License|Apache License, Version 2.0|Apache 2.0 License|Apache 2.0",
    "Apache-2.0 WITH LLVM-exception": "",
    "BSD-2-Clause": "",
    "BSD-3-Clause": "3-Clause BSD License|BSD License|BSD",
    "0BSD": "",
    "BSL-1.0": "",
    "CC0-1.0": "Public Domain",
    "CNRI-Python": "",
    "ISC": "ISC License (ISCL)",
    "MIT": "MIT License",
    "MIT-0": "",
    "MIT-CMU": "",
    "MPL-2.0": "Mozilla Public License 2.0 (MPL 2.0)",
    "PSF-2.0": "Python Software Foundation License",
    "Zlib": "",
}
ALLOWED = {called: name for name, others in NAMES.items() for called in filter(None, (name, *others.split("|")))}
# Packages that are looked at one by one: their metadata name no licence, or one more.
BY_HAND = {
    "apsw": "any licence of the OSI's",
    "axe-playwright-python": "MIT, with axe-core under MPL-2.0",
    "docutils": "in the public domain, but for parts under BSD's and, an editor's mode, the GPL",
}
NVIDIA = "NVIDIA's own licence"  # what PyTorch's wheels for GPUs ask for, and no part of this package


def main() -> int:
    """Print what is found; return 1 where something has to be done."""
    locked = locked_names(LOCK.read_text(encoding="utf-8"))
    faults, note = vulnerabilities(*ask(AUDIT), EXEMPTIONS, datetime.datetime.now(datetime.timezone.utc).date())
    print(note)
    found = licences(subprocess.run(LICENCES, capture_output=True, text=True, check=True).stdout, locked)
    more, listing = check_licences(found)
    print(listing)
    for fault in [*faults, *more]:
        print(fault, file=sys.stderr)
    return 1 if faults or more else 0


def ask(command: Sequence[str], patience_s: float = PATIENCE_S) -> tuple[list[dict[str, Any]], str]:
    """Return what pip-audit says of each package, and why it says nothing, where it does not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience_s, check=False)
    except subprocess.TimeoutExpired:
        return [], f"no answer in {patience_s:g} s"
    try:
        return list(json.loads(done.stdout)["dependencies"]), ""
    except (json.JSONDecodeError, KeyError):
        return [], (done.stderr.strip().splitlines() or ["no words"])[-1][:300]


def vulnerabilities(
    packages: Iterable[Mapping[str, Any]], silence: str, exemptions: Mapping[str, Exemption], today: datetime.date
) -> tuple[list[str], str]:
    """Return a sentence for each vulnerability to be mended, and one of what was looked up."""
    packages = list(packages)
    known = [package for package in packages if "vulns" in package]
    if not known:
        why = silence or f"it knows none of {len(packages)} packages"
        return [], f"Known vulnerabilities were not looked up, as the database cannot be asked here ({why})."
    found = [(package, each) for package in known for each in package["vulns"]]
    faults = [
        f"{package['name']} {package['version']} has {each['id']}, expected a version without it: "
        f"{', '.join(each['fix_versions'])}; lock that, or put the id into EXEMPTIONS with a reason and a day"
        for package, each in found
        if each["fix_versions"] and not is_exempt(each, exemptions, today)
    ]
    left = len(found) - len(faults)
    return (
        faults,
        f"{len(known)} of {len(packages)} locked packages looked up: {len(faults)} to be mended, {left} left.",
    )


def is_exempt(vulnerability: Mapping[str, Any], exemptions: Mapping[str, Exemption], today: datetime.date) -> bool:
    """Return whether one of the vulnerability's ids is exempt today."""
    ids = [vulnerability["id"], *vulnerability.get("aliases", [])]
    return any(today < exemptions[each].until for each in ids if each in exemptions)


def locked_names(lock: str) -> set[str]:
    """Return the packages of a lock, as PyPI normalizes their names."""
    lines = [line for line in lock.splitlines() if line.strip() and not line.startswith("#")]
    return {normalized(re.split(r"[=<>!~ ;@\[]", line)[0]) for line in lines}


def normalized(name: str) -> str:
    """Return a package's name as PyPI normalizes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licences(listing: str, locked: set[str]) -> dict[str, str]:
    """Return the licence of each locked package that is installed, as its metadata have it."""
    rows = {normalized(row["Name"]): str(row["License"]) for row in json.loads(listing)}
    return {name: licence for name, licence in sorted(rows.items()) if name in locked}


def check_licences(found: Mapping[str, str]) -> tuple[list[str], str]:
    """Return a sentence for each licence that is not allowed, and one of how many there are of each."""
    named = {name: licence_of(name, licence) for name, licence in found.items()}
    faults = [
        f"{name} is under {found[name]!r}, expected a licence of ALLOWED in tools/supply_chain.py; look at it, and add "
        "it there, or the package to BY_HAND, or do without"
        for name, licence in named.items()
        if not licence
    ]
    counts = Counter(filter(None, named.values())).most_common()
    return faults, f"Licences of {len(found)} locked packages: {', '.join(f'{n} {name}' for name, n in counts)}."


def licence_of(name: str, licence: str) -> str:
    """Return what a package's licence is, or "" where that is not allowed."""
    if name in BY_HAND:
        return BY_HAND[name]
    if name.startswith("nvidia-") or name == "cuda-toolkit":
        return NVIDIA
    parts = [part.strip(" ()") if part not in ALLOWED else part for part in re.split(r" AND | OR |; ", licence)]
    return " and ".join(sorted({ALLOWED[part] for part in parts})) if all(part in ALLOWED for part in parts) else ""


if __name__ == "__main__":
    sys.exit(main())
