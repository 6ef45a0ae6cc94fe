# SPDX-License-Identifier: Apache-2.0
"""Transform lookup that waits for data, and says in one sentence why there is no transform. Pure."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from talk2dino_ros.ros.tf.transforms import Transform, TransformError

HISTORY_S = 10.0  # as tf2's buffer
Learning = Callable[[], AbstractContextManager[None]]


class NotKnownError(Exception):
    """Reason of a failed lookup: a clause with what is known, and what to do; `may_come`: whether waiting can help."""

    def __init__(self, reason: str, may_come: bool = True) -> None:
        super().__init__(reason)
        self.may_come = may_come


class WaitingLookup(ABC):
    """Base of all lookups: argument check, waiting, and the error sentence.

    What comes from TF is learned inside `learning`.
    """

    source: str

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_open = True

    @abstractmethod
    def find(self, target: str, source: str, stamp_ns: int | None) -> Transform:
        """Return what is known now; raise NotKnownError where that is not enough. The caller holds the lock."""

    def lookup(self, target: str, source: str, stamp_ns: int | None, timeout_s: float = 0.0) -> Transform:
        """Return the transform from `source` to `target`; see the protocol Transforms."""
        asked = f"No transform from frame '{source}' to frame '{target}' {spoken_stamp(stamp_ns)}"
        if flaw := flaw_of_question(target, source, stamp_ns):
            raise TransformError(f"{asked}: {flaw}.")
        if target == source:
            return Transform.identity(stamp_ns)
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                try:
                    return self.find(target, source, stamp_ns)
                except NotKnownError as reason:
                    if not (reason.may_come and self._wait_until(deadline)):
                        waited = f" after waiting {timeout_s:g} s" if reason.may_come and timeout_s > 0 else ""
                        raise TransformError(f"{asked}{waited}: {reason}.") from None

    @abstractmethod
    def clear(self) -> None:
        """Forget what moves; see the protocol Transforms."""

    def _wait_until(self, deadline: float) -> bool:
        """Wait for news; return whether it is worth looking again."""
        remaining = deadline - time.monotonic()
        return self._is_open and remaining > 0 and self._changed.wait(remaining) and self._is_open

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Hold the lock while data is added, then wake the waiting lookups."""
        with self._changed:
            yield
            self._changed.notify_all()

    def close(self) -> None:
        """End the lookups that wait."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()


def flaw_of_question(target: str, source: str, stamp_ns: int | None) -> str:
    """Return what is wrong with a lookup's arguments, or ''."""
    for name in (source, target):
        if not name:
            return "a frame's name is empty; set the frame_id of the sensor's driver, or the parameter that names it"
        if name.startswith("/"):
            return f"'{name}' starts with a slash, and TF's frames have none; write '{name.lstrip('/')}'"
    if stamp_ns is not None and stamp_ns <= 0:
        return "the stamp is not set; the driver has to fill header.stamp with the moment of the picture"
    return ""


def ahead(stamp_ns: int, newest_ns: int) -> NotKnownError:
    """Return why a stamp newer than all that is known has no transform."""
    return NotKnownError(
        f"the newest moment known of all frames between them is {(stamp_ns - newest_ns) / 1e9:.3f} s earlier, and TF "
        "is not extrapolated; allow more time, or look for a publisher that stopped or a clock that differs"
    )


def behind(stamp_ns: int, oldest_ns: int) -> NotKnownError:
    """Return why a stamp older than all that is known has no transform."""
    return NotKnownError(
        f"the oldest moment known of a frame between them is {(oldest_ns - stamp_ns) / 1e9:.3f} s later; it was "
        "asked too late or before TF was heard, or by a clock that differs",
        may_come=False,
    )


def not_joined_then() -> NotKnownError:
    """Return why frames that are joined now have no transform at a stamp from before their parents changed."""
    return NotKnownError(
        "the parents that they had then do not join them; look for publishers that disagree on a frame's parent",
        may_come=False,
    )


def spoken_stamp(stamp_ns: int | None) -> str:
    """Return how a sentence names the moment."""
    return "at the newest moment" if stamp_ns is None else f"at {stamp_ns / 1e9:.3f} s"
