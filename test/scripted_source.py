# SPDX-License-Identifier: Apache-2.0
"""A source of the page that does what a test says, and remembers what it was asked."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from talk2dino_ros.engine.doctor.health_finding import HealthFinding
from talk2dino_ros.perception.presence import Presence, PresenceState
from talk2dino_ros.web.jpeg import to_jpeg
from talk2dino_ros.web.web_source import (
    ConflictError,
    PageCamera,
    PageClass,
    PagePlace,
    PagePoint,
    PageState,
    SeenClass,
    Snapshot,
    WordsReply,
    no_camera,
    page_class,
)

FIRST_VERSION = 1_700_000_000_123_456_789  # beyond what JavaScript's numbers can tell apart
MUG = PagePoint("mug", "#e13c3c", 0.9, (8, 6), (4, 3, 8, 6), 3, "confirmed", (1.25, -0.5, 0.75), "map")


def first_state():
    sees = Presence(1, "mug", PresenceState.IN_VIEW, "", best_score=0.61, evidence=3.0)
    camera = PageCamera("front", 1, (16, 12), 12.0, 0, (SeenClass("mug", 0.25, 0.9),), (MUG,), (sees,))
    classes = (PageClass("mug", "mug: cup, mug", "#e13c3c"), PageClass("wall", "!wall", ""))
    return PageState("tiny", FIRST_VERSION, classes, (camera,), 0.525, (HealthFinding("tiny", "well"),))


class ScriptedSource:
    """on_watch: called with the cameras that are looked at from then on."""

    def __init__(self):
        self.on_change = lambda: None
        self.on_watch = lambda cameras: None
        self.now = first_state()
        self.rgb = np.full((12, 16, 3), (200, 40, 40), np.uint8)
        self.asked = []
        self.looked = 0  # how often a picture was asked for

    def change(self, **changes):
        """Change fields of the state, as a robot would, and say so."""
        self.now = replace(self.now, **changes)
        self.on_change()

    def show(self, color):
        """Let the camera see one colour."""
        camera = self.now.cameras[0]
        self.rgb = np.full((12, 16, 3), color, np.uint8)
        self.change(cameras=(replace(camera, number=camera.number + 1),))

    def state(self):
        return self.now

    @contextmanager
    def untold(self):
        """Let the pages see nothing of what changes meanwhile, also where the server gives a sign of life."""
        shown, tell = self.now, self.on_change
        self.state, self.on_change = lambda: shown, lambda: None
        yield
        del self.state
        self.on_change = tell
        tell()

    def overlay(self, camera):
        self.looked += 1
        return (self.now.cameras[0].number, to_jpeg(self.rgb, 100)) if camera == "front" else None

    def watch(self, cameras):
        self.on_watch(cameras)

    def set_words(self, classes, expected_version):
        if expected_version not in (0, self.now.version):
            raise ConflictError("the words were changed meanwhile by another page; change them again")
        self.asked.append(list(classes))
        shown = tuple(page_class(each, 255 if each.startswith("!") else 1) for each in classes)
        self.change(classes=shown, version=self.now.version + 1)
        return WordsReply(self.now.version, shown, "")

    def snapshot(self, camera):
        if camera != "front":
            raise no_camera(camera, ["front"])
        return Snapshot(self.rgb, np.arange(192, dtype=np.uint8).reshape(12, 16), {"labels": {"1": "mug"}})

    def go_to(self, class_name, object_id):
        self.asked.append(("go", class_name, object_id))
        self.change(journey=f"{class_name}: searching", is_going=True)

    def stop_going(self):
        self.asked.append("stop")
        self.change(journey="cancelled", is_going=False)

    def find(self, word):
        self.asked.append(("find", word))
        return "1 place", (PagePlace(word, (1.0, 2.0, 0.5), "map", 0.8),)

    def close(self):
        """Do nothing."""
