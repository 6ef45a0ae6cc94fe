# SPDX-License-Identifier: Apache-2.0
"""`talk2dino replay` with a segmenter of mean colours, which counts its images and can stop in one.

As a program: `stub_replay.py STOP_AT MARKER ARGUMENT...` makes the file MARKER and sleeps in the image of that number.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader
from tiny_segmenter import make_segmenter

from talk2dino_ros.cli.main import main
from talk2dino_ros.segmenter.replay import replay_settings

WORDS = "red, green, blue"


class WatchedSegmenter:
    """Segments by mean colours; calls: how many images it has seen; on_call: gets each number, from 1."""

    feature_space = "colours"

    def __init__(self, on_call: Callable[[int], object] = lambda _: None, **options: Any) -> None:
        self.calls = 0
        self._segmenter = make_segmenter(**options)
        self._on_call = on_call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._segmenter, name)

    def segment(self, *arguments, **options):
        self.calls += 1
        self._on_call(self.calls)
        return self._segmenter.segment(*arguments, **options)


def replay(segmenter: WatchedSegmenter, *arguments: object) -> int:
    """Run the command with this segmenter and its three words."""
    words = () if {"--classes", "--vocabulary"} & {*map(str, arguments)} else ("--classes", WORDS)
    loader, replay_settings.loaded_segmenter = replay_settings.loaded_segmenter, lambda *_: (segmenter, "")
    try:
        return main(["replay", *map(str, arguments), *words])
    finally:
        replay_settings.loaded_segmenter = loader


def contents(path: Path) -> dict[str, list]:
    """All messages by topic, each with its time of recording, as rosbags reads them."""
    with AnyReader([path]) as reader:
        found = {connection.topic: [] for connection in reader.connections}
        for connection, recorded_ns, data in reader.messages():
            found[connection.topic].append((recorded_ns, reader.deserialize(data, connection.msgtype)))
    return found


def stopping(stop_at: int, marker: Path) -> Callable[[int], None]:
    """For `on_call`: make the file and sleep in the image of that number."""

    def on_call(number: int) -> None:
        if number == stop_at:
            marker.touch()
            time.sleep(600)  # until it is killed

    return on_call


if __name__ == "__main__":
    sys.exit(replay(WatchedSegmenter(stopping(int(sys.argv[1]), Path(sys.argv[2]))), *sys.argv[3:]))
