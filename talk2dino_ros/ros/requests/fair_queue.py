# SPDX-License-Identifier: Apache-2.0
"""Requests of one service that wait to be answered: each process that asks has its turn, however much others ask."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

MOST_WAITING = 1000  # of one process: as many as DDS keeps for the service

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Queue in which askers take turns; those of one asker keep their order."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[bytes, deque[Item]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, asker: bytes, item: Item) -> bool:
        """Add an asker's item; return False where it has MOST_WAITING already."""
        waiting = self._waiting.setdefault(asker, deque())
        if len(waiting) >= MOST_WAITING:
            return False
        waiting.append(item)
        return True

    def pop(self) -> Item:
        """Take the next item; its asker is the last to have a turn again."""
        asker, waiting = self._waiting.popitem(last=False)
        item = waiting.popleft()
        if waiting:
            self._waiting[asker] = waiting
        return item
