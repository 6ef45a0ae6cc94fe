# SPDX-License-Identifier: Apache-2.0
"""History of TF: the samples of the last seconds by frame and stamp, as tf2 keeps them. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from talk2dino_ros.ros.tf.samples import TransformSample


class Link:
    """Samples of one frame in its parent, ordered by stamp, or one static sample."""

    def __init__(self, is_static: bool) -> None:
        self.is_static = is_static
        self._stamps: list[int] = []
        self._samples: list[TransformSample] = []

    def put(self, sample: TransformSample, history_ns: int) -> bool:
        """Keep a sample, and drop what is older than the history; return False where the sample itself is."""
        if self.is_static:
            self._stamps, self._samples = [sample.stamp_ns], [sample]
            return True
        if self._stamps and sample.stamp_ns < self.newest_ns - history_ns:
            return False
        index = bisect_left(self._stamps, sample.stamp_ns)
        same = index < len(self._stamps) and self._stamps[index] == sample.stamp_ns
        self._stamps[index : index + same] = [sample.stamp_ns]
        self._samples[index : index + same] = [sample]
        outdated = bisect_left(self._stamps, self.newest_ns - history_ns)
        del self._stamps[:outdated], self._samples[:outdated]
        return True

    @property
    def newest_ns(self) -> int:
        """The stamp of the newest sample."""
        return self._stamps[-1]

    @property
    def oldest_ns(self) -> int:
        """The stamp of the oldest sample."""
        return self._stamps[0]

    def around(self, stamp_ns: int | None) -> tuple[TransformSample, TransformSample] | None:
        """Return the samples at or before and at or after a stamp; the newest for None; None where it is outside.

        Where the parent changed between the two, the older one holds until the newer.
        """
        if self.is_static or stamp_ns is None:
            return self._samples[-1], self._samples[-1]
        if not self.oldest_ns <= stamp_ns <= self.newest_ns:
            return None
        before = bisect_right(self._stamps, stamp_ns) - 1
        after = before if self._stamps[before] == stamp_ns else before + 1
        older, newer = self._samples[before], self._samples[after]
        return (older, newer) if older.parent == newer.parent else (older, older)


@dataclass(frozen=True)
class Step:
    """One frame and its parent on the way between two frames."""

    child: str
    parent: str
    link: Link


@dataclass(frozen=True)
class Path:
    """The steps between two frames; incomplete where a link knows nothing at the stamp: `gap` is that link."""

    steps: tuple[Step, ...]
    gap: Link | None = None


class History:
    """The links of all frames."""

    def __init__(self, history_ns: int) -> None:
        self._history_ns = history_ns
        self._links: dict[str, Link] = {}

    def put(self, sample: TransformSample, is_static: bool) -> str:
        """Keep a sample; return '' or the sentence that says why it was dropped."""
        link = self._links.get(sample.child)
        if link is None or link.is_static != is_static:
            link = self._links[sample.child] = Link(is_static)
        if link.put(sample, self._history_ns):
            return ""
        return (
            f"A transform from frame '{sample.child}' to its parent '{sample.parent}' was dropped: it is "
            f"{(link.newest_ns - sample.stamp_ns) / 1e9:.1f} s older than the newest of this frame, and "
            f"{self._history_ns / 1e9:g} s are kept; look for two publishers whose clocks differ."
        )

    def forget(self, child: str) -> None:
        """Forget one frame."""
        self._links.pop(child, None)

    def forget_moving(self) -> None:
        """Keep the static links alone."""
        self._links = {child: link for child, link in self._links.items() if link.is_static}

    def path(self, target: str, source: str, stamp_ns: int | None) -> Path:
        """Return the way from `source` to `target` by the parents at a stamp, or by the newest for None.

        Where there is none, the path has no steps.
        """
        up, gap = self._climb(source, stamp_ns)
        down, gap_below_target = self._climb(target, stamp_ns)
        tops = [source, *(step.parent for step in up)]
        meeting = next((i for i, frame in enumerate([target, *(step.parent for step in down)]) if frame in tops), None)
        if meeting is None:
            return Path((), gap or gap_below_target)
        at = ([target, *(step.parent for step in down)])[meeting]
        return Path((*up[: tops.index(at)], *reversed(down[:meeting])))

    def _climb(self, frame: str, stamp_ns: int | None) -> tuple[list[Step], Link | None]:
        """Return the steps from a frame to the top, or to where a circle closes or a link has a gap."""
        steps: list[Step] = []
        seen = {frame}
        while link := self._links.get(frame):
            found = link.around(stamp_ns)
            if found is None:
                return steps, link
            steps.append(Step(frame, found[0].parent, link))
            frame = found[0].parent
            if frame in seen:
                break
            seen.add(frame)
        return steps, None

    def newest_common_ns(self, target: str, source: str) -> int | None:
        """Return the newest stamp that every moving link between two frames knows; None where none moves."""
        steps = self.path(target, source, None).steps
        return min((step.link.newest_ns for step in steps if not step.link.is_static), default=None)
