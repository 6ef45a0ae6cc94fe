# SPDX-License-Identifier: Apache-2.0
"""Parameters of Nav2's semantic segmentation layer (kiwicampus/semantic_segmentation_layer) for a vocabulary.

Its class names are exactly those of label_info: a name that it lacks costs nothing, and one that label_info lacks ends
Nav2's controller as soon as somebody changes a cost while it runs.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from talk2dino_ros.cli.class_words import YAML_SUFFIXES, vocabulary_parameters
from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.text.class_syntax import split_classes
from talk2dino_ros.engine.vocabulary import Vocabulary


def _labels(*lines: str) -> frozenset[str]:
    return frozenset(label for line in lines for label in line.split(", "))


@dataclass(frozen=True)
class ClassType:
    """Costs and rules of the layer for a group of classes.

    why: a comment for the file. Costs: 0 to 254; mark_confidence: 0 to 254, what the samples' mean has to be above.
    labels: which labels, of the shipped vocabularies and of others, are of this type.
    """

    name: str
    why: str
    base_cost: int
    max_cost: int
    mark_confidence: int
    samples_to_max_cost: int
    dominant_priority: bool
    labels: frozenset[str] = frozenset()


# mark_confidence: at 128 it could as well be something else; measured with benchmarks.costmap_confidence.
KEEP_AWAY = ClassType(
    name="keep_away",
    why="one detection outweighs whatever else the tile was",
    base_cost=200,
    max_cost=254,
    mark_confidence=135,
    samples_to_max_cost=2,
    dominant_priority=True,
    labels=_labels(
        "person, pet, animal, stairs, water, car, truck, bicycle, motorcycle, forklift, pallet jack, robot",
    ),
)
AVOID = ClassType(
    name="avoid",
    why="nothing to drive over or to brush against",
    base_cost=0,
    max_cost=180,
    mark_confidence=150,
    samples_to_max_cost=3,
    dominant_priority=False,
    labels=_labels(
        "curtain, plant, bag, box, bin, cup, bottle, book, laptop",
        "road, curb, gravel, dirt, grass, snow, mud, flower, bush, rock",
        "pallet, crate, barrel, cart, ladder, cable, spill, traffic cone, stretch wrap, hard hat",
    ),
)
FREE = ClassType(
    name="free",
    why="what the obstacle layer sees anyway, and what takes old costs away where it is seen",
    base_cost=0,
    max_cost=0,
    mark_confidence=0,
    samples_to_max_cost=1,
    dominant_priority=False,
)
CLASS_TYPES = (KEEP_AWAY, AVOID, FREE)
HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# For the parameter file of your Nav2: the semantic segmentation layer (kiwicampus/semantic_segmentation_layer) in the
# local costmap, fed by the node {node} alone; docs/nav2.md explains it. Copy the block `semantic_layer` and its entry
# in `plugins`; keep your other layers. Made by `talk2dino nav2-layer` of {source}: each label is in one
# class type, and no other name is. Move labels between the types as your robot needs it.
local_costmap:
  local_costmap:
    ros__parameters:
      plugins: ["obstacle_layer", "semantic_layer", "inflation_layer"]
      semantic_layer:
        plugin: "semantic_segmentation_layer::SemanticSegmentationLayer"
        enabled: true
        combination_method: 1               # the larger cost of this layer and the others
        use_approximate_time_sync: true     # all topics below have one stamp, so false works as well
        observation_sources: "camera"
        camera:
          # whole names: the layer resolves others in the costmap's own namespace, as in /local_costmap/{node}/mask
          segmentation_topic: "{topics}/mask"
          confidence_topic: "{topics}/confidence"
          labels_topic: "{topics}/label_info"
          pointcloud_topic: "{topics}/cloud"
          max_obstacle_distance: 5.0
          min_obstacle_distance: 0.3
          tile_map_decay_time: 5.0          # less than the node's id_quarantine_s
          visualize_tile_map: false
          use_cost_selection: true          # of a tile's pixels in one image the costliest counts
          class_types: [{types}]
"""
INDENT = " " * 10


def read_vocabulary(text: str) -> tuple[list[str], str]:
    """Return the labels of a vocabulary, and its background's or "".

    text: a parameter file (.yaml), a file of `talk2dino encode` (.safetensors), or the words of a class list.
    Raises VocabularyError.
    """
    background = ""
    if text.endswith(YAML_SUFFIXES):
        parameters = vocabulary_parameters(Path(text))
        classes, background = parse_classes(parameters["vocabulary"]), str(parameters.get("background_class") or "")
    elif text.endswith(".safetensors"):
        classes = Vocabulary.load(text).classes
    else:
        classes = parse_classes(split_classes(text))
    return [entry.name for entry in classes if entry.is_labelled], background


def types_of(labels: Sequence[str], moved: Mapping[str, Sequence[str]]) -> dict[ClassType, list[str]]:
    """Sort labels into the class types; `moved` names labels that belong elsewhere than by default, by type.

    Raises VocabularyError for a moved name that is no label, or that is in two types.
    """
    types = {type_of_class.name: type_of_class for type_of_class in CLASS_TYPES}
    places = {label: next((each for each in CLASS_TYPES if label in each.labels), FREE) for label in labels}
    known = {label.casefold(): label for label in labels}
    taken: set[str] = set()
    for type_name, names in moved.items():
        for name in names:
            label = known.get(name.casefold())
            if label is None or label in taken:
                wrong = "is in two class types" if label else "is not a label of the vocabulary"
                raise VocabularyError(f"{name!r} {wrong}, expected one of {', '.join(labels)}, once; correct it")
            taken.add(label)
            places[label] = types[type_name]
    return {each: [label for label in labels if places[label] is each] for each in CLASS_TYPES}


def layer_file(sorted_labels: Mapping[ClassType, Sequence[str]], source: str, namespace: str, node: str) -> str:
    """Return the file's text. source: what the vocabulary was read from. Types without a label are left out."""
    used = {each: labels for each, labels in sorted_labels.items() if labels}
    topics = "/" + "/".join(part for part in (namespace.strip("/"), node.strip("/")) if part)
    types = ", ".join(_quoted(each.name) for each in used)
    head = HEAD.format(node=node, source=source, topics=topics, types=types)
    return head + "".join(_section(each, labels) for each, labels in used.items())


def _section(class_type: ClassType, labels: Sequence[str]) -> str:
    width = 120 - len(INDENT) - 2
    names = textwrap.fill(
        ", ".join(_quoted(label).replace(" ", "\0") for label in labels),
        width, initial_indent="classes: [", subsequent_indent=" " * len("classes: ["), break_long_words=False,
        break_on_hyphens=False,
    ).replace("\0", " ")  # fmt: skip
    values = {
        name: json.dumps(getattr(class_type, name))
        for name in ("base_cost", "max_cost", "mark_confidence", "samples_to_max_cost", "dominant_priority")
    }
    lines = [f"{names}]", *(f"{name}: {value}" for name, value in values.items())]
    body = textwrap.indent("\n".join(lines), INDENT + "  ")
    return f"{INDENT}{class_type.name}:  # {class_type.why}\n{body}\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
