# SPDX-License-Identifier: Apache-2.0
"""What was calibrated, as a parameter file, a table and a sentence."""

import json
from collections.abc import Sequence

from talk2dino_ros.engine.evaluate.calibration import CERTAINTY, ClassCalibration, pictures_needed
from talk2dino_ros.engine.text.class_entries import ClassEntry
from talk2dino_ros.engine.text.counted import counted


def parameter_file(
    entries: Sequence[ClassEntry], calibrated: Sequence[ClassCalibration], about: str, false_alarms: float
) -> str:
    """Return a parameter file with the classes, each with its threshold and what speaks for that.

    about: the model and its options, to which the thresholds belong.
    """
    chosen = {each.entry.name: each for each in calibrated}
    lines = [
        "# Thresholds that `talk2dino calibrate` has chosen: vocabulary:=THIS_FILE, or --classes THIS_FILE.",
        f"# For {about}, and false alarms in at most {100 * false_alarms:g} % of pictures: other settings need others.",
        "/**/talk2dino:",
        "  ros__parameters:",
        '    vocabulary_file: ""',
        "    vocabulary:",
    ]
    for entry in entries:
        own = chosen.get(entry.name)
        text, counts = (entry.text, "") if own is None else (own.entry.text, f"  # {_counts(own)}")
        lines.append(f"      - {json.dumps(text, ensure_ascii=False)}{counts}")
    return "\n".join(lines) + "\n"


def _counts(own: ClassCalibration) -> str:
    lacking = counted(len(own.lacking), "picture")
    alarms = f"shown in {own.alarms} of {lacking} without it (at most {_percent(own.most_alarms)})"
    found = f"in {own.found} of {len(own.having)} with it (at least {_percent(own.least_found)})"
    return f"{alarms}, {found}" if len(own.having) else alarms


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def table_rows(calibrated: Sequence[ClassCalibration]) -> list[list[str]]:
    """Return the table: a head, and a row for each class."""
    rows = [["class", "threshold", "false alarms", "at most", "found", "at least"]]
    for each in calibrated:
        threshold = "none" if each.entry.threshold is None else f"{each.entry.threshold:g}"
        found = [f"{each.found} of {len(each.having)}", _percent(each.least_found)] if len(each.having) else ["", ""]
        alarms = [f"{each.alarms} of {len(each.lacking)}", _percent(each.most_alarms)]
        rows.append([each.entry.name, threshold, *alarms, *found])
    return rows


def promise(calibrated: Sequence[ClassCalibration], false_alarms: float) -> str:
    """Say what the numbers promise, and how many pictures it takes to promise more."""
    fewest, needed = min(len(each.lacking) for each in calibrated), pictures_needed(false_alarms)
    share = f"{100 * false_alarms:g} %"
    enough = (
        f"to show that at most {share} of pictures give a false alarm takes {counted(needed, 'picture')} without the "
        f"class and no false alarm, and one class has {fewest}"
        if fewest < needed
        else f"each class has {counted(fewest, 'picture')} without it or more, enough to show {share} where none of "
        "them gives a false alarm"
    )
    return (
        f"'at most' and 'at least' hold with {100 * CERTAINTY:g} % certainty for pictures like these, each of another "
        f"scene; {enough}"
    )
