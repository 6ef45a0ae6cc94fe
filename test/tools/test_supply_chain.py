# SPDX-License-Identifier: Apache-2.0
"""The supply chain's check: a known vulnerability with a fix fails, a database that is not there says so, and so on."""

import datetime
import json
import sys

import pytest

from tools.supply_chain import (
    EXEMPTIONS,
    LOCK,
    Exemption,
    ask,
    check_licences,
    licences,
    locked_names,
    normalized,
    vulnerabilities,
)

TODAY = datetime.date(2026, 11, 26)
CLEAN = {"name": "numpy", "version": "2.2.6", "vulns": []}
UNKNOWN = {"name": "colcon-core", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def package(*fixes, aliases=()):
    """A package with a vulnerability, as pip-audit tells of it."""
    vulnerability = {"id": "PYSEC-2026-1", "fix_versions": list(fixes), "aliases": list(aliases), "description": ""}
    return {"name": "pillow", "version": "9.0", "vulns": [vulnerability]}


def test_a_known_vulnerability_with_a_fix_is_a_fault_with_the_version_that_mends_it():
    faults, note = vulnerabilities([CLEAN, UNKNOWN, package("9.1", "10.0")], "", {}, TODAY)
    assert [fault.partition("; ")[0] for fault in faults] == [
        "pillow 9.0 has PYSEC-2026-1, expected a version without it: 9.1, 10.0"
    ]
    assert note == "2 of 3 locked packages looked up: 1 to be mended, 0 left."


def test_one_without_a_fix_is_counted_alone():
    assert vulnerabilities([package()], "", {}, TODAY) == (
        [],
        "1 of 1 locked packages looked up: 0 to be mended, 1 left.",
    )


@pytest.mark.parametrize(("day", "faults"), [(TODAY + datetime.timedelta(1), 0), (TODAY, 1)])
@pytest.mark.parametrize("name", ["PYSEC-2026-1", "CVE-2026-7"])
def test_an_exemption_holds_until_its_day_by_any_of_the_ids(name, day, faults):
    exemptions = {name: Exemption("no such file is read", day)}
    assert len(vulnerabilities([package("9.1", aliases=["CVE-2026-7"])], "", exemptions, TODAY)[0]) == faults


def test_a_database_that_knows_no_package_is_none():
    """As where a registry's copy has the packages, and nothing of what is known against them."""
    faults, note = vulnerabilities([UNKNOWN, UNKNOWN], "", {}, TODAY)
    assert faults == []
    assert note == (
        "Known vulnerabilities were not looked up, as the database cannot be asked here (it knows none of 2 packages)."
    )


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; sys.exit('ERROR: Could not connect')", "ERROR: Could not connect"),
        ("print('<html>')", "no words"),
        ("import time; time.sleep(60)", "no answer in 1 s"),
    ],
)
def test_an_audit_without_an_answer_is_told_and_no_fault(code, why):
    packages, silence = ask([sys.executable, "-c", code], patience_s=1.0 if "sleep" in code else 60.0)
    assert (packages, silence) == ([], why)
    assert vulnerabilities(packages, silence, {}, TODAY) == (
        [],
        f"Known vulnerabilities were not looked up, as the database cannot be asked here ({why}).",
    )


def test_an_answer_is_taken_also_where_the_audit_ends_with_1_as_it_found_something():
    code = f"import sys; print({json.dumps(json.dumps({'dependencies': [CLEAN]}))}); sys.exit(1)"
    assert ask([sys.executable, "-c", code]) == ([CLEAN], "")


def test_each_exemption_has_a_reason():
    assert [name for name, exemption in EXEMPTIONS.items() if len(exemption.reason) < 10] == []


def test_licences_are_those_of_the_locked_packages_alone():
    rows = [{"Name": "Ruff", "License": "MIT"}, {"Name": "my_tool", "License": "UNKNOWN"}]
    assert licences(json.dumps(rows), locked_names("# comment\nruff==1.0 ; python_full_version < '3.11'\n")) == {
        "ruff": "MIT"
    }
    assert {"torch", "numpy", "pip-audit"} <= locked_names(LOCK.read_text(encoding="utf-8"))
    assert normalized("Backports.zstd__x") == "backports-zstd-x"


def test_the_licences_are_counted_by_what_they_are():
    found = {"a": "MIT License", "b": "MIT", "c": "Apache-2.0 OR BSD-2-Clause", "nvidia-cublas": "UNKNOWN"}
    assert check_licences(found) == (
        [],
        "Licences of 4 locked packages: 2 MIT, 1 Apache-2.0 and BSD-2-Clause, 1 NVIDIA's own licence.",
    )


@pytest.mark.parametrize("licence", ["UNKNOWN", "GPL-3.0-only", "MIT AND GPL-3.0-only", "", "Proprietary", "AGPL-3.0"])
def test_a_licence_that_is_not_allowed_is_a_fault(licence):
    faults, listing = check_licences({"some-tool": licence})
    assert len(faults) == 1
    assert faults[0].startswith(
        f"some-tool is under {licence!r}, expected a licence of ALLOWED in tools/supply_chain.py;"
    )
    assert listing == "Licences of 1 locked packages: ."
