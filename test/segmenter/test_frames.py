# SPDX-License-Identifier: Apache-2.0
"""The newest frame of each camera wins, and what it replaces is counted."""

import threading

from talk2dino_ros.segmenter.frames import Frame, FrameSlots

DEADLINE_S = 60.0


def frame(camera: str, message: object) -> Frame:
    return Frame(camera, message, received_s=0.0)


def test_the_newest_frame_replaces_an_older_one_which_counts_as_dropped():
    slots = FrameSlots()
    for message in ("first", "second", "third"):
        slots.put(frame("front", message))
    assert [taken.message for taken in slots.take()] == ["third"]
    assert slots.dropped("front") == 2


def test_a_frame_that_was_taken_is_not_dropped_by_the_next():
    slots = FrameSlots()
    slots.put(frame("front", 1))
    slots.take()
    slots.put(frame("front", 2))
    assert slots.dropped("front") == 0


def test_one_take_brings_the_newest_of_every_camera():
    slots = FrameSlots()
    for camera, message in (("front", 1), ("rear", 2), ("front", 3)):
        slots.put(frame(camera, message))
    assert {taken.camera: taken.message for taken in slots.take()} == {"front": 3, "rear": 2}
    assert (slots.dropped("front"), slots.dropped("rear")) == (1, 0)


def test_a_take_waits_until_a_frame_comes():
    slots = FrameSlots()
    taken = []
    taker = threading.Thread(target=lambda: taken.extend(slots.take()))
    taker.start()
    slots.put(frame("front", "late"))
    taker.join(DEADLINE_S)
    assert [each.message for each in taken] == ["late"]


def test_closing_wakes_a_take_with_nothing_and_leaves_no_old_frame():
    slots = FrameSlots()
    slots.put(frame("front", "old"))
    slots.close()
    assert slots.take() == []
    slots.reopen()
    slots.put(frame("rear", "new"))
    assert [taken.message for taken in slots.take()] == ["new"]


def test_reopening_forgets_frames_that_came_while_closed():
    slots = FrameSlots()
    slots.close()
    slots.put(frame("front", "while closed"))
    slots.reopen()
    slots.put(frame("rear", "after"))
    assert [taken.message for taken in slots.take()] == ["after"]


def test_while_paused_nothing_counts_as_dropped():
    slots = FrameSlots()
    slots.counts_drops = False
    slots.put(frame("front", 1))
    slots.put(frame("front", 2))
    assert slots.dropped("front") == 0
    assert [taken.message for taken in slots.take()] == [2]
