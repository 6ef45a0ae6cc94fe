# SPDX-License-Identifier: Apache-2.0
"""The tables of a folder of results: COCO's JSON of all masks, and a CSV of each class in each image."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from talk2dino_ros.cli.files.image_record import Record
from talk2dino_ros.cli.files.result_folder import COCO, TABLE, ResultFolder
from talk2dino_ros.cli.files.result_writer import write_text
from talk2dino_ros.engine.text.safe_text import safe_text

COLUMNS = ("image", "number", "stamp_s", "class_id", "class", "share", "confidence", "point_x", "point_y")


def write_tables(folder: ResultFolder, names: Mapping[int, str]) -> None:
    """Write both. names: of the classes and questions, by id. Raises UnwritableError."""
    records = [folder.records[key] for key in sorted(folder.records, key=lambda key: (key[0], key[1] or 0))]
    for name, content in ((COCO, coco_text(records, names)), (TABLE, csv_text(records, names))):
        write_text(folder.path / name, content)


def coco_text(records: Sequence[Record], names: Mapping[int, str]) -> str:
    """Return COCO's JSON: images, categories, and one annotation for each class in each image."""
    images = [_image(number, record) for number, record in enumerate(records, 1)]
    found = [
        (image["id"], each, record) for image, record in zip(images, records, strict=True) for each in record["classes"]
    ]
    categories = [{"id": class_id, "name": name} for class_id, name in names.items()]
    annotations = [_annotation(number, *each) for number, each in enumerate(found, 1)]
    return json.dumps({"images": images, "categories": categories, "annotations": annotations})


def csv_text(records: Sequence[Record], names: Mapping[int, str]) -> str:
    """Return the CSV: a line for each class in each image, also where it is not seen (share 0).

    share: of the image's pixels; confidence: their mean, 0..1; point: the pixel of its best point of interest.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in records:
        writer.writerows(_rows(record, names))
    return text.getvalue()


def _image(number: int, record: Record) -> dict[str, Any]:
    size = {"width": record["width"], "height": record["height"]}
    image = {"id": number, "file_name": safe_text(record["file"]), **size}
    extras = {"frame": record["number"], "stamp_ns": record["stamp_ns"], "mask": safe_text(record["mask"])}
    return image | {name: value for name, value in extras.items() if value is not None}


def _annotation(number: int, image_id: int, seen: Record, record: Record) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image_id,
        "category_id": seen["id"],
        "segmentation": {"size": [record["height"], record["width"]], "counts": seen["rle"]},
        "area": seen["area"],
        "bbox": seen["box"],
        "iscrowd": 0,
        "score": seen["confidence"],
    }


def _rows(record: Record, names: Mapping[int, str]) -> list[tuple[Any, ...]]:
    seen = {each["id"]: each for each in record["classes"]}
    points = {each["id"]: each["pixel"] for each in reversed(record["points"])}  # the best one is the first
    number = "" if record["number"] is None else record["number"]
    stamp = "" if record["stamp_ns"] is None else f"{record['stamp_ns'] / 1e9:.6f}"
    pixels = record["width"] * record["height"]
    return [
        (
            safe_text(record["image"]),
            number,
            stamp,
            class_id,
            name,
            f"{seen[class_id]['area'] / pixels:.6f}" if class_id in seen else "0",
            seen[class_id]["confidence"] if class_id in seen else "",
            *points.get(class_id, ("", "")),
        )
        for class_id, name in names.items()
    ]
