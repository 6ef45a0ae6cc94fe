# SPDX-License-Identifier: Apache-2.0
"""The steps from one frame to another at a stamp, or the reason why there are none. Pure."""

from __future__ import annotations

from talk2dino_ros.ros.tf.history import History, Path, Step
from talk2dino_ros.ros.tf.lookup import NotKnownError, ahead, behind, not_joined_then
from talk2dino_ros.ros.tf.tree import FrameTree


def steps_at(
    history: History, tree: FrameTree, target: str, source: str, stamp_ns: int | None
) -> tuple[tuple[Step, ...], int | None]:
    """Return the steps from source to target, and the stamp at which they are: the newest common one for None.

    Raises NotKnownError; see WaitingLookup.
    """
    newest_ns = history.newest_common_ns(target, source)
    at_ns = newest_ns if stamp_ns is None else stamp_ns
    tree.refuse_circles(at_ns, source, target)
    path = history.path(target, source, at_ns)
    if not path.steps:
        tree.refuse_strangers(target, source)
        raise _reason_in_time(path, at_ns, newest_ns)
    return path.steps, at_ns


def _reason_in_time(path: Path, at_ns: int | None, newest_ns: int | None) -> NotKnownError:
    if path.gap is None or at_ns is None:
        return not_joined_then()
    if newest_ns is not None and newest_ns < at_ns:
        return ahead(at_ns, newest_ns)
    return behind(at_ns, path.gap.oldest_ns)
