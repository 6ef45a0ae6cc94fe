# SPDX-License-Identifier: Apache-2.0
"""The results of runs: a JSON file each, and one Markdown table of all in a folder beside the papers' numbers."""

import json
import math
from importlib import resources
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.bench.machine import describe_machine, machine_line
from talk2dino_ros.engine.evaluate.datasets import DATASETS, Dataset, DatasetError
from talk2dino_ros.engine.evaluate.state import Progress, Subject

TABLE = "evaluation.md"
_RESULTS = "evaluate_*.json"
_MARK = " \\*"  # not to be compared with a published figure; the notes say why
Facts = dict[str, Any]


def published() -> Facts:
    """Return the papers' numbers, each row with its source: the one place where they stand."""
    text = (resources.files("talk2dino_ros.engine") / "data/published_miou.json").read_text(encoding="utf-8")
    table: Facts = json.loads(text)
    return table


def run_name(dataset: str, model: str, refine: str) -> str:
    """Return what the files of a run are called, without their ending."""
    return f"evaluate_{dataset}_{model}_{refine}"


def result_facts(dataset: Dataset, subject: Subject, progress: Progress) -> Facts:
    """Return all that a run found, ready for JSON; shares are percent, None where no pixel bears on one."""
    figures = progress.confusion.figures()
    by_class = zip(dataset.classes, figures.iou, figures.accuracy, progress.confusion.counts.sum(axis=1), strict=True)
    return {
        **{key: subject[key] for key in ("dataset", "model", "precision", "options", "data")},
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
    path = folder / f"{run_name(facts['dataset'], facts['model'], facts['options']['refine'])}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        (folder / TABLE).write_text("\n".join(table_lines(folder)) + "\n", encoding="utf-8")
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be written ({error}), expected a folder with room for it; name another with --output"
        ) from error
    return path


def table_lines(folder: Path) -> list[str]:
    """Return the Markdown table of all results in a folder, each system above what its paper reports."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in _result_files(folder)]
    table = published()
    columns = table["columns"]
    own = sorted({facts["title"] for facts in results if facts["column"] not in columns})
    groups: dict[tuple[str, str], list[Facts]] = {}
    for facts in results:
        groups.setdefault((facts["model"], facts["options"]["refine"]), []).append(facts)
    lines = ["# mIoU, percent", "", "Written by `talk2dino evaluate`.", ""]
    lines += [_row("system", *columns, "mean of 8", *own), "|---" * (len(columns) + len(own) + 2) + "|"]
    for (model, refine), members in groups.items():
        lines.append(_measured(model, refine, members, columns, own))
        rows = [row for row in table["rows"] if (row["model"], row["refine"]) == (model, refine)]
        lines += [_published(row, columns, own) for row in rows]
    return [*lines, "", *_notes(results, table)]


def _result_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob(_RESULTS)) if not path.name.endswith(".state.json")]


def _measured(model: str, refine: str, members: list[Facts], columns: list[str], own: list[str]) -> str:
    cells = {facts["column"] or facts["title"]: _cell(facts) for facts in members}
    whole = {facts["column"]: facts["miou"] for facts in members if not _remarks(facts)}
    name = f"`{model}`{' + PAMR' if refine == 'pamr' else ''}, measured"
    known, others = ([cells.get(column, "") for column in names] for names in (columns, own))
    return _row(name, *known, _mean(whole, columns), *others)


def _published(row: Facts, columns: list[str], own: list[str]) -> str:
    miou = row["miou"]
    cells = [f"{miou[column]:.1f}" if column in miou else "" for column in columns]
    return _row(f"{row['system']}, published", *cells, _mean(miou, columns), *("" for _ in own))


def _mean(miou: dict[str, float | None], columns: list[str]) -> str:
    values = [value for column in columns if (value := miou.get(column)) is not None]
    return f"{sum(values) / len(values):.1f}" if len(values) == len(columns) else ""


def _cell(facts: Facts) -> str:
    value = "nothing judged" if facts["miou"] is None else f"{facts['miou']:.2f}"
    return value + (_MARK if _remarks(facts) else "")


def _remarks(facts: Facts) -> list[str]:
    """Why a figure may not be compared with a published one."""
    remarks = []
    if facts["images"] < facts["images_of_the_set"]:
        remarks.append(f"{facts['images']} of {facts['images_of_the_set']} images")
    if facts["options"]["input"] != "slide":
        remarks.append(f"input {facts['options']['input']}, which is not the published protocol's")
    kind = DATASETS.get(facts["dataset"])
    if kind and facts["options"]["background_cleaning"] != kind.background_cleaning:
        remarks.append(f"the published protocol has background cleaning {'on' if kind.background_cleaning else 'off'}")
    return remarks


def _notes(results: list[Facts], table: Facts) -> list[str]:
    notes = []
    for facts in results:
        options, remarks = facts["options"], _remarks(facts)
        notes.append(
            f"- {facts['title']}, `{facts['model']}`{_MARK if remarks else ''}: {''.join(f'{r}; ' for r in remarks)}"
            f"{facts['images']} images, pixels right {facts['pixel_accuracy']} %, input {options['input']}, "
            f"refine {options['refine']}, background {options['background']}, "
            f"cleaning {options['background_cleaning']}, {facts['precision']}; {machine_line(facts['machine'])}"
            + "".join(f"; skipped {name}" for name in facts["skipped"])
        )
    systems = {(facts["model"], facts["options"]["refine"]) for facts in results}
    rows = [row for row in table["rows"] if (row["model"], row["refine"]) in systems]
    notes += [f"- {row['system']}: {row['source']}; {table['protocol'][row['protocol']]}" for row in rows]
    return notes


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _percent(share: float) -> float | None:
    return None if math.isnan(share) else round(100 * float(share), 2)
