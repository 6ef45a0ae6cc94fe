# SPDX-License-Identifier: Apache-2.0
"""Steps of work in threads, some ahead of the one that is asked for."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def done_ahead(calls: Iterable[Callable[[], T]], threads: int) -> Generator[T, None, None]:
    """Yield what calls return, in their order. threads: that do them ahead; 0: none, each is done when it is asked for.

    One more than threads are done or waiting, as each may hold an image. With one thread the calls are done one after
    the other. Those that have not begun when the iteration ends are not
    done.
    """
    if threads == 0:
        yield from (call() for call in calls)
        return
    waiting: deque[Future[T]] = deque()
    rest = iter(calls)
    pool = ThreadPoolExecutor(threads)
    try:
        while True:
            waiting.extend(pool.submit(call) for call in islice(rest, threads + 1 - len(waiting)))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
