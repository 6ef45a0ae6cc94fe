# SPDX-License-Identifier: Apache-2.0
"""Draw how much is found of what is there, and of what is not, against the evidence that a place needs.

    python -m benchmarks.memory.evidence FOLDER --tuned 0 1 --reported 9 10 11

FOLDER is that of `python -m benchmarks.memory.rooms --keep`. The rooms `--tuned` are those that MIN_EVIDENCE was chosen
on; the others were not looked at for that. Beside it the rule before: margin and size alone, whatever number of images.
Writes docs/memory_evidence.png and a file in benchmarks/results/.
"""

import argparse
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # no display is needed
import matplotlib.pyplot as plt

from benchmarks.machine import write_result
from benchmarks.memory.furnished_rooms import absent_words, furnished, places_of, words_in
from benchmarks.memory.recall import NEAR_M, Answer, Point, share
from benchmarks.memory.toured_rooms import BEFORE, FACTS, map_name, open_memory
from benchmarks.memory.touring_robot import query_of_word
from talk2dino_ros.engine import Segmenter, load_segmenter
from talk2dino_ros.perception.evidence import MIN_EVIDENCE
from talk2dino_ros.perception.memory.place_finder import FoundPlace, Search
from talk2dino_ros.perception.memory.spatial_memory import SpatialMemory
from talk2dino_ros.perception.memory.word_query import WordQuery

DOCS = Path(__file__).resolve().parents[2] / "docs"
EVIDENCE = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, MIN_EVIDENCE, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 4.0)
SIZE = (0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15)
Best = list[Point | None]  # the best place of a word, for each threshold


@dataclass(frozen=True)
class AskedWord:
    """A word in a room. truths: where its objects are, none of an absent word. evidence, size: by each threshold."""

    word: str
    truths: list[Point]
    evidence: Best
    size: Best


def main() -> None:
    """Ask the kept rooms, print the figures, write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder that `python -m benchmarks.memory.rooms --keep` has written")
    parser.add_argument(
        "--tuned",
        type=int,
        nargs="+",
        required=True,
        metavar="SEED",
        help="seeds of the rooms that the threshold was chosen on",
    )
    parser.add_argument(
        "--reported", type=int, nargs="+", required=True, metavar="SEED", help="seeds of the rooms that are reported"
    )
    parser.add_argument("--model", default="mini", help="model name (default: %(default)s)")
    parser.add_argument(
        "--output", type=Path, default=DOCS / "memory_evidence.png", help="picture to write (default: %(default)s)"
    )
    arguments = parser.parse_args()
    segmenter = load_segmenter(arguments.model, device="cpu")
    facts: dict[str, Any] = {"model": arguments.model, "min_evidence": MIN_EVIDENCE}
    for name in ("tuned", "reported"):
        seeds = getattr(arguments, name)
        asked = [word for seed in seeds for word in ask_room(segmenter, arguments.folder, seed)]
        facts[name] = {"rooms": seeds, **curves(asked)}
    facts["reported"]["tracker"] = tracker_point(arguments.folder, arguments.reported)
    print(json.dumps(facts, indent=1))
    draw(facts, arguments.output)
    write_result(f"memory_evidence_{arguments.model}", facts)


def ask_room(segmenter: Segmenter, folder: Path, seed: int) -> list[AskedWord]:
    """Ask a kept room, as it was after the first tour, for what is there and for what is not."""
    room = furnished(seed).before
    memory = open_memory(folder / BEFORE, seed)
    words = [
        ask(memory, query_of_word(segmenter, word), places_of(word, room))
        for word in [*words_in(room), *absent_words(seed)]
    ]
    memory.store.close()
    return words


def ask(memory: SpatialMemory, query: WordQuery, truths: list[Point]) -> AskedWord:
    """Ask for one word by all thresholds of both rules."""
    places = [place for _, place in memory.find(query, Search(min_evidence=0.0)).places]
    largest = max(places, key=size_of, default=None)
    return AskedWord(
        query.name,
        truths,
        [_first(memory.find(query, Search(min_evidence=least, most=1)).places) for least in EVIDENCE],
        [largest.position if largest and size_of(largest) >= least else None for least in SIZE],
    )


def _first(places: Sequence[tuple[int, FoundPlace]]) -> Point | None:
    return places[0][1].position if places else None


def size_of(place: FoundPlace) -> float:
    """Return what the rule before ranked by: the margin times the square root of the size."""
    return place.margin * math.sqrt(len(place.keys))


def curves(asked: Sequence[AskedWord]) -> dict[str, Any]:
    """Return, for each threshold of each rule, recall@1 and the share of absent words that have a place, per cent."""
    return {
        "words": sum(bool(each.truths) for each in asked),
        "absent_words": sum(not each.truths for each in asked),
        "by_evidence": curve(asked, EVIDENCE, lambda each: each.evidence),
        "by_margin_and_size": curve(asked, SIZE, lambda each: each.size),
    }


def curve(
    asked: Sequence[AskedWord], thresholds: Sequence[float], best_of: Callable[[AskedWord], Best]
) -> list[dict[str, float | None]]:
    """Return one row for each threshold."""
    there, absent = [each for each in asked if each.truths], [each for each in asked if not each.truths]
    rows = []
    for number, least in enumerate(thresholds):
        right = sum(is_right(best_of(each)[number], each) for each in there)
        found = sum(best_of(each)[number] is not None for each in absent)
        rows.append(
            {
                "least": least,
                "recall_at_1_percent": share(right, len(there)),
                "absent_found_percent": share(found, len(absent)),
            }
        )
    return rows


def is_right(place: Point | None, asked: AskedWord) -> bool:
    """Whether a place is within NEAR_M of an object of the word."""
    return place is not None and Answer(asked.word, (place,), tuple(asked.truths)).is_found(1)


def tracker_point(folder: Path, seeds: Sequence[int]) -> dict[str, float | None]:
    """Return the same of the tracker that had each word for itself during the tour."""
    right, words, found, absent = 0, 0, 0, 0
    for seed in seeds:
        known = json.loads((folder / FACTS / f"{map_name(seed)}.json").read_text())["questioned"]
        room = furnished(seed).before
        answers = [Answer(word, tuple(known[word]), tuple(places_of(word, room))) for word in words_in(room)]
        right, words = right + sum(answer.is_found(1) for answer in answers), words + len(answers)
        found += sum(bool(known[word]) for word in absent_words(seed))
        absent += len(absent_words(seed))
    return {"recall_at_1_percent": share(right, words), "absent_found_percent": share(found, absent)}


def draw(facts: dict[str, Any], path: Path) -> None:
    """Recall against absent words found, one panel for the rooms that were tuned on, one for the others."""
    figure, panels = plt.subplots(1, 2, figsize=(9.6, 4.2), sharey=True, layout="constrained")
    for axes, name in zip(panels, ("tuned", "reported"), strict=True):
        part = facts[name]
        axes.axvspan(0, 5, color="#7a9a3a", alpha=0.15, label="at most 5 % of absent words")
        for rule, colour, text in (
            ("by_margin_and_size", "#8c8c8c", "by margin and size alone"),
            ("by_evidence", "#1f5fa8", "by evidence"),
        ):
            absent, recall = (
                [row[key] for row in part[rule]] for key in ("absent_found_percent", "recall_at_1_percent")
            )
            axes.plot(absent, recall, ".-", color=colour, label=text)
        (chosen,) = [row for row in part["by_evidence"] if row["least"] == facts["min_evidence"]]
        axes.plot(chosen["absent_found_percent"], chosen["recall_at_1_percent"], "o", color="#1f5fa8", markersize=9)
        axes.annotate(
            f"min_evidence {facts['min_evidence']:g}",
            (chosen["absent_found_percent"], chosen["recall_at_1_percent"]),
            xytext=(10, -16),
            textcoords="offset points",
        )
        if "tracker" in part:
            point = part["tracker"]
            axes.plot(
                point["absent_found_percent"], point["recall_at_1_percent"], "D", color="#d9822b", label="tracker, live"
            )
        kind = "chosen on" if name == "tuned" else "reported on"
        axes.set_title(f"{kind} {len(part['rooms'])} rooms: {part['words']} words, {part['absent_words']} absent ones")
        axes.set(xlabel="absent words that have a place, %", ylim=(0, 100))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel(f"recall@1 within {NEAR_M:g} m, %")
    panels[1].legend(frameon=False, loc="upper right")
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    main()
