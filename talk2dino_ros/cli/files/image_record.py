# SPDX-License-Identifier: Apache-2.0
"""What is kept of each image beside its pictures: classes as RLE with share and confidence, points of interest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talk2dino_ros.cli.files.coco_rle import mask_of_rle, rle_of_classes
from talk2dino_ros.perception.points_of_interest import PointOfInterest, find_points
from talk2dino_ros.perception.space.regions import layers_of

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmentation, Vocabulary

Mask = NDArray[np.uint8]
Record = dict[str, Any]


def make_record(rgb: NDArray[np.uint8], seen: Segmentation, vocabulary: Vocabulary) -> Record:
    """Return an image's record, ready for JSON.

    classes: of each class and question that is seen its id, name, area in pixels, box (x, y, width, height), mean
    confidence 0..1, and mask as RLE. points: of interest, the best of a class first.
    """
    layers = list(layers_of(seen, vocabulary.labels(), vocabulary.questions()))
    return {
        "height": rgb.shape[0],
        "width": rgb.shape[1],
        "pixels": sum_of_pixels(rgb),
        "classes": [each for layer in layers for each in _classes(*layer)],
        "points": [_point(point) for layer in layers for point in find_points(*layer)],
    }


def sum_of_pixels(rgb: NDArray[np.uint8]) -> str:
    """Return a sum that differs where any pixel does."""
    return hashlib.sha256(np.ascontiguousarray(rgb).data).hexdigest()[:32]


def points_of(record: Record) -> list[PointOfInterest]:
    """Return the points of interest of a record."""
    return [
        PointOfInterest(
            each["id"], each["name"], each["confidence"], each["share"], tuple(each["pixel"]), tuple(each["box"])
        )
        for each in record["points"]
    ]


def with_questions(mask: Mask, record: Record, questions: Mapping[int, str]) -> Mask:
    """Return the mask with the answers to questions over it, as `overlay.with_answers` does before they were RLE."""
    for each in record["classes"]:
        if each["id"] in questions:
            mask = np.where(mask_of_rle(each["rle"], mask.shape), np.uint8(each["id"]), mask)
    return mask


def _classes(mask: Mask, confidence: Mask, labels: Mapping[int, str]) -> list[Record]:
    return [
        _class(class_id, labels[class_id], mask == class_id, confidence, rle)
        for class_id, rle in rle_of_classes(mask, list(labels)).items()
    ]


def _class(class_id: int, name: str, own: NDArray[np.bool_], confidence: Mask, rle: str) -> Record:
    inside = own.view(np.uint8)
    return {
        "id": class_id,
        "name": name,
        "area": int(cv2.countNonZero(inside)),
        "box": [*map(int, cv2.boundingRect(inside))],
        "confidence": round(cv2.mean(confidence, inside)[0] / 255, 4),
        "rle": rle,
    }


def _point(point: PointOfInterest) -> Record:
    return {
        "id": point.class_id,
        "name": point.class_name,
        "confidence": round(point.confidence, 4),
        "share": round(point.area_share, 6),
        "pixel": [*point.pixel],
        "box": [*point.box],
    }
