# SPDX-License-Identifier: Apache-2.0
"""Measure what the memory finds again: `python -m benchmarks.memory.rooms`.

In each of many seeded rooms a robot tours once with the vocabulary `door`, and is asked for everything in the room
afterwards, by words that were in no vocabulary, and for ten objects that are not there. Beside it: what trackers know
of the same images, with `door` alone, with all these words in the vocabulary, against each other, and with each word
for itself, against what it has to beat in the memory too; the better of the two is the upper bound. Then two boards are
moved, it tours again, and is asked again. Writes to benchmarks/results/, or to --output.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.machine import write_result
from benchmarks.memory.furnished_rooms import PHOTOS, MovedRoom, absent_words, furnished, places_of, words_in
from benchmarks.memory.recall import Answer, Move, Point, knows, move_facts, recall_facts, share
from benchmarks.memory.tour import tour
from benchmarks.memory.toured_rooms import AFTER, BEFORE, Known, TouredRoom, TourPlan, open_memory, toured
from benchmarks.memory.touring_robot import places_of_word
from benchmarks.nav.sim_world import SimulationError
from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.perception.memory.spatial_memory import compile_loops

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter


@dataclass(frozen=True)
class RoomFacts:
    """What was measured in one room.

    remembered: by the memory; tracked, questioned, door_alone: by trackers, see TouredRoom. absent_found,
    absent_questioned: words of objects that are in no room, and had a place in the memory, or an object.
    """

    toured: TouredRoom
    remembered: list[Answer]
    tracked: list[Answer]
    questioned: list[Answer]
    door_alone: list[Answer]
    absent: list[str]
    absent_found: list[str]
    absent_questioned: list[str]
    moves: list[Move]


def main() -> None:
    """Tour all rooms, print the figures, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=20, help="number of rooms (default: %(default)s)")
    parser.add_argument("--first-seed", type=int, default=0, help="seed of the first one (default: %(default)s)")
    parser.add_argument(
        "--seeds", type=int, nargs="+", metavar="SEED", help="seeds of the rooms, instead of --rooms and --first-seed"
    )
    parser.add_argument("--model", default="mini", help="model name (default: %(default)s)")
    parser.add_argument("--weights-dir", default=None, help="folder with the published weights files")
    parser.add_argument("--output", type=Path, help="JSON file (default: in benchmarks/results, with the date)")
    parser.add_argument(
        "--keep", type=Path, help="folder for the memories; a room whose memory is there is not toured again"
    )
    arguments = parser.parse_args()
    segmenter = load_segmenter(arguments.model, device="cpu", weights_dir=arguments.weights_dir)
    compile_loops()
    seeds = arguments.seeds or range(arguments.first_seed, arguments.first_seed + arguments.rooms)
    try:
        with tempfile.TemporaryDirectory() as folder:
            kept = arguments.keep or Path(folder)
            measured = [measure_room(segmenter, seed, kept) for seed in seeds]
    except SimulationError as error:
        sys.exit(str(error))
    facts = {"model": arguments.model, "pictures_per_room": len(PHOTOS), **summary(measured)}
    print(json.dumps({name: value for name, value in facts.items() if name != "each_room"}, indent=2))
    write_result(f"memory_rooms_{arguments.model}", facts, arguments.output)


def measure_room(
    segmenter: "Segmenter", seed: int, folder: Path, photos: Sequence[str] = PHOTOS, plan: TourPlan = tour
) -> RoomFacts:
    """Tour a room, ask, tour it again after objects were moved, ask again."""
    known, rooms = toured(segmenter, seed, folder, photos, plan), furnished(seed, photos)
    words, absent = words_in(rooms.before), absent_words(seed)
    before = open_memory(folder / BEFORE, seed)
    remembered = {word: places_of_word(segmenter, before, word) for word in [*words, *absent]}
    before.store.close()
    answers = _answers(remembered, rooms)
    after = open_memory(folder / AFTER, seed)
    moves = [_move(answer, rooms, places_of_word(segmenter, after, answer.word)) for answer in _moved(answers, rooms)]
    after.store.close()
    return RoomFacts(
        known,
        answers,
        _answers(known.tracked, rooms),
        _answers(known.questioned, rooms),
        _answers(known.door_alone, rooms),
        absent,
        [word for word in absent if remembered[word]],
        [word for word in absent if known.questioned[word]],
        moves,
    )


def _answers(known: Known, rooms: MovedRoom) -> list[Answer]:
    """Return the answers for the words of objects that are there."""
    return [Answer(word, tuple(known[word]), tuple(places_of(word, rooms.before))) for word in words_in(rooms.before)]


def _moved(answers: Sequence[Answer], rooms: MovedRoom) -> list[Answer]:
    """Return those whose only object was moved."""
    return [
        each for each in answers if len(each.truths) == 1 and each.truths != tuple(places_of(each.word, rooms.after))
    ]


def _move(before: Answer, rooms: MovedRoom, places: Sequence[Point]) -> Move:
    old, new = before.truths[0], places_of(before.word, rooms.after)[0]
    return Move(before.word, knows(before.places, old), old, new, tuple(places))


def summary(rooms: Sequence[RoomFacts]) -> dict[str, Any]:
    """Return the figures of all rooms together, and of each."""
    remembered, tracked, questioned, door = (
        recall_facts([answer for room in rooms for answer in getattr(room, kind)])
        for kind in ("remembered", "tracked", "questioned", "door_alone")
    )
    absent = [len(room.absent) for room in rooms]
    tours = [room.toured for room in rooms]
    best = max(tracked["recall_at_1_percent"], questioned["recall_at_1_percent"])
    return {
        "rooms": len(rooms),
        "remembered": remembered,
        "tracker_with_all_words_against_each_other": tracked,
        "tracker_with_each_word_alone": questioned,
        "upper_bound_recall_at_1_percent": best,
        "recall_at_1_percent_of_upper_bound": share(remembered["recall_at_1_percent"], best) if best else None,
        "tracker_with_door_alone": door,
        "absent_words": sum(absent),
        "absent_words_found_percent": share(sum(len(room.absent_found) for room in rooms), sum(absent)),
        "absent_words_found_by_tracker_with_each_word_alone_percent": share(
            sum(len(room.absent_questioned) for room in rooms), sum(absent)
        ),
        "moved": move_facts([move for room in rooms for move in room.moves]),
        "keyframes_per_room_median": median(each.keyframes for each in tours),
        "remember_cpu_ms_median": round(1e3 * median(took for each in tours for took in each.took_s), 1),
        "each_room": [_row(room) for room in rooms],
    }


def _row(room: RoomFacts) -> dict[str, Any]:
    return {
        "seed": room.toured.seed,
        "images": room.toured.images,
        "keyframes": room.toured.keyframes,
        "floor_m2": round(room.toured.floor_m2, 1),
        "error_m_by_word": _errors(room.remembered),
        "error_m_by_word_tracked": _errors(room.tracked),
        "error_m_by_word_alone_tracked": _errors(room.questioned),
        "absent_words_found": room.absent_found,
        "absent_words_found_by_tracker": room.absent_questioned,
        "moved": {m.word: {"old_gone": m.old_is_gone, "new_first": m.new_is_first} for m in room.moves},
    }


def _errors(answers: Sequence[Answer]) -> dict[str, float | None]:
    """Return how far each word's best place is off, metres; None for a word that has none."""
    return {each.word: round(each.errors[0], 2) if each.places else None for each in answers}


if __name__ == "__main__":
    main()
