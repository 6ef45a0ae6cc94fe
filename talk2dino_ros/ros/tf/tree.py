# SPDX-License-Identifier: Apache-2.0
"""Frame tree of TF, and why two frames have no transform. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from talk2dino_ros.engine.text.class_entries import shorten
from talk2dino_ros.ros.tf.lookup import NotKnownError
from talk2dino_ros.ros.tf.samples import TransformSample

NAMES_SHOWN = 8
MOST_FRAMES = 10_000  # that move, and as many that do not: a robot has some hundred


@dataclass(frozen=True, slots=True)
class Parent:
    """The newest parent of a frame, and from which stamp to which it was named in a row; static: it holds always."""

    name: str
    is_static: bool
    first_ns: int
    last_ns: int

    def holds_at(self, stamp_ns: int | None) -> bool:
        """Whether tf2 would climb to it at a stamp; None: a moment of which only what is static is known."""
        return self.is_static or (stamp_ns is not None and self.first_ns <= stamp_ns <= self.last_ns)


class FrameTree:
    """The newest parent of every frame."""

    def __init__(self) -> None:
        self._parents: dict[str, Parent] = {}  # of frames that move, the one that was named last comes last
        self._static = 0

    def no_room(self, child: str) -> str:
        """Return the sentence that says why a frame that does not move cannot be added; "" where it can."""
        if child in self._parents or self._static < MOST_FRAMES:
            return ""
        return (
            f"A transform of frame {shorten(child)} was dropped: /tf_static has named {MOST_FRAMES} frames already; "
            "look for a publisher that makes up names."
        )

    def make_room(self, child: str) -> str:
        """Forget the frame that was named longest ago, where a moving one would be too many; return it, or ""."""
        if child in self._parents or len(self._parents) - self._static < MOST_FRAMES:
            return ""
        oldest = next(name for name, parent in self._parents.items() if not parent.is_static)
        del self._parents[oldest]
        return oldest

    def add(self, sample: TransformSample, is_static: bool) -> None:
        """Add the parent that a sample names."""
        first_ns = last_ns = sample.stamp_ns
        before = self._parents.pop(sample.child, None)
        if before and (before.name, before.is_static) == (sample.parent, is_static):
            first_ns, last_ns = min(before.first_ns, first_ns), max(before.last_ns, last_ns)
        self._parents[sample.child] = Parent(sample.parent, is_static, first_ns, last_ns)
        self._static += is_static - (before is not None and before.is_static)

    def forget_moving(self) -> None:
        """Keep the frames of /tf_static alone, which nobody publishes again."""
        self._parents = {child: parent for child, parent in self._parents.items() if parent.is_static}

    def names(self) -> set[str]:
        """Return every frame, with or without a parent."""
        return {*self._parents, *(parent.name for parent in self._parents.values())}

    def line(self, frame: str) -> list[str]:
        """Return a frame and its parents, up to the top or to where a circle closes."""
        line = [frame]
        while (parent := self._parents.get(line[-1])) is not None and parent.name not in line:
            line.append(parent.name)
        return line

    def refuse_circles(self, stamp_ns: int | None, *frames: str) -> None:
        """Raise NotKnownError where the parents above one of the frames run in a circle at a stamp.

        Then no place is sure. A circle counts only while all its parents hold: one wrong message, after which its
        publisher is silent, or names the right parent again, does harm at its own stamp and, as in tf2, at no other.
        """
        for line in map(self.line, frames):
            last = self._parents.get(line[-1])
            if last is None:
                continue
            circle = line[line.index(last.name) :]
            if all(self._parents[name].holds_at(stamp_ns) for name in circle):
                names = " to ".join(f"'{name}'" for name in [*circle, last.name])
                raise NotKnownError(
                    f"the parents run in a circle, {names}; stop one of these publishers", may_come=False
                )

    def refuse_strangers(self, target: str, source: str) -> None:
        """Raise NotKnownError where TF never named one of the frames, or where no parents join them."""
        for name in (source, target):
            if name not in self.names():
                raise self._unknown(name)
        tops = [self.line(name)[-1] for name in (source, target)]
        if tops[0] != tops[1]:
            raise NotKnownError(
                f"they are in trees of their own, below '{tops[0]}' and '{tops[1]}', which nothing published joins; "
                "start what publishes the transform between these"
            )

    def _unknown(self, name: str) -> NotKnownError:
        names = sorted(self.names())
        shown = ", ".join(names[:NAMES_SHOWN]) + (
            f" and {len(names) - NAMES_SHOWN} more" if names[NAMES_SHOWN:] else ""
        )
        return NotKnownError(
            f"nothing on /tf or /tf_static names '{name}', "
            + (f"only {shown}" if names else "and nothing else was heard there either")
            + "; check the name, and that its publisher runs"
        )
