# SPDX-License-Identifier: Apache-2.0
"""A desk's page without a browser: a segmenter of mean colours, and what waits until something is shown."""

import threading

from tiny_segmenter import make_segmenter, vocabulary

from talk2dino_ros.cli.servers.desk_cameras import desk_cameras
from talk2dino_ros.ros.bags.bag_topics import TopicNames
from talk2dino_ros.web.desk.desk_source import DeskSource

WAIT_S = 60


def cameras_of(*named):
    """The cameras of what a person names, which is all of a known kind."""
    cameras, left_out = desk_cameras([str(each) for each in named], TopicNames())
    assert left_out == []
    return cameras


def camera_of(state, name):
    """What the page has of a camera."""
    return next(each for each in state.cameras if each.name == name)


class WatchedDesk:
    """The words are red, green and blue."""

    def __init__(self, *named):
        segmenter = make_segmenter(patch_size=4, base_size=64)
        self.source = DeskSource(segmenter, vocabulary(("red", "green", "blue")), cameras_of(*named))
        self._changed = threading.Condition()
        self.source.on_change = self._on_change

    def _on_change(self):
        with self._changed:
            self._changed.notify_all()

    def until(self, is_so):
        """Return the first state of which it is so."""
        seen = []

        def has_come():
            seen.append(self.source.state())
            return is_so(seen[-1])

        with self._changed:
            assert self._changed.wait_for(has_come, WAIT_S)
        return seen[-1]
