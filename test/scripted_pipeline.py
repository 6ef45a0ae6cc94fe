# SPDX-License-Identifier: Apache-2.0
"""A pipeline whose cameras, depth and segmenter a test scripts, without ROS."""

import re
import threading
from types import SimpleNamespace

import numpy as np

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.engine.inference.image_patches import ImagePatches
from talk2dino_ros.engine.runtime.stage_times import StageTimer, stage
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError
from talk2dino_ros.perception.space.depth import Depth
from talk2dino_ros.segmenter.frames import Frame
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
from talk2dino_ros.segmenter.pipeline import ActiveConfiguration, Pipeline
from talk2dino_ros.segmenter.scene import Scene
from talk2dino_ros.segmenter.statistics import CameraStatistics

DEADLINE_S = 60.0
PATCHES = ImagePatches(np.ones((1, 1, 8), np.float16), np.array([[[3.0, 2.0]]], np.float32), (4.0, 6.0))  # one: all
BAD = 13  # the red value of an image that the scripted segmenter cannot segment


class ScriptedFeatures:
    """The topic of the features, which somebody listens to or not."""

    def __init__(self, camera):
        self.has_listener, self._camera = False, camera

    def is_due(self, _frame, _parameters):
        return self.has_listener

    def publish(self, frame, patches, places, _segmenter, encoding):
        self._camera.note(frame, "features", patches, places, encoding)


class ScriptedPresence:
    """The topic of what is in view, which somebody listens to or not."""

    def __init__(self, camera):
        self.has_listener, self._camera = False, camera

    def publish(self, frame, _active):
        if frame.result.scores is not None:
            self._camera.note(frame, "presence", frame.result.scores.shape)

    def publish_unseen(self, frame, _active):
        if self.has_listener:
            self._camera.note(frame, "presence", None)


class ScriptedCamera:
    """Its messages are arrays; it writes down what it is told to publish, in one list with all others."""

    def __init__(self, name, published):
        self.name, self.topic, self.published = name, f"/{name}/image", published
        self.statistics = CameraStatistics(0.0)
        self.has_overlay_listener = self.has_cloud_listener = False
        self.features, self.presence = ScriptedFeatures(self), ScriptedPresence(self)
        self.news = threading.Semaphore(0)
        self.frames = []  # each publication's

    def start(self, on_frame):
        self.send = lambda rgb: on_frame(frame_of(self.name, rgb))

    def stop(self):
        pass

    def to_rgb(self, frame):
        if frame.message.rgb is None:
            raise ImageError("no image")
        return frame.message.rgb

    def size_of(self, frame):
        return self.to_rgb(frame).shape[:2]

    def publish_mask(self, frame, mask, confidence):
        self.note(frame, "mask", mask, confidence)

    def publish_places(self, frame, version):
        self.note(frame, "points", frame.points, version)

    def publish_cloud(self, frame, points, rgb, class_ids):
        self.note(frame, "cloud", points, rgb, class_ids)

    def publish_overlay(self, frame, overlay):
        self.note(frame, "overlay", overlay)

    def publish_label_info(self, labels, version, threshold):
        self.note(None, "label_info", labels, version, threshold)

    def note(self, frame, what, *values):
        self.frames.append(frame)
        self.published.append((self.name, what, *values))
        self.news.release()


class ScriptedDepth:
    """The depth of every image, in metres, or none."""

    is_expected = True

    def __init__(self):
        self.depth, self.pinned = None, []

    def pin(self, stamp_ns):
        self.pinned.append(stamp_ns)

    def depth_of(self, _frame, _parameters):
        if self.depth is None:
            raise GeometryError("it is dark")
        return self.depth


class ScriptedSegmenter:
    """Every pixel gets the first class; red 13 cannot be segmented."""

    options = SimpleNamespace(background=0.5)
    fails_by = None

    def __init__(self):
        self.batch_sizes, self.timers_seen, self.memories_seen, self.patches_asked = [], [], [], []
        self.timers_made = self.fill = 0
        self.entered, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()

    def stage_timer(self):
        self.timers_made += 1
        return StageTimer()

    def segment(self, images, vocabulary, return_scores, *, timer, memory, return_patches):
        self.entered.set()
        self.patches_asked.append(return_patches)
        self.timers_seen.append(timer)
        self.memories_seen.append(memory)
        self.may_go_on.wait(DEADLINE_S)
        self.batch_sizes.append(len(images))
        if self.fails_by is not None:
            raise self.fails_by
        if any(rgb[0, 0, 0] == BAD for rgb in images):
            raise RuntimeError("the network choked")
        with stage(timer, "backbone"):
            pairs = zip(images, return_patches, strict=True)
            scores = np.zeros((len(vocabulary.classes), 1, 1), np.float32) if return_scores else None
            return [self._result(rgb, vocabulary, scores, PATCHES if asked else None) for rgb, asked in pairs]

    def _result(self, rgb, vocabulary, scores, patches):
        shape = rgb.shape[:2]
        return SimpleNamespace(
            class_ids=np.full(shape, self.fill or vocabulary.ids[0], np.uint8),
            confidence=np.full(shape, 99, np.uint8),
            answers={number: np.full(shape, 88, np.uint8) for number in vocabulary.questions()},
            scores=scores,
            patches=patches,
        )


def image(red=0, height=4, width=6):
    return np.full((height, width, 3), red, np.uint8)


def frame_of(name, rgb):
    """A frame whose message carries its pixels as they are."""
    stamp = SimpleNamespace(sec=1, nanosec=5)
    header = SimpleNamespace(stamp=stamp, frame_id="optical")
    return Frame(name, SimpleNamespace(header=header, rgb=rgb), 0.0)


def depth_of(metres):
    """Depth of a camera of the same size, its axis through the middle."""
    height, width = metres.shape
    matrix = [[10.0, 0, (width - 1) / 2], [0, 10.0, (height - 1) / 2], [0, 0, 1]]
    return Depth(np.float32(metres), CameraModel(np.array(matrix), (), "", width, height))


def vocabulary_of(*names, version=1):
    return Vocabulary.from_embeddings(names, np.eye(len(names), 8)).with_ids(range(1, len(names) + 1), version)


class Bench:
    """A pipeline of two scripted cameras."""

    def __init__(self, **parameters):
        self.published, self.problems = [], []
        self.segmenter = ScriptedSegmenter()
        self.front, self.rear = (ScriptedCamera(name, self.published) for name in ("front", "rear"))
        active = ActiveConfiguration(self.segmenter, vocabulary_of("cup"), Parameters(**parameters))
        cameras = {"front": self.front, "rear": self.rear}
        self.depths = {name: ScriptedDepth() for name in cameras}
        scenes = {name: Scene(depth, None, active.parameters) for name, depth in self.depths.items()}
        self.pipeline = Pipeline(cameras, scenes, active, lambda what, error: self.problems.append((what, str(error))))

    def process(self, **messages):
        """Process a batch in this thread."""
        return self.pipeline.process([frame_of(name, rgb) for name, rgb in messages.items()])

    def dropped(self):
        """Image topic and reason of each frame that was dropped."""
        split = [(re.fullmatch("an image on (.*) was dropped", what), why) for what, why in self.problems]
        return [(match[1], why) for match, why in split if match]

    def whats(self):
        return [(name, what) for name, what, *_ in self.published]
