# SPDX-License-Identifier: Apache-2.0
"""What is kept of the inputs is bounded in seconds and in bytes, and the oldest goes first."""

from talk2dino_ros.segmenter.problem.problem_ring import KeptMessage, ProblemRing


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def kept(number, at_s, size=10, message=None):
    return KeptMessage(f"/{number}", "sensor_msgs/msg/Image", message or [number], at_s, size)


def topics(ring):
    return [each.topic for each in ring.messages()]


def test_what_is_older_than_the_seconds_goes():
    clock = Clock()
    ring = ProblemRing(2.0, 1000, clock)
    for number, at_s in enumerate((97.5, 98.0, 99.0)):
        ring.put(kept(number, at_s))
    assert topics(ring) == ["/1", "/2"]
    clock.now_s = 100.5
    assert topics(ring) == ["/2"]
    assert ring.kept_bytes == 10


def test_the_bytes_are_never_more_and_the_newest_stay():
    ring = ProblemRing(60.0, 25, Clock())
    for number in range(5):
        ring.put(kept(number, 90.0 + number))
        assert ring.kept_bytes <= 25
    assert topics(ring) == ["/3", "/4"]
    ring.put(kept(9, 99.0, size=26))  # one image alone is too many
    assert topics(ring) == []
    assert ring.kept_bytes == 0


def test_a_message_near_two_images_is_kept_once_and_again_after_it_has_gone():
    clock = Clock()
    ring, message = ProblemRing(2.0, 1000, clock), ["depth"]
    ring.put(kept(1, 99.0, message=message))
    ring.put(kept(1, 99.5, message=message))
    assert ring.kept_bytes == 10
    clock.now_s = 102.0
    ring.put(kept(1, 102.0, message=message))
    assert topics(ring) == ["/1"]


def test_static_transforms_outlive_the_seconds_and_come_first_and_the_rest_is_in_the_order_of_reception():
    ring = ProblemRing(2.0, 15, Clock())
    ring.put_static(kept("tf_static", 1.0, size=100))
    ring.put(kept(2, 99.5, size=5))
    ring.put(kept(1, 99.0, size=5))
    assert topics(ring) == ["/tf_static", "/1", "/2"]
