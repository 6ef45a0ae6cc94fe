# SPDX-License-Identifier: Apache-2.0
"""Which frame has which parent, as TF named them last, and why two of them have no transform. Pure."""

from __future__ import annotations

from talk2dino_ros.tf.lookup import NotKnownError
from talk2dino_ros.tf.samples import Sample

NAMES_SHOWN = 8


class FrameTree:
    """The newest parent of every frame."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._static: set[str] = set()

    def add(self, sample: Sample, is_static: bool) -> None:
        """Note the parent that a sample names."""
        self._parents[sample.child] = sample.parent
        (self._static.add if is_static else self._static.discard)(sample.child)

    def forget_moving(self) -> None:
        """Keep the frames of /tf_static alone, which nobody publishes again."""
        self._parents = {child: self._parents[child] for child in self._static}

    def names(self) -> set[str]:
        """Return every frame, with or without a parent."""
        return {*self._parents, *self._parents.values()}

    def line(self, frame: str) -> list[str]:
        """Return a frame and its parents, up to the top or to where a circle closes."""
        line = [frame]
        while (parent := self._parents.get(line[-1])) is not None and parent not in line:
            line.append(parent)
        return line

    def refuse_circles(self, *frames: str) -> None:
        """Raise NotKnownError where the parents above one of the frames run in a circle, so that no place is sure."""
        for line in map(self.line, frames):
            if line[-1] in self._parents:
                start = self._parents[line[-1]]
                circle = " to ".join(f"'{name}'" for name in [*line[line.index(start) :], start])
                raise NotKnownError(
                    f"the parents run in a circle, {circle}; stop one of these publishers", may_come=False
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
