# SPDX-License-Identifier: Apache-2.0
"""Write the results of runs: a JSON file each, and one Markdown table of all beside the papers' numbers."""

import json
import math
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from talk2dino_ros.engine.bench.machine import describe_machine, machine_line
from talk2dino_ros.engine.evaluate.datasets import DATASETS, Dataset, DatasetError
from talk2dino_ros.engine.evaluate.datasets.dataset import BACKGROUND, Kind
from talk2dino_ros.engine.evaluate.evaluation_state import Progress, Subject, unwritable
from talk2dino_ros.engine.evaluate.protocols import departures, own_threshold
from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.files.bounded_parsers import parse_json
from talk2dino_ros.engine.files.regular_files import read_regular
from talk2dino_ros.engine.models.patch_source import patch_source_of
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.text.counted import counted

TABLE = "evaluation.md"
_RESULTS = "evaluate_*.json"
_MARK = " \\*"  # not to be compared with a published figure; the notes say why
_KEPT = ("dataset", "model", "protocol", "projection", "patch_source", "precision", "options", "data")  # of a subject
Facts = dict[str, Any]


class System(NamedTuple):
    """Model and protocol of a table row. A published one does not name its patch source, and is listed below either."""

    model: str
    refine: str
    protocol: str
    projection: str
    other_patches: str  # '' where they are the model's own


def published() -> Facts:
    """Read the papers' numbers, each row with its source."""
    text = (resources.files("talk2dino_ros.engine") / "data/published_miou.json").read_text(encoding="utf-8")
    table: Facts = json.loads(text)
    return table


def run_name(subject: Subject) -> str:
    """Return the file name of a run's results, without suffix."""
    system = _system(subject)
    own = [text for text in (system.projection[:8], system.other_patches) if text]
    return "_".join(["evaluate", subject["dataset"], system.model, system.refine, system.protocol, *own])


def result_facts(dataset: Dataset, subject: Subject, progress: Progress) -> Facts:
    """Return all results of a run for JSON; shares in percent, None where no pixel counts."""
    figures = progress.confusion.figures()
    by_class = zip(dataset.classes, figures.iou, figures.accuracy, progress.confusion.counts.sum(axis=1), strict=True)
    return {
        **{key: subject[key] for key in _KEPT},
        "title": dataset.title,
        "column": dataset.column,
        "images": progress.done - len(progress.skipped),
        "images_of_the_set": dataset.total,
        "skipped": progress.skipped,
        "miou": _percent(figures.mean_iou),
        "mean_accuracy": _percent(figures.mean_accuracy),
        "pixel_accuracy": _percent(figures.pixel_accuracy),
        "classes": {
            name: {"iou": _percent(iou), "accuracy": _percent(accuracy), "pixels": int(pixels)}
            for name, iou, accuracy, pixels in by_class
        },
        "by_image": {dataset.samples[place].name: _percent(share) for place, share in progress.by_image.items()},
        "machine": describe_machine(),
    }


def write_results(folder: Path, facts: Facts) -> Path:
    """Write a run's JSON file and the folder's table anew; returns the JSON file. Raises DatasetError."""
    path = folder / f"{run_name(facts)}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, f"{json.dumps(facts, indent=2)}\n".encode())
        # a folder's name, which heads its column, may be no UTF-8
        write_atomically(folder / TABLE, ("\n".join(table_lines(folder)) + "\n").encode(errors="backslashreplace"))
    except OSError as error:
        raise unwritable(path, error) from error
    return path


def table_lines(folder: Path) -> list[str]:
    """Return the Markdown table of all results in a folder, each system above what its paper reports."""
    return _table_of([_read_result(path) for path in _result_files(folder)], published())


def _table_of(results: list[Facts], table: Facts) -> list[str]:
    columns = table["columns"]
    own = sorted({facts["title"] for facts in results if facts["column"] not in columns})
    groups: dict[System, list[Facts]] = {}
    for facts in results:
        groups.setdefault(_system(facts), []).append(facts)
    lines = ["# mIoU, percent", "", "Written by `talk2dino evaluate`.", ""]
    lines += [_row("system", *columns, "mean of 8", *own), "|---" * (len(columns) + len(own) + 2) + "|"]
    for system, members in groups.items():
        lines.append(_measured(system, members, columns, own))
        lines += [_published(row, columns, own) for row in table["rows"] if _is_of(row, system)]
    return [*lines, "", *_notes(results, table)]


def _result_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob(_RESULTS)) if not path.name.endswith(".state.json")]


def _read_result(path: Path) -> Facts:
    try:
        facts: Facts = parse_json(read_regular(path), finite=False)
        lacking = [key for key in (*_KEPT, "title", "column", "miou", "machine") if key not in dict(facts)]
        if not lacking:
            _table_of([facts], published())  # a row can be made of it
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DatasetError(
            f"{path} cannot be read as a result ({error}), expected a file of `talk2dino evaluate`; remove it"
        ) from error
    if lacking:
        raise DatasetError(
            f"{path} is a result without {', '.join(lacking)}, expected one of this version; remove it or name another "
            "folder with --output"
        )
    return facts


def _system(facts: Facts) -> System:
    patches = facts["patch_source"]
    other_patches = "" if patches == patch_source_of(find_model(facts["model"])) else patches
    return System(facts["model"], facts["options"]["refine"], facts["protocol"], facts["projection"], other_patches)


def _is_of(row: Facts, system: System) -> bool:
    """Whether a published row, which is of the published projection, is of the system."""
    return (row["model"], row["refine"], row["protocol"], "") == system[:4]


def _measured(system: System, members: list[Facts], columns: list[str], own: list[str]) -> str:
    cells = {facts["column"] or facts["title"]: _cell(facts) for facts in members}
    whole = {facts["column"]: facts["miou"] for facts in members if not _remarks(facts)}
    name = f"`{system.model}`{' + PAMR' if system.refine == 'pamr' else ''}"
    name += f", projection {system.projection[:8]}" if system.projection else ""
    name += f", patches of the {system.other_patches}" if system.other_patches else ""
    name += f", protocol {system.protocol}" if system.protocol != find_model(system.model).protocol else ""
    known, others = ([cells.get(column, "") for column in names] for names in (columns, own))
    return _row(f"{name}, measured", *known, _mean(whole, columns), *others)


def _published(row: Facts, columns: list[str], own: list[str]) -> str:
    miou = row["miou"]
    cells = [f"{miou[column]:.1f}" if column in miou else "" for column in columns]
    return _row(f"{row['system']}, published", *cells, _mean(miou, columns), *("" for _ in own))


def _mean(miou: dict[str, float | None], columns: list[str]) -> str:
    values = [value for column in columns if (value := miou.get(column)) is not None]
    return f"{sum(values) / len(values):.1f}" if len(values) == len(columns) else ""


def _cell(facts: Facts) -> str:
    value = "nothing scored" if facts["miou"] is None else f"{facts['miou']:.2f}"
    return value + (_MARK if _remarks(facts) else "")


def _remarks(facts: Facts) -> list[str]:
    """List the reasons why a figure may not be compared with a published one."""
    remarks = []
    if facts["images"] < facts["images_of_the_set"]:
        remarks.append(f"{facts['images']} of {counted(facts['images_of_the_set'], 'image')}")
    remarks += departures(facts["protocol"], facts["options"])
    kind = DATASETS.get(facts["dataset"])
    return remarks + (_background_remarks(facts, kind) if kind else [])


def _background_remarks(facts: Facts, kind: Kind) -> list[str]:
    options, remarks = facts["options"], []
    cleaning = kind.background_cleaning and facts["protocol"] == "talk2dino"
    if options["background_cleaning"] != cleaning:
        remarks.append(f"the published protocol has background cleaning {'on' if cleaning else 'off'}")
    own = own_threshold(facts["model"], options["window_scores"]) if kind.classes[0] == BACKGROUND else None
    if options["background"] != own:
        remarks.append(f"background {options['background']}, not the model's own {own}")
    return remarks


def _notes(results: list[Facts], table: Facts) -> list[str]:
    notes = []
    for facts in results:
        options, remarks = facts["options"], _remarks(facts)
        notes.append(
            f"- {facts['title']}, `{facts['model']}`{_MARK if remarks else ''}: "
            f"{''.join(f'{r}; ' for r in remarks)}{counted(facts['images'], 'image')}, pixels right "
            f"{facts['pixel_accuracy']} %, protocol {facts['protocol']}, patches of the {facts['patch_source']}, "
            f"refine {options['refine']}, background {options['background']}, cleaning "
            f"{options['background_cleaning']}, {facts['precision']}; {machine_line(facts['machine'])}"
            + "".join(f"; skipped {name}" for name in facts["skipped"])
        )
    systems = {_system(facts) for facts in results}
    rows = [row for row in table["rows"] if any(_is_of(row, system) for system in systems)]
    notes += [f"- {row['system']}: {row['source']}; {table['protocol'][row['protocol']]}" for row in rows]
    return notes


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _percent(share: float) -> float | None:
    return None if math.isnan(share) else round(100 * float(share), 2)
