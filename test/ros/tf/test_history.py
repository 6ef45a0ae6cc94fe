# SPDX-License-Identifier: Apache-2.0
"""What the history keeps of TF, and what it drops with a sentence; the rest is asked of both listeners together."""

from talk2dino_ros.ros.tf.history import History
from talk2dino_ros.ros.tf.samples import TransformSample

S = 10**9


def sample(seconds: int, parent: str = "map", child: str = "base") -> TransformSample:
    return TransformSample(child, parent, seconds * S, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))


def test_a_sample_from_before_the_history_is_dropped_with_a_sentence() -> None:
    history = History(10 * S)
    assert history.put(sample(20), is_static=False) == ""
    assert history.put(sample(10), is_static=False) == ""
    assert history.put(sample(9), is_static=False) == (
        "A transform from frame 'base' to its parent 'map' was dropped: it is 11.0 s older than the newest of this "
        "frame, and 10 s are kept; look for two publishers whose clocks differ."
    )


def test_a_lookup_in_a_loop_of_frames_ends() -> None:
    history = History(10 * S)
    history.put(sample(1, "odom", "base"), is_static=False)
    history.put(sample(1, "base", "odom"), is_static=False)
    assert history.path("map", "base", S).steps == ()


def test_a_sample_of_the_same_stamp_takes_the_place_of_the_former() -> None:
    history = History(10 * S)
    for parent in ("map", "odom"):
        history.put(sample(1, parent), is_static=False)
    assert [step.parent for step in history.path("odom", "base", S).steps] == ["odom"]
    assert history.path("map", "base", S).steps == ()
