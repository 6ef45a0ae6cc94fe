# SPDX-License-Identifier: Apache-2.0
"""A lookup waits only for what can come, looks again with all news, and refuses questions that cannot be meant."""

import threading
import time

import pytest

from talk2dino_ros.ros.tf.lookup import NotKnownError, WaitingLookup
from talk2dino_ros.ros.tf.transforms import Transform, TransformError

LONG_S = 20.0


class Answers(WaitingLookup):
    """Knows what a test told it."""

    source = "test"

    def __init__(self, *reasons: NotKnownError) -> None:
        super().__init__()
        self.reasons = list(reasons)
        self.asked = threading.Semaphore(0)

    def find(self, target: str, source: str, stamp_ns: int | None) -> Transform:
        self.asked.release()
        if self.reasons:
            raise self.reasons[0]
        return Transform.identity(stamp_ns)

    def learn(self) -> None:
        with self.learning():
            self.reasons.pop(0)

    def clear(self) -> None:
        pass


LATE = NotKnownError("it is late; wait")
NEVER = NotKnownError("it is wrong; correct it", may_come=False)


def refusal(answers: Answers, timeout_s: float) -> str:
    with pytest.raises(TransformError) as caught:
        answers.lookup("map", "camera", 1_500_000_000, timeout_s)
    return str(caught.value)


def test_a_known_transform_is_returned_without_waiting() -> None:
    assert Answers().lookup("map", "camera", 5).stamp_ns == 5


def test_the_sentence_names_the_frames_the_stamp_the_wait_and_the_reason() -> None:
    expected = "No transform from frame 'camera' to frame 'map' at 1.500 s after waiting 0.05 s: it is late; wait."
    assert refusal(Answers(LATE), 0.05) == expected


def test_without_a_timeout_nothing_was_waited_for() -> None:
    assert refusal(Answers(LATE), 0.0).endswith("at 1.500 s: it is late; wait.")


def test_a_lookup_that_cannot_succeed_does_not_wait() -> None:
    began = time.monotonic()
    assert refusal(Answers(NEVER), LONG_S).endswith("at 1.500 s: it is wrong; correct it.")
    assert time.monotonic() - began < LONG_S / 2


def test_a_waiting_lookup_retries_with_each_sample() -> None:
    answers = Answers(LATE, LATE)
    found: list[Transform] = []
    waiter = threading.Thread(target=lambda: found.append(answers.lookup("map", "camera", 5, LONG_S)))
    waiter.start()
    for _ in range(2):
        assert answers.asked.acquire(timeout=LONG_S)
        assert not found
        answers.learn()
    waiter.join(LONG_S)
    assert len(found) == 1


def test_closing_ends_waiting_lookups() -> None:
    answers = Answers(LATE)
    refusals: list[str] = []
    waiter = threading.Thread(target=lambda: refusals.append(refusal(answers, LONG_S)))
    waiter.start()
    assert answers.asked.acquire(timeout=LONG_S)
    answers.close()
    waiter.join(LONG_S / 2)
    assert len(refusals) == 1


def test_lookups_do_not_wait_after_closing() -> None:
    answers = Answers(LATE)
    answers.close()
    began = time.monotonic()
    refusal(answers, LONG_S)
    assert time.monotonic() - began < LONG_S / 2


def test_a_lookup_of_the_newest_transform_says_so() -> None:
    with pytest.raises(TransformError, match=r"^No transform from frame 'camera' to frame 'map' at the newest moment:"):
        Answers(LATE).lookup("map", "camera", None)


@pytest.mark.parametrize(
    ("target", "source", "stamp_ns", "words"),
    [
        ("", "camera", 1, "a frame's name is empty"),
        ("map", "", 1, "a frame's name is empty"),
        ("/map", "camera", 1, "'/map' starts with a slash, and TF's frames have none; write 'map'"),
        ("map", "camera", 0, "the stamp is not set"),
        ("map", "camera", -1, "the stamp is not set"),
        ("map", "map", 0, "the stamp is not set"),
    ],
)
def test_an_invalid_lookup_is_refused(target: str, source: str, stamp_ns: int, words: str) -> None:
    with pytest.raises(TransformError) as caught:
        Answers().lookup(target, source, stamp_ns, LONG_S)
    assert words in str(caught.value)
