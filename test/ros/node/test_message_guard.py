# SPDX-License-Identifier: Apache-2.0
"""No message ends a node: what it raises is said once, counted, and forgotten."""

from types import SimpleNamespace

import pytest

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.ros.node.message_guard import MessageError, MessageGuard, check_stamp


class Logger:
    def __init__(self):
        self.warnings, self.errors = [], []
        self.warning, self.error = self.warnings.append, self.errors.append


def stamped(sec, nanosec=0):
    return SimpleNamespace(header=SimpleNamespace(stamp=SimpleNamespace(sec=sec, nanosec=nanosec)))


def clock(sec, nanosec=0):
    return SimpleNamespace(clock=SimpleNamespace(sec=sec, nanosec=nanosec))


def guard_with(logger):
    return MessageGuard(lambda: logger)


@pytest.mark.parametrize("make", [stamped, clock])
@pytest.mark.parametrize(("sec", "nanosec"), [(-1, 0), (-(2**31), 999_999_999), (0, 10**9), (2**31 - 1, 2**32 - 1)])
def test_an_invalid_stamp_is_refused_with_value_and_remedy(make, sec, nanosec):
    with pytest.raises(MessageError, match=f"its stamp is {sec} s and {nanosec} ns, expected .*; let its publisher"):
        check_stamp(make(sec, nanosec))


@pytest.mark.parametrize("message", [stamped(0), stamped(2**31 - 1, 999_999_999), clock(0), SimpleNamespace(data="x")])
def test_valid_stamps_and_messages_without_one_pass(message):
    taken = []
    guard_with(Logger()).around(taken.append, "/depth")(message)
    assert taken == [message]


def test_an_invalid_message_is_dropped_and_valid_ones_arrive():
    logger, taken = Logger(), []
    guard = guard_with(logger)
    on_message = guard.around(taken.append, "/depth")
    for sec in (1, -1, 2, -2):
        on_message(stamped(sec))
    assert [message.header.stamp.sec for message in taken] == [1, 2]
    assert guard.dropped == 2
    assert guard.recent.startswith("a message on /depth was dropped: its stamp is -2 s")
    assert len(logger.warnings) == 1  # the second is of the same kind
    assert logger.warnings[0].startswith("a message on /depth was dropped: its stamp is -1 s and 0 ns, expected")


def test_a_message_that_a_callback_refuses_is_said_with_its_topic():
    logger = Logger()

    def refuse(_message):
        raise ImageError("the image is 0x0 pixels, expected more; correct its publisher")

    guard_with(logger).around(refuse, "/image")(stamped(1))
    assert logger.warnings == [
        "a message on /image was dropped: the image is 0x0 pixels, expected more; correct its publisher"
    ]


def test_who_wants_to_know_of_refused_messages_hears_of_all_of_them():
    refused = []

    def refuse(message):
        if message.header.stamp.sec == 2:
            raise ImageError("too large")

    on_message = guard_with(Logger()).around(refuse, "/image", refused.append)
    for sec in (1, -1, 2):
        on_message(stamped(sec))
    assert [type(error) for error in refused] == [MessageError, ImageError]


@pytest.mark.parametrize("raised", [KeyboardInterrupt, ZeroDivisionError])
def test_program_faults_and_ctrl_c_are_not_blamed_on_a_message(raised):
    def fail(_message):
        raise raised

    guard = guard_with(Logger())
    with pytest.raises(raised):
        guard.around(fail, "/image")(stamped(1))
    assert (guard.dropped, guard.recent) == (0, "")


def test_after_a_while_diagnostics_are_well_again(monkeypatch):
    guard = guard_with(Logger())
    now_s = [100.0]
    monkeypatch.setattr("talk2dino_ros.ros.node.message_guard.time.monotonic", lambda: now_s[0])
    assert guard.recent == ""
    guard.around(lambda message: None, "/depth")(stamped(-1))
    assert guard.recent
    now_s[0] = 110.5
    assert guard.recent == ""
    assert guard.dropped == 1
