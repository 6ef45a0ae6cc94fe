# SPDX-License-Identifier: Apache-2.0
"""When one camera last saw each class, and since when in every image."""

from collections.abc import Collection
from dataclasses import dataclass

from talk2dino_ros.perception.space.clock_jump import is_jump_back


@dataclass(frozen=True)
class SeenSpan:
    """The newest image with a region of a class, and the first of the images without a gap that end with it.

    Both are stamps in ns; 0: there is none.
    """

    first_ns: int = 0
    last_ns: int = 0

    def sentence(self, stamp_ns: int) -> str:
        """Say it beside an image of this stamp."""
        if not self.last_ns:
            return "never seen so far"
        if self.last_ns < stamp_ns:
            return f"last seen {(stamp_ns - self.last_ns) / 1e9:.1f} s before this image"
        if self.first_ns >= stamp_ns:
            return "first seen in this image"
        return f"seen in every image of the last {(stamp_ns - self.first_ns) / 1e9:.1f} s"


class SeenSpans:
    """The newest span of each class of one camera."""

    def __init__(self) -> None:
        self._newest_ns = 0
        self._by_name: dict[str, SeenSpan] = {}

    def note(self, stamp_ns: int, seen: Collection[str], names: Collection[str]) -> None:
        """Take an image that was looked at: the names that have a region in it, of all that are looked for.

        What is looked for no more is forgotten, and everything is after a jump back of the clock; an image that another
        has overtaken tells nothing new.
        """
        if is_jump_back(self._newest_ns, stamp_ns):
            self._by_name, self._newest_ns = {}, 0
        if stamp_ns < self._newest_ns:
            return
        before_ns, self._newest_ns = self._newest_ns, stamp_ns
        kept = {name: each for name, each in self._by_name.items() if name in names}
        for name in seen:
            known = kept.get(name)
            goes_on = known is not None and known.last_ns == before_ns
            kept[name] = SeenSpan(known.first_ns if known and goes_on else stamp_ns, stamp_ns)
        self._by_name = kept

    def of(self, name: str) -> SeenSpan:
        """Return the newest span of a class."""
        return self._by_name.get(name, SeenSpan())
