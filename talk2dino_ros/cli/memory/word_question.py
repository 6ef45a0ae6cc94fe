# SPDX-License-Identifier: Apache-2.0
"""Ask a memory for a word: the arguments, the word's vector of the model's text side alone, and the finding."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from talk2dino_ros.cli.memory.spoken_time import stamp_of
from talk2dino_ros.cli.model_arguments import add_threshold_argument, add_word_arguments, word_choices
from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.text.class_syntax import split_classes
from talk2dino_ros.perception.evidence import MIN_EVIDENCE
from talk2dino_ros.perception.memory.disk.store_lock import StoreError
from talk2dino_ros.perception.memory.place_finder import Search
from talk2dino_ros.perception.memory.word_query import AGAINST, WordQuery, entries_of, make_query
from talk2dino_ros.viz.terminal import printable

if TYPE_CHECKING:
    from talk2dino_ros.engine.models.model_row import Model
    from talk2dino_ros.perception.memory.disk.keyframe_store import FeatureKind
    from talk2dino_ros.perception.memory.spatial_memory import Finding, SpatialMemory


def add_question_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a word is compared with and where it is looked for."""
    parser.add_argument(
        "--against", default=", ".join(AGAINST), help='words that compete with it (default: "%(default)s")'
    )
    add_word_arguments(parser)
    parser.set_defaults(model="")
    add_threshold_argument(parser, "score below which nothing was seen")
    parser.add_argument("--min-score", type=float, default=0.0, help="lowest score of a place, 0 to 1 (default: 0)")
    parser.add_argument(
        "--min-evidence",
        type=float,
        default=MIN_EVIDENCE,
        help="least evidence of a place: log-odds of the word from all its images and voxels (default: %(default)g)",
    )
    parser.add_argument(
        "--since", type=stamp_of, default=0, help="only what was seen since: 2026-11-26T08:00 (UTC), or seconds"
    )
    parser.add_argument("--near", type=float, nargs=3, metavar=("X", "Y", "Z"), help="a point in metres, with --within")
    parser.add_argument("--within", type=float, metavar="M", help="only places within this many metres of --near")


def ask(memory: SpatialMemory, word: str, arguments: argparse.Namespace, most: int) -> tuple[WordQuery, Finding]:
    """Find a word in a memory. Raises VocabularyError, StoreError for words of another model, WeightsError."""
    if (arguments.near is None) != (arguments.within is None):
        raise VocabularyError("--near and --within belong together, expected both or none; give the other one too")
    query = question(memory.store.kind, word, arguments)
    search = Search(
        min_score=arguments.min_score,
        min_evidence=arguments.min_evidence,
        near=None if arguments.near is None else tuple(arguments.near),
        within_m=arguments.within or 0.0,
        most=most,
    )
    finding = memory.find(query, search, since_ns=arguments.since)
    return query, finding


def question(kind: FeatureKind | None, word: str, arguments: argparse.Namespace) -> WordQuery:
    """Encode a word and its competitors by the model of the memory, or by the one that is named."""
    entries = entries_of(word, split_classes(arguments.against))
    name = arguments.model or (kind.model if kind else "")
    if not name:
        raise StoreError("the memory is empty, expected keyframes, or the model's name; name it by --model")
    # with torch, so not for `--help`
    from talk2dino_ros.engine import encode_vocabulary
    from talk2dino_ros.engine.models.registry import find_model

    model = find_model(name)
    if kind is not None:
        check_space(model, kind, arguments)
    vocabulary = encode_vocabulary([entry.text for entry in entries], name, **word_choices(arguments))
    for warning in vocabulary.warnings:
        print(f"warning: {printable(warning)}", file=sys.stderr)
    background = model.background if arguments.background == -1.0 else arguments.background
    if not 0 <= background < 1:
        raise VocabularyError(f"background is {background:g}, expected 0 to below 1, or -1 for the model's own; set it")
    query = make_query(entries, vocabulary.embeddings, background or None, model.logit_scale)
    if query.background is None and len(query.vectors) == 1:
        raise VocabularyError(
            f"nothing competes with {query.name!r}, and there is no background threshold, expected one of the two; "
            "name words by --against that mean something else, or set --background"
        )
    return query


def check_space(model: Model, kind: FeatureKind, arguments: argparse.Namespace) -> None:
    """Raise StoreError where a model's words cannot be compared with the memory's features.

    By the sums of the image side's files, where they are on this machine; without them by the model's name.
    """
    from talk2dino_ros.engine.models.word_space import feature_spaces

    spaces = feature_spaces(model, arguments.weights_dir)
    fits = kind.feature_space in spaces if spaces else kind.model == model.name
    if not fits:
        theirs = f" of the feature space {' or '.join(map(repr, spaces))}" if spaces else ""
        raise StoreError(
            f"the words are of {model.name}{theirs}, but the memory's features of {kind.model} are of "
            f"{kind.feature_space!r}; ask by the model and the weights that it was made with"
        )
