# SPDX-License-Identifier: Apache-2.0
"""The memory of a small room with the model `mini`: each patch looks exactly like the word for what is there."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from memory_room import LAMP, MUG, seen_from

from talk2dino_ros.engine import encode_vocabulary
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.models.word_space import feature_spaces
from talk2dino_ros.perception.memory.disk.keyframe_store import FeatureKind, KeyframeStore
from talk2dino_ros.perception.memory.spatial_memory import SpatialMemory

NAMES = ("wall", "mug", "lamp", "plant")  # in the order of memory_room.WORDS


@lru_cache(maxsize=1)
def vectors() -> np.ndarray:
    """The words' vectors, float32 [4, D]."""
    return encode_vocabulary(NAMES, "mini", device="cpu").embeddings


def make_room(folder: Path, name: str = "room", space: str = "") -> Path:
    """Drive along the wall once, past a mug and a lamp; return the map's folder."""
    kind = FeatureKind(space or feature_spaces(find_model("mini"))[0], "mini", vectors().shape[1], "map")
    memory = SpatialMemory(KeyframeStore(folder, name), cell_m=0.1)
    for number, y in enumerate((-0.5, 0.0, 0.5, 1.0)):
        seen = seen_from(y, {MUG: "mug", LAMP: "lamp"}, 100.0 + number)
        memory.remember(replace(seen, features=seen.features[:, : len(NAMES)] @ vectors()), kind)
    memory.store.close()
    return folder / name
