# SPDX-License-Identifier: Apache-2.0
"""What goes wrong is said once per kind and period, in the tone that fits."""

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.ros.node.problems import ProblemLog, Throttle


class Logger:
    def __init__(self):
        self.warnings, self.errors = [], []
        self.warning, self.error = self.warnings.append, self.errors.append


def test_a_message_passes_once_per_period():
    throttle = Throttle(5.0)
    assert [throttle.allows("wrong step", now_s) for now_s in (0.0, 1.0, 4.9, 5.0, 6.0)] == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_messages_that_differ_in_numbers_only_are_throttled_together():
    throttle = Throttle(5.0)
    assert throttle.allows("step 12", 0.0)
    assert not throttle.allows("step 13", 0.1)
    assert throttle.allows("encoding 16UC1", 0.2)


def test_ever_new_kinds_and_causes_do_not_fill_the_memory():
    throttle = Throttle(5.0)
    for number in range(1000):
        throttle.allows("x" * number, 0.0)
    assert len(throttle._allowed_s[""]) == 3
    assert sum(throttle.allows("x", 0.0, f"cause {number}") for number in range(1000)) == 99
    assert len(throttle._allowed_s) == 100
    assert throttle.allows("x", 5.0, "a new cause")
    assert len(throttle._allowed_s) == 1


def test_a_wrong_image_is_a_warning_with_topic_and_sentence():
    logger = Logger()
    ProblemLog(logger).report("an image on /front/image was dropped", ImageError("the step is 3; expected 9"))
    assert logger.errors == []
    assert logger.warnings == ["an image on /front/image was dropped: the step is 3; expected 9"]


def test_the_same_error_of_another_camera_is_said_too():
    logger = Logger()
    log = ProblemLog(logger)
    for topic in ("/front/image", "/rear/image", "/front/image"):
        log.report(topic, ImageError("wrong"))
    assert len(logger.warnings) == 2


def test_a_fault_of_the_program_is_an_error_with_its_traceback():
    logger = Logger()
    try:
        raise ZeroDivisionError("somewhere")
    except ZeroDivisionError as error:
        ProblemLog(logger).report("/image", error)
    assert logger.warnings == []
    assert "ZeroDivisionError: somewhere" in logger.errors[0]
    assert __file__ in logger.errors[0]


def test_texts_that_a_sender_makes_ever_new_are_one_cause():
    """20 MB of warnings in 10 s came of an encoding that was another word in each image."""

    def refuse(word):
        raise ImageError(f"the encoding is {word}, expected rgb8; set it")

    logger = Logger()
    log = ProblemLog(logger)
    for number in range(10_000):
        letters = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        try:
            refuse(letters)
        except ImageError as error:
            log.report("an image on /image was dropped", error)
    assert logger.warnings[0] == "an image on /image was dropped: the encoding is a, expected rgb8; set it"
    assert len(logger.warnings) == 3


def test_another_cause_is_said_beside_one_that_floods_the_log():
    throttle = Throttle(5.0)
    assert [throttle.allows(word, 0.0, "encoding") for word in "abcdef"] == [True] * 3 + [False] * 3
    assert throttle.allows("wrong step", 0.1, "step")
    assert throttle.allows("f", 5.0, "encoding")
