# SPDX-License-Identifier: Apache-2.0
"""What is told of a place, for JSON and GeoJSON."""

from typing import Any

from talk2dino_ros.cli.memory.spoken_time import time_text
from talk2dino_ros.perception.memory.place_finder import FoundPlace


def place_values(number: int, place: FoundPlace) -> dict[str, Any]:
    """Return a place's values by name; number: its rank, from 1."""
    return {
        "place": number,
        "score": place.score,
        "margin": place.margin,
        "confidence": place.confidence,
        "evidence": place.evidence,
        "position": place.position,
        "extent": place.extent,
        "voxels": len(place.keys),
        "detections": place.detections,
        "first_seen": time_text(place.first_ns),
        "last_seen": time_text(place.last_ns),
    }
