# SPDX-License-Identifier: Apache-2.0
"""The demo of the memory: what it counts as right, by hand; and as a person runs it, short, over real topics."""

import math
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: the demo's processes cannot run")

from benchmarks.memory.demo.story import Asked, AskedPlace, Story, chosen_word, movable_words, photo_of
from benchmarks.memory.demo.story_report import OutputError, asked_table, legs_table, write_story
from benchmarks.memory.furnished_rooms import furnished, places_of
from benchmarks.nav.metrics import Leg
from benchmarks.nav.sim_world import SimulationError, check_drawing
from talk2dino_ros.viz.pictures import read_picture

SEED = 8  # the cup and the hat are moved
SIZE = (0.3, 0.2, 0.3)
PICTURE = np.full((48, 64, 3), 90, np.uint8)


def asked(word: str, position, evidence: float = 3.0, truths=None) -> Asked:
    truths = places_of(word, furnished(SEED).before) if truths is None else truths
    place = AskedPlace(tuple(position), SIZE, evidence, 0.9, 3)
    return Asked(word, tuple(truths), (place,), "", PICTURE)


def at(word: str):
    return places_of(word, furnished(SEED).before)[0]


def leg_to(word: str, room, state: str = "REACHED", away_m: float = 1.0) -> Leg:
    """A way from the room's start to a pose before the board."""
    photo = photo_of(word, furnished(SEED))
    stop = room.board(photo).before(away_m)
    leg = Leg(word, photo, state=state, path=[room.start, stop], found_from=stop, goals=[stop], ended_s=9.0, seen_s=8.0)
    leg.states = [("REMEMBERED", ""), (state, "")]
    leg.views = [(1.0, PICTURE), (8.0, PICTURE), (9.0, PICTURE)]
    return leg


@pytest.fixture
def story() -> Story:
    """All went well: the cup was remembered, gone to, and gone to where it is now."""
    rooms = furnished(SEED)
    legs = [leg_to("cup", rooms.before), leg_to("cup", rooms.after)]
    words = [asked("banana", (0.0, 0.0, 1.0), truths=()), Asked("piano", (), (), ""), asked("cup", at("cup"))]
    heat = np.array([[*at("cup"), 0.7], [0.0, 0.0, 0.5, 0.1]], np.float32)
    return Story(rooms, [rooms.before.start, rooms.before.start], words, heat, legs)


def test_what_is_gone_to_will_be_moved_and_is_remembered_rightly_where_any_is():
    rooms = furnished(SEED)
    assert movable_words(rooms) == ["cup", "hat"]
    wrong, right = asked("hat", (0.0, 0.0, 9.0), evidence=9.0), asked("cup", at("cup"))
    assert chosen_word(rooms, [wrong, right, asked("cat", at("cat"), evidence=20.0)]) == "cup"
    assert chosen_word(rooms, [wrong]) == "hat"
    assert chosen_word(rooms, [Asked("hat", right.truths, (), "")]) is None


def test_a_place_is_right_within_half_a_metre_and_none_is_for_what_is_not_there(story):
    x, y, z = at("cup")
    assert asked("cup", (x, y, z + 0.4)).error_m == pytest.approx(0.4)
    assert asked("cup", (x, y, z + 0.4)).is_right
    assert not asked("cup", (x, y, z + 0.6)).is_right
    banana, piano, _ = story.asked
    assert math.isnan(banana.error_m)
    assert (banana.is_right, piano.is_right) == (False, True)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in asked_table(story).splitlines()[2:]]
    assert rows[0] == ["cup", f"({x:.1f}, {y:.1f})", "0.00 m", "3.0", "3", "0", "yes"]
    assert [(row[0], row[1], row[-1]) for row in rows[1:]] == [
        ("banana (not there)", "(0.0, 0.0)", "no"),
        ("piano (not there)", "none", "yes"),
    ]


def test_the_demo_is_right_where_the_object_is_reached_and_then_found_or_missed(story):
    assert story.is_right()
    assert re.findall(r"(yes|gone|no) +\|$", legs_table(story), re.MULTILINE) == ["yes", "yes"]
    gone = replace(story.legs[1], state="NOT_THERE_ANY_MORE")
    story.legs[1] = gone
    assert story.is_right()
    assert re.findall(r"(yes|gone|no) +\|$", legs_table(story), re.MULTILINE) == ["yes", "gone"]
    story.legs[1] = replace(gone, state="FAILED")
    assert not story.is_right()
    story.legs[:] = [leg_to("cup", story.rooms.before, away_m=2.0), gone]
    assert not story.is_right()


def test_where_the_robot_was_sent_first_after_the_move_says_nothing_of_the_right_side(story):
    board = story.rooms.after.board(story.legs[1].photo)
    aside = board.before(1.0)
    aside = replace(
        aside,
        x=aside.x + 2 * math.cos(board.pose.yaw + math.pi / 2),
        y=aside.y + 2 * math.sin(board.pose.yaw + math.pi / 2),
    )
    story.legs[1] = replace(story.legs[1], found_from=aside)
    assert story.is_right()
    story.legs[1] = leg_to("cup", story.rooms.after, away_m=2.0)
    assert not story.is_right()
    story.legs[1] = replace(story.legs[1], found_from=None)
    assert not story.is_right()


def test_the_report_has_pictures_and_replaces_an_earlier_memory_and_nothing_else(story, tmp_path):
    memory, output = tmp_path / "memory", tmp_path / "out"
    (memory / "room_8").mkdir(parents=True)
    (memory / "room_8" / "memory.sqlite3").write_text("new")
    (output / "memory" / "room_3").mkdir(parents=True)
    (output / "memory" / "room_3" / "memory.sqlite3-wal").write_text("old")
    paths = write_story(story, output, memory)
    assert [path.name for path in paths] == ["map.png", "remembered.jpg", "found.jpg", "tables.md", "memory"]
    assert all(read_picture(path).std() > 10 for path in paths[:3])
    assert [path.name for path in (output / "memory").iterdir()] == ["room_8"]
    (output / "memory" / "diary.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"has the file diary.txt, expected memories alone; name another OUTPUT"):
        write_story(story, output, memory)
    assert (output / "memory" / "diary.txt").is_file()


@pytest.mark.slow
def test_the_robot_goes_to_what_nobody_had_asked_for_on_its_tour(tmp_path):
    try:
        check_drawing()
    except SimulationError as missing:
        pytest.skip(str(missing))
    command = [sys.executable, "-m", "benchmarks.memory.demo", "--stop-m", "3", "--output", str(tmp_path / "out")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=580, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"^\| cat .* yes +\|$", result.stdout, re.MULTILINE)
    assert "REMEMBERED: 'cat' is remembered at" in result.stdout
    assert "REACHED: the robot stands in front of 'cat', where it was remembered" in result.stdout
    for name in ("map.png", "remembered.jpg", "found.jpg"):
        assert read_picture(tmp_path / "out" / name).std() > 10
    question = [sys.executable, "-m", "talk2dino_ros.cli.main", "memory", "info", str(tmp_path / "out" / "memory")]
    told = subprocess.run(question, capture_output=True, text=True, timeout=300, check=False)
    assert "room_19" in told.stdout
