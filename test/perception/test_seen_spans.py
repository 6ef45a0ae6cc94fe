# SPDX-License-Identifier: Apache-2.0
"""When a class was last seen, and since when without a gap: images counted by hand."""

from talk2dino_ros.perception.seen_spans import SeenSpan, SeenSpans

NAMES = ("cup", "dog")


def told(*images: tuple[float, str], name="cup", names=NAMES):
    """The span and its sentence after images: seconds of the stamp, and the names that they show."""
    spans, stamp_ns = SeenSpans(), 0
    for seconds, seen in images:
        stamp_ns = round(seconds * 1e9)
        spans.note(stamp_ns, set(seen.split()), names)
    span = spans.of(name)
    return (span.first_ns / 1e9, span.last_ns / 1e9), span.sentence(stamp_ns)


def test_what_no_image_has_shown():
    assert told((1.0, ""), (2.0, "dog")) == ((0.0, 0.0), "never seen so far")


def test_what_has_just_come():
    assert told((1.0, ""), (2.0, "cup dog")) == ((2.0, 2.0), "first seen in this image")


def test_what_is_there_without_a_gap():
    assert told((1.0, "dog"), (2.0, "cup"), (2.5, "cup"), (4.25, "cup")) == (
        (2.0, 4.25),
        "seen in every image of the last 2.2 s",
    )


def test_what_was_there_before():
    assert told((1.0, "cup"), (2.0, "cup"), (3.0, ""), (14.5, "dog")) == (
        (1.0, 2.0),
        "last seen 12.5 s before this image",
    )


def test_a_gap_begins_anew():
    assert told((1.0, "cup"), (2.0, ""), (3.0, "cup"), (4.0, "cup"))[0] == (3.0, 4.0)


def test_a_clock_that_jumps_back_forgets_and_stamps_that_cross_do_not():
    assert told((100.0, "cup"), (50.0, "")) == ((0.0, 0.0), "never seen so far")
    assert told((100.0, "cup"), (99.9, "")) == ((100.0, 100.0), "first seen in this image")


def test_a_word_that_is_looked_for_no_more_is_forgotten():
    spans = SeenSpans()
    spans.note(1, {"cup"}, NAMES)
    spans.note(2, set(), ("dog",))
    spans.note(3, set(), NAMES)
    assert spans.of("cup") == SeenSpan()
