# SPDX-License-Identifier: Apache-2.0
"""Nothing goes out before a new reader had time to hear what the ids mean; nobody waits longer than that."""

from itertools import pairwise

import pytest

from talk2dino_ros.segmenter.new_readers import NewReaders, PublishStep

PAUSE_S = 1.5
WAIT = PublishStep(tells=False, publishes=False)
TELL = PublishStep(tells=True, publishes=False)
PUBLISH = PublishStep(tells=False, publishes=True)
TELL_AND_PUBLISH = PublishStep(tells=True, publishes=True)


@pytest.fixture
def readers() -> NewReaders:
    return NewReaders(PAUSE_S)


def may_publish(readers: NewReaders, now_s: float) -> bool:
    """Where all have heard label_info: then nobody is told again."""
    turn = readers.turn(now_s, lambda: True)
    assert not turn.tells
    return turn.publishes


def test_without_new_readers_nothing_waits(readers):
    assert may_publish(readers, 0.0)
    assert not readers.on_count("mask", 0, 1.0)
    assert may_publish(readers, 1.0)


@pytest.mark.parametrize("topic", ["mask", "confidence", "cloud", "label_info"])
def test_a_reader_of_any_topic_pauses_all_for_a_while(readers, topic):
    assert readers.on_count(topic, 1, 10.0)
    assert not may_publish(readers, 10.0)
    assert not may_publish(readers, 11.49)
    assert may_publish(readers, 11.5)


def test_an_event_counts_as_much_as_the_number(readers):
    assert readers.on_matched("mask", 1, 1, 10.0)
    assert not may_publish(readers, 11.49)
    assert may_publish(readers, 11.5)


def test_a_reader_that_was_counted_is_not_new_again_when_its_event_comes_late(readers):
    readers.on_count("mask", 1, 10.0)
    assert not readers.on_matched("mask", 1, 1, 11.4)
    assert may_publish(readers, 11.5)


def test_a_reader_whose_event_came_is_not_new_again_when_it_is_counted(readers):
    readers.on_matched("mask", 1, 1, 10.0)
    assert not readers.on_count("mask", 1, 11.4)
    assert may_publish(readers, 11.5)


def test_a_reader_in_the_place_of_another_is_new_by_its_event_alone(readers):
    """A costmap that restarts between two images: the number is the same, the reader is not."""
    readers.on_matched("cloud", 1, 1, 0.0)
    assert not readers.on_count("cloud", 1, 10.0)
    assert readers.on_matched("cloud", 2, 1, 10.1)
    assert not may_publish(readers, 11.5)
    assert may_publish(readers, 11.6)


def test_a_reader_after_one_that_went_is_new_by_the_number(readers):
    readers.on_count("cloud", 1, 0.0)
    assert not readers.on_count("cloud", 0, 5.0)
    assert may_publish(readers, 5.0)
    assert readers.on_count("cloud", 1, 6.0)
    assert not readers.on_matched("cloud", 2, 1, 6.2)
    assert may_publish(readers, 7.5)


def test_a_number_that_lagged_behind_an_event_hides_no_later_reader_of_label_info(readers):
    """The number is read beside the events: one reader can be counted as two, and the next may replace another."""
    readers.on_matched("label_info", 1, 1, 0.0)
    readers.on_count("label_info", 0, 0.1)  # as it was before the event
    readers.on_count("label_info", 1, 0.2)
    assert readers.on_matched("label_info", 2, 1, 10.0)
    assert not may_publish(readers, 11.4)
    assert may_publish(readers, 11.6)


def test_a_reader_that_leaves_pauses_nothing(readers):
    readers.on_matched("mask", 2, 2, 0.0)
    assert not readers.on_matched("mask", 2, 1, 5.0)
    assert may_publish(readers, 5.0)


def test_the_topics_of_one_reader_extend_the_pause_from_the_last_of_them(readers):
    for topic, now_s in (("mask", 10.0), ("confidence", 10.1), ("label_info", 10.2), ("cloud", 10.3)):
        readers.on_matched(topic, 1, 1, now_s)
    assert not may_publish(readers, 11.79)
    assert may_publish(readers, 11.8)


@pytest.mark.parametrize("times_s", [(0.0, 1.4, 2.8), (0.0, 1.4, 2.8, 3.1, 4.5), (0.0, 1.0, 2.0, 3.0, 4.0)])
def test_each_of_several_costmaps_has_its_whole_pause(readers, times_s):
    """As they come one after the other at Nav2's start."""
    for number, came_s in enumerate(times_s, start=1):
        for topic in ("mask", "confidence", "label_info", "cloud"):
            readers.on_matched(topic, number, number, came_s)
        assert not may_publish(readers, came_s)
        assert not may_publish(readers, came_s + PAUSE_S - 0.01)
        assert may_publish(readers, came_s + PAUSE_S)


@pytest.mark.parametrize("period_s", [0.1, 1.0, 1.4])
def test_readers_that_come_all_the_time_do_not_stop_the_stream(readers, period_s):
    """A tool that subscribes anew each second: the others wait for two pauses at most, then have one free of any."""
    published, comes_s = [], 0.0
    for frame in range(30 * 90):
        now_s = frame / 30
        if now_s >= comes_s:
            readers.on_matched("mask", round(comes_s / period_s) + 1, 1, now_s)
            comes_s += period_s
        if may_publish(readers, now_s):
            published.append(now_s)
    gaps = [after - before for before, after in pairwise(published)]
    assert max(gaps) <= 2 * PAUSE_S + 2 / 30
    assert len(published) >= 30 * 90 / 3 - 60


def test_with_a_pause_of_0_nothing_waits():
    readers = NewReaders(0.0)
    assert readers.on_count("mask", 1, 10.0)
    assert readers.on_count("label_info", 1, 10.0)
    assert readers.turn(10.0, lambda: False) == PUBLISH


def test_a_reader_without_label_info_after_the_pause_gets_it_again(readers):
    """A process that is known here may not know this node yet: it misses what it is sent."""
    readers.on_matched("label_info", 1, 1, 10.0)
    assert readers.turn(11.4, lambda: False) == WAIT
    assert readers.turn(11.5, lambda: False) == TELL
    assert readers.turn(11.8, lambda: False) == WAIT
    assert readers.turn(12.1, lambda: True) == PUBLISH
    assert readers.turn(12.4, lambda: False) == PUBLISH  # a change of the words, which is on its way


def test_a_reader_that_never_acknowledges_delays_the_others_by_the_pause_only(readers):
    """A costmap that was killed is a reader for some time yet; the new one may be among those that have not heard."""
    readers.on_matched("label_info", 1, 1, 10.0)
    assert readers.turn(11.5, lambda: False) == TELL
    assert readers.turn(12.99, lambda: False) == WAIT
    assert readers.turn(13.0, lambda: False) == TELL_AND_PUBLISH
    assert readers.turn(13.1, lambda: False) == PUBLISH


def test_each_reader_of_label_info_is_told_again_and_has_its_whole_time(readers):
    readers.on_matched("label_info", 1, 1, 10.0)
    assert readers.turn(11.5, lambda: False) == TELL
    readers.on_matched("label_info", 2, 2, 12.0)
    assert readers.turn(13.4, lambda: False) == WAIT
    assert readers.turn(13.5, lambda: False) == TELL
    assert readers.turn(14.9, lambda: False) == WAIT
    assert readers.turn(15.0, lambda: False) == TELL_AND_PUBLISH


def test_a_frame_that_comes_late_does_not_skip_the_telling(readers):
    readers.on_matched("label_info", 1, 1, 10.0)
    assert readers.turn(20.0, lambda: False) == TELL_AND_PUBLISH


@pytest.mark.parametrize("topic", ["mask", "confidence", "cloud"])
def test_readers_of_other_topics_do_not_wait_for_acknowledgements(readers, topic):
    readers.on_matched(topic, 1, 1, 10.0)
    assert readers.turn(11.5, lambda: False) == PUBLISH
