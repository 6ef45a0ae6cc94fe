# SPDX-License-Identifier: Apache-2.0
"""Report of the demo: tables, a map for each part of the story, what was remembered and what was found."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.memory.demo.story import Asked, Story
from benchmarks.memory.demo.story_map import draw_story
from benchmarks.nav.metrics import Leg, Rgb
from benchmarks.nav.nav_report import aligned, number_text
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.viz.pictures import write_picture
from talk2dino_ros.viz.places.view_sheet import draw_views

MEMORY_FILE = "memory.sqlite3"


class OutputError(Talk2DinoError):
    """The folder for the report cannot be used."""


def write_story(story: Story, folder: Path, memory: Path) -> list[Path]:
    """Write pictures and tables, and copy the memory, so that more words can be asked; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("map.png", "remembered.jpg", "found.jpg", "tables.md")]
    draw_story(story, paths[0])
    write_picture(paths[1], draw_views(_remembered(story), "What the memory answered, with its best view of it"))
    write_picture(paths[2], draw_views(_found(story), f"Go to the {story.target.word}"))
    write_atomically(paths[3], f"{asked_table(story)}\n{legs_table(story)}".encode())
    return [*paths, _copied(memory, folder / "memory")]


def asked_table(story: Story) -> str:
    """Return what was asked after the tour, and how right the best place was."""
    heads = ("asked", "best place", "off the object", "evidence", "images", "other places", "right")
    return aligned([heads, *(_asked_row(each) for each in sorted(story.asked, key=_order))])


def legs_table(story: Story) -> str:
    """Return how each go_to went."""
    rows = [("go to", "states", "end", "off the right place", "off its direction", "success")]
    for leg, verdict in zip(story.legs, story.verdicts(), strict=True):
        rows.append(
            (
                f"{leg.word}, {'moved' if len(rows) > 1 else 'as on the tour'}",
                ", ".join(state for state, _ in leg.states[:-1]),
                verdict.state,
                number_text(verdict.place_error_m, 2, "m"),
                number_text(verdict.facing_error_deg, 0, "°"),
                "yes" if verdict.is_success else "gone" if verdict.state == "NOT_THERE_ANY_MORE" else "no",
            )
        )
    return aligned(rows)


def _order(asked: Asked) -> tuple[bool, str]:
    return not asked.truths, asked.word


def _asked_row(asked: Asked) -> tuple[str, ...]:
    right = "yes" if asked.is_right else "no"
    word = asked.word if asked.truths else f"{asked.word} (not there)"
    if not asked.places:
        return word, "none", "", "", "", "", right
    best = asked.places[0]
    at = f"({best.position[0]:.1f}, {best.position[1]:.1f})"
    error, others = number_text(asked.error_m, 2, "m"), str(len(asked.places) - 1)
    return word, at, error, f"{best.evidence:.1f}", str(best.images), others, right


def _remembered(story: Story) -> list[tuple[str, Rgb]]:
    views = []
    for asked in sorted(story.asked, key=_order):
        if asked.view is not None:
            what = f"{asked.error_m:.2f} m off" if asked.truths else "there is none in the room"
            views.append((f"{asked.word}: {what}", asked.view))
    return views


def _found(story: Story) -> list[tuple[str, Rgb]]:
    """Return what was remembered beside what was seen at the end of each go_to."""
    views = [("remembered of the tour", story.target.view)]
    for number, leg in enumerate(story.legs):
        when = "then it was moved" if number else "gone to after the tour"
        views.append((f"{when}: {leg.state}", _last_view(leg)))
    return [(text, view) for text, view in views if view is not None]


def _last_view(leg: Leg) -> Rgb | None:
    """Return the last one that shows the object found, as its word is in the vocabulary only until the go_to ends."""
    if not leg.views:
        return None
    times = np.array([time_s for time_s, _ in leg.views])
    at_s = leg.seen_s if leg.state == "REACHED" else leg.ended_s
    return leg.views[int(np.argmin(abs(times - at_s)))][1]


def _copied(memory: Path, to: Path) -> Path:
    """Replace an earlier run's memory, and nothing else; return its folder."""
    if to.exists():
        strangers = sorted(path.name for path in _files(to) if not path.name.startswith("memory."))
        if strangers:
            raise OutputError(f"{to} has the file {strangers[0]}, expected memories alone; name another OUTPUT")
        shutil.rmtree(to)
    shutil.copytree(memory, to)
    return to


def _files(folder: Path) -> Sequence[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]
