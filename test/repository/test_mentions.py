# SPDX-License-Identifier: Apache-2.0
"""Prose that sends a reader to a file: code, docs and settings name Python files that are there."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXTS = (".py", ".md", ".yaml", ".toml", ".msg", ".srv", ".action")
# Files of others: of mmsegmentation, Cityscapes' and Talk2DINO's repositories, and of a user who follows the docs.
OF_OTHERS = {"tools/convert_datasets/pascal_context.py", "coco_stuff164k.py", "labels.py", "dino_extraction_v2.py"}
MENTION = re.compile(r"(?<![\w*./{}-])(?!\d)[\w/]*\w\.py\b")  # no globs, no names that are computed


def test_python_files_named_in_prose_are_there() -> None:
    files = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).splitlines()
    there = {f"/{file}" for file in files}
    lost = [
        f"{file}: {mention}"
        for file in files
        if file.endswith(TEXTS) and "results/" not in file and (ROOT / file).is_file() and file != "CHANGELOG.md"
        for mention in MENTION.findall((ROOT / file).read_text())
        if mention not in OF_OTHERS and not any(path.endswith(f"/{mention}") for path in there)
    ]
    assert lost == []
