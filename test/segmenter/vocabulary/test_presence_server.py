# SPDX-License-Identifier: Apache-2.0
"""Answers of is_in_view, without ROS around it: of the next image, of the surest camera, or why nobody has looked."""

import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from std_msgs.msg import Header
from talk2dino_msgs.msg import Presence as PresenceMsg
from talk2dino_msgs.srv import IsInView

from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.perception.presence import Presence, PresenceState
from talk2dino_ros.perception.seen_spans import SeenSpan
from talk2dino_ros.segmenter.frames import Frame
from talk2dino_ros.segmenter.vocabulary import presence_server
from talk2dino_ros.segmenter.vocabulary.presence_server import PresenceServer
from talk2dino_ros.segmenter.vocabulary.presence_topic import PresenceAnswer, PresenceQuestion

WORDS = Vocabulary.from_embeddings(["cup", "?Mug", "!wall"], [[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
S = 10**9


NEVER = SeenSpan()


def answer(state, evidence, span=NEVER):
    header = Header(frame_id="optical")
    header.stamp.sec = 20
    presence = Presence(1, "cup", state, f"{state.name} it is", 0.6, 0.55, False, evidence)
    return PresenceAnswer(Frame("", SimpleNamespace(header=header), 0.0), presence, span)


class Camera:
    """answers: what it says to a question, one after the other, at each look; "unknown", or None for no image yet."""

    def __init__(self, name, *answers, is_silent=False):
        self.name, self.topic = name, f"/{name or 'camera'}/image"
        self.is_streaming, self.presence = True, self
        self.transport = SimpleNamespace(is_silent=is_silent)
        self.answers, self.questions = [*answers], []

    @contextmanager
    def asked(self, name):
        question = PresenceQuestion(name)
        self.questions.append(question)
        yield question
        self.questions.remove(question)

    def look(self):
        said = self.answers.pop(0) if self.answers else None
        for question in self.questions if said else ():
            question.is_unknown = said == "unknown"
            question.answer = None if said == "unknown" else said


class Node:
    """Its timer is the world's clock: at each look the cameras say something."""

    executor = None
    steady_clock = "steady"

    def __init__(self):
        self.timers = []

    def create_service(self, _kind, name, callback, **_):
        self.service = (name, callback)

    def create_timer(self, _period_s, callback, clock):
        assert clock == "steady", "simulated time may stand still"
        self.timers.append(callback)
        return callback

    def destroy_timer(self, timer):
        self.timers.remove(timer)


class World:
    """A server with cameras of a script."""

    def __init__(self, *cameras, is_enabled=True):
        self.node = Node()
        active = SimpleNamespace(vocabulary=WORDS)
        named = {camera.name: camera for camera in cameras}
        self.pipeline = SimpleNamespace(active=active, cameras=named, is_enabled=is_enabled)
        self.server = PresenceServer(self.node, lambda: self.pipeline)

    def begin(self, **fields):
        """Ask; return the coroutine, which waits, or its response."""
        coroutine = self.node.service[1](IsInView.Request(**fields), IsInView.Response())
        return coroutine, step(coroutine)

    def ask(self, name="cup", **fields):
        """Ask, and have the cameras look until there is an answer."""
        coroutine, told = self.begin(class_name=name, **fields)
        while told is None:
            for camera in self.pipeline.cameras.values():
                camera.look()
            for timer in [*self.node.timers]:
                timer()
            told = step(coroutine)
        assert self.node.timers == [], "nobody waits, and somebody looks"
        assert all(not camera.questions for camera in self.pipeline.cameras.values())
        return told


def step(coroutine):
    """Run a coroutine until it waits; return what it returns, None while it does not."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    return None


NO, MAYBE, YES = (
    answer(PresenceState.NOT_IN_VIEW, -3.0, SeenSpan(5 * S, 8 * S)),
    answer(PresenceState.NOT_SURE, -0.2),
    answer(PresenceState.IN_VIEW, 1.5, SeenSpan(18 * S, 20 * S)),
)


def test_the_answer_of_the_next_image_is_told_with_since_when():
    told = World(Camera("", None, None, YES)).ask("Cup")
    assert (told.success, told.presence.state, told.camera) == (True, PresenceMsg.IN_VIEW, "")
    assert told.message == "'cup': IN_VIEW it is; seen in every image of the last 2.0 s"
    assert (told.header.frame_id, told.header.stamp.sec) == ("optical", 20)
    assert (told.first_seen.sec, told.last_seen.sec) == (18, 20)
    assert told.presence.evidence == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("said", "state", "words"),
    [
        (NO, PresenceMsg.NOT_IN_VIEW, "last seen 12.0 s before this image"),
        (MAYBE, PresenceMsg.NOT_SURE, "never seen so far"),
    ],
)
def test_not_there_and_not_sure_are_two_answers_and_both_a_success(said, state, words):
    told = World(Camera("", said)).ask()
    assert (told.success, told.presence.state) == (True, state)
    assert words in told.message


def test_of_several_cameras_the_surest_answers_once_all_have_spoken():
    told = World(Camera("front", None, NO), Camera("rear", MAYBE), Camera("left", None, None, NO)).ask()
    assert (told.camera, told.presence.state) == ("rear", PresenceMsg.NOT_SURE)
    assert told.message == "'cup' on camera rear: NOT_SURE it is; never seen so far"


def test_once_one_sees_it_nobody_waits_for_the_others():
    told = World(Camera("front"), Camera("rear", YES)).ask()
    assert (told.camera, told.success) == ("rear", True)
    assert told.message.endswith("; no image of /front/image came meanwhile")


def test_a_silent_camera_is_not_waited_for_and_told_of():
    told = World(Camera("front", NO), Camera("rear", is_silent=True)).ask()
    assert (told.camera, told.presence.state) == ("front", PresenceMsg.NOT_IN_VIEW)
    assert told.message.endswith("; no image of /rear/image came meanwhile")


def test_one_camera_is_asked_alone():
    told = World(Camera("front", NO), Camera("rear", YES)).ask(camera="front")
    assert (told.camera, told.presence.state) == ("front", PresenceMsg.NOT_IN_VIEW)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"class_name": "unicorn"}, "'unicorn' is not looked for, expected one of cup, Mug; add it as a question"),
        ({"class_name": "wall"}, "'wall' is a distractor, which is never told of, expected a class or a question"),
        ({"class_name": ""}, "expected"),
        ({"class_name": "a\x1bb"}, "control"),
        ({"class_name": "cup", "camera": "nowhere"}, "there is no camera 'nowhere', expected one of 'front'"),
        (
            {"class_name": "cup", "timeout_s": float("nan")},
            "timeout_s is nan, expected 0 (which means 15) to 600 seconds",
        ),
        ({"class_name": "cup", "timeout_s": -1.0}, "timeout_s is -1"),
        ({"class_name": "cup", "timeout_s": 1e30}, "timeout_s is 1e+30"),
    ],
)
def test_what_cannot_be_asked_is_answered_at_once(fields, why):
    world = World(Camera("front"))
    _, told = world.begin(**fields)
    assert (told.success, told.presence.state) == (False, PresenceMsg.NOT_LOOKED_FOR)
    assert why in told.message
    assert told.presence.best_score != told.presence.best_score  # NaN


def test_where_nobody_looks_it_says_so():
    paused = World(Camera(""), is_enabled=False)
    assert "the segmenter is paused, expected it to segment" in paused.begin(class_name="cup")[1].message
    asleep = World(Camera(""))
    asleep.pipeline.cameras[""].is_streaming = False
    assert "the node is not active" in asleep.begin(class_name="cup")[1].message
    asleep.pipeline = None
    assert "the node is not configured" in asleep.begin(class_name="cup")[1].message


def test_a_pause_or_a_cleanup_while_it_waits_ends_the_wait():
    unseen = answer(PresenceState.NOT_LOOKED_FOR, float("nan"))
    told = World(Camera("", None, unseen)).ask()
    assert (told.success, "the segmenter is paused" in told.message) == (False, True)
    world = World(Camera(""))
    coroutine, _ = world.begin(class_name="cup")
    world.pipeline = None
    world.node.timers[0]()
    assert "the node was cleaned up" in step(coroutine).message


def test_a_word_that_is_removed_while_it_waits_is_not_looked_for():
    world = World(Camera("", None, "unknown"))
    coroutine, _ = world.begin(class_name="Mug")
    world.pipeline.active.vocabulary = Vocabulary.from_embeddings(["cup"], [[1.0, 0.0]])
    for _ in range(2):
        world.pipeline.cameras[""].look()
    world.node.timers[0]()
    assert "'Mug' is not looked for, expected one of cup" in step(coroutine).message


def test_without_an_image_the_wait_ends_and_names_the_topic(monkeypatch):
    times = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(times)))
    told = World(Camera("")).ask(timeout_s=2.0)
    assert not told.success
    assert told.message.startswith("no image of /camera/image was segmented in 2 s, expected one; look at the camera")


def test_a_flood_of_questions_is_bounded_and_who_asked_first_is_answered():
    world = World(Camera("", NO))
    waiting = [world.begin(class_name="cup") for _ in range(presence_server.MOST_WAITING)]
    assert {told for _, told in waiting} == {None}
    assert len(world.node.timers) == 1, "one look for all"
    refused = world.begin(class_name="cup")[1]
    assert "100 questions wait for an image already" in refused.message
    world.pipeline.cameras[""].look()
    world.node.timers[0]()
    assert {step(coroutine).presence.state for coroutine, _ in waiting} == {PresenceMsg.NOT_IN_VIEW}
    assert world.node.timers == []
