# SPDX-License-Identifier: Apache-2.0
"""What a finding says in one sentence; where nothing is found, how close the best came."""

from __future__ import annotations

from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.perception.memory.place_finder import FoundPlace
from talk2dino_ros.perception.memory.spatial_memory import Finding, SpatialMemory
from talk2dino_ros.perception.memory.word_query import WordQuery


def finding_sentence(query: WordQuery, finding: Finding, memory: SpatialMemory) -> str:
    """Return the sentence for a person."""
    if finding.places:
        best = finding.places[0][1]
        places = counted(len(finding.places), "place", "places, the best one")
        return f"'{query.name}' is at {places} sure by {best.confidence:.0%}"
    if finding.best_score is None or finding.best_margin is None:
        when = "since then" if memory.keyframes else "of this map yet"
        return f"'{query.name}' was not found: nothing is remembered {when}"
    if finding.refused is not None:
        return f"'{query.name}' was not found in {memory.floor_m2:.0f} m2: {_refused(finding.refused)}"
    if finding.best_margin > 0:
        return f"'{query.name}' was not found there, though elsewhere, or with a lower score than min_score"
    return (
        f"'{query.name}' was not found in {memory.floor_m2:.0f} m2: the best score was {finding.best_score:.3f}, "
        f"{-finding.best_margin:.3f} below what speaks against it"
    )


def _refused(place: FoundPlace) -> str:
    x, y, z = place.position
    return (
        f"the best place, at ({x:.2f}, {y:.2f}, {z:.2f}), has an evidence of {place.evidence:.2f} of "
        f"{counted(place.detections, 'image')}, below min_evidence"
    )
