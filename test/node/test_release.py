# SPDX-License-Identifier: Apache-2.0
"""What a transition leaves behind, seen from inside the process: no model, and no state that cannot go on."""

import gc
import time
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
import rclpy
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import Image

from talk2dino_ros import engine
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.segmenter import segmenter_node
from talk2dino_ros.segmenter.frames import Frame
from talk2dino_ros.segmenter.segmenter_node import SegmenterNode


class TinySegmenter:
    """Answers as an engine's segmenter does, with nothing in it."""

    fixed_size = None
    keeps_text_encoder = True
    precision_reason = "there is nothing to compute"
    feature_space = "of nothing"
    networks = SimpleNamespace(backend="torch", backend_reason="there is nothing to compute")

    def __init__(self, options=None):
        self.model = type("Model", (), {"name": "tiny", "background": 0.5})
        self.device, self.precision, self.options = "cpu", "fp32", options or Options()
        TinySegmenter.last = weakref.ref(self)

    def with_options(self, **changes):
        return TinySegmenter(Options(**changes))

    def prepare_refinement(self):
        return "nothing"

    def load_text_encoder(self):
        pass

    def encode_vocabulary(self, classes, known=None, mapper=map):
        entries = parse_classes(classes)
        return Vocabulary(entries, np.eye(len(entries), 32))

    def segment(self, rgb, vocabulary):
        pass


@pytest.fixture
def make_node(_own_ros_network, monkeypatch):
    """Return a function that makes a node in this process."""
    monkeypatch.setattr(engine, "load_segmenter", lambda *_, **__: TinySegmenter(), raising=False)
    unchecked = SimpleNamespace(line="")  # there are no networks to check
    monkeypatch.setattr(segmenter_node, "self_checked", lambda segmenter, *_: (segmenter, unchecked))
    context = rclpy.Context()
    rclpy.init(context=context)
    nodes = []

    def make() -> SegmenterNode:
        nodes.append(SegmenterNode(context=context, use_global_arguments=False))
        return nodes[-1]

    yield make
    for node in nodes:
        node.stop()
        node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def held_at_release(monkeypatch):
    """Whether the last model was still there, at each time that freed memory went back to the system."""
    held = []

    def release():
        gc.collect()
        held.append(TinySegmenter.last() is not None)

    monkeypatch.setattr(segmenter_node, "release", release)
    return held


def test_cleaning_up_frees_the_model_that_has_segmented_and_then_returns_its_memory(make_node, held_at_release):
    node = make_node()
    assert node.start()
    (camera,) = node._pipeline.cameras.values()
    node._recorder.take_images([Frame(camera.name, Image(), time.monotonic())], node._pipeline.active)
    assert node._recorder._ring.messages()  # what is kept names the model
    assert node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
    assert node.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
    assert held_at_release == [False]


def test_a_configure_that_fails_half_way_returns_the_models_memory_and_says_failure(
    make_node, monkeypatch, held_at_release
):
    node = make_node()

    def fail(_segmenter, _vocabulary):
        raise engine.ModelError("no room on the GPU")

    monkeypatch.setattr(segmenter_node, "warm_up", fail)
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert held_at_release == [False]


def test_a_fault_in_a_transition_ends_unconfigured_and_the_node_can_start_again(make_node, monkeypatch):
    node = make_node()
    with monkeypatch.context() as broken:
        broken.setattr(segmenter_node, "warm_up", lambda *_: 1 / 0)
        assert node.trigger_configure() == TransitionCallbackReturn.ERROR
    assert node.start()


def test_ids_and_versions_outlive_a_reconfigure_unless_their_rules_change(make_node):
    node = make_node()
    assert node.start()
    version, ids = node._pipeline.active.vocabulary.version, node._pipeline.active.vocabulary.ids
    node.trigger_deactivate()
    node.trigger_cleanup()
    node._settings = segmenter_node.segmenter_parameters.Parameters(vocabulary=("new", "door", "person"))
    assert node.start()
    vocabulary = node._pipeline.active.vocabulary
    assert vocabulary.version > version
    assert vocabulary.ids[1] == ids[0]
    assert vocabulary.ids[0] not in ids


def test_a_frame_that_fails_after_the_nodes_end_is_counted_and_raises_nothing(make_node):
    """In the worker's thread, which goes on until the process ends: it would end with a traceback."""
    node = make_node()
    assert node.start()
    (camera,) = node._pipeline.cameras.values()
    node.before_exit()
    node.destroy_node()
    node._pipeline._on_lost_batch([Frame(camera.name, None, 0.0)], RuntimeError("the publisher is gone"))
    assert camera.statistics.wrong == 1
