# SPDX-License-Identifier: Apache-2.0
"""Each argument of each benchmark has a help, and none that begins in the middle of a sentence."""

import ast
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_each_argument_has_a_help_that_stands_by_itself() -> None:
    faults, count = [], 0
    for path in sorted(BENCHMARKS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("add_argument"):
                words = [ast.unparse(each.value).strip("f'\"") for each in node.keywords if each.arg == "help"]
                count += 1
                if not words or words[0].split()[0] in ("of", "that", "with", "in", "after"):
                    faults.append(f"{path.name}:{node.lineno} {ast.unparse(node)}")
    assert count > 100
    assert faults == []
