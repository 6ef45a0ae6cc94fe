# SPDX-License-Identifier: Apache-2.0
"""Why images do not arrive: the node finds out, with cameras that are processes, with and without the profile."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from node_process import IS_FAST_DDS
from std_srvs.srv import Trigger

from talk2dino_ros.ros.parameters.launch_arguments import TRANSPORT_VARIABLES, profile_names
from talk2dino_ros.segmenter.transport.running_graph import look_at_graph

CAMERA_END = Path(__file__).parent / "camera_end.py"
LARGE = "1280x720"
PROFILE_NAME = profile_names(os.environ)[0]

pytestmark = pytest.mark.skipif(
    not IS_FAST_DDS or not Path("/dev/shm").is_dir() or shutil.disk_usage("/dev/shm").free < 256 << 20,
    reason="the shared memory of Fast DDS, with 256 MiB of it free, is what these tests are about",
)


@pytest.fixture(scope="module")
def process(start_node):
    cameras = "large, fitting, odd, nobody, silent, dying"
    return start_node(
        "model:=mini",
        "vocabulary:=[cup]",
        f"cameras:=[{cameras}]",
        "image_timeout_s:=1.0",
        "diagnostics_period_s:=0.2",
        namespace="/check",
    )


@pytest.fixture(scope="module")
def reliable_process(start_node):
    return start_node(
        "model:=mini", "vocabulary:=[cup]", "image_reliability:=reliable", "image_timeout_s:=1.0", namespace="/strict"
    )


@pytest.fixture(scope="module")
def start_camera(_own_ros_network):
    """Return a function that starts a camera, with the profile of this test run or without any."""
    processes = []

    def start(topic: str, *, with_profile: bool, size: str = LARGE, kind: str = "Image") -> subprocess.Popen:
        environment = dict(os.environ)
        if not with_profile:
            environment = {name: value for name, value in os.environ.items() if name not in TRANSPORT_VARIABLES}
        processes.append(subprocess.Popen([sys.executable, str(CAMERA_END), topic, kind, size], env=environment))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def cameras(start_camera):
    return {
        "large": start_camera("/check/large/image", with_profile=False),
        "fitting": start_camera("/check/fitting/image", with_profile=True),
        "odd": start_camera("/check/odd/image", with_profile=True, kind="CompressedImage"),
        "dying": start_camera("/check/dying/image", with_profile=True),
        "silent": start_camera("/check/silent/image", with_profile=True, size="silent"),
        "strict": start_camera("/strict/image", with_profile=True),
    }


@pytest.fixture(scope="module")
def probe(process, cameras, make_probe):
    probe = make_probe(process, namespace="/check")
    probe.diagnostics = probe.collect(DiagnosticArray, "/diagnostics")
    return probe


@pytest.fixture(scope="module")
def answer(probe):
    """What the service says of each camera, on demand; the topic is in each line."""
    wait_for_verdict(probe, "large", "lost on their way")
    wait_for_verdict(probe, "silent", "neither an image")
    names = ("large", "fitting", "odd", "nobody", "silent", "dying")

    def told():  # a look at a camera that a busy machine has hidden for a moment listens anew, or finds it silent
        answer = probe.call(Trigger, "talk2dino/check_transport")
        assert not answer.success
        lines = dict(zip(names, answer.message.splitlines(), strict=True))
        come = all(lines[name].startswith("images arrive") for name in ("fitting", "dying"))
        return lines if come and "too early" not in answer.message else None

    return probe.wait_for(told, "a verdict on each camera")


def statuses(probe, name: str) -> list[DiagnosticStatus]:
    return [status for array in probe.diagnostics for status in array.status if status.name.endswith(name)]


def values_of(status: DiagnosticStatus) -> dict[str, str]:
    return {pair.key: pair.value for pair in status.values}


def wait_for_verdict(probe, name: str, words: str, level: bytes | None = None) -> DiagnosticStatus:
    """The newest status of a camera, of this level, once its message or its transport says these words."""

    def newest():
        found = [status for status in statuses(probe, name) if words in status.message + values_of(status)["transport"]]
        return next((status for status in reversed(found) if level in (None, status.level)), None)

    return probe.wait_for(newest, f"{words!r} in the diagnostics of {name}")


def test_large_images_without_the_profile_are_diagnosed_as_lost_with_size_and_remedy(probe, answer):
    status = wait_for_verdict(probe, "large", "lost on their way")
    assert status.level == DiagnosticStatus.WARN
    for words in (
        "/camera publishes on /check/large/image",
        "images of 1280x720",
        "2.76 MB",
        f"set {PROFILE_NAME} to this package's config/fastdds.xml where its driver starts",
        "docs/transport.md",
    ):
        assert words in status.message
        assert words in answer["large"]
    assert "lost on their way; images of 1280x720" in probe.process.output


def test_large_images_arrive_with_the_profile(probe, answer):
    status = wait_for_verdict(probe, "fitting", "images arrive", DiagnosticStatus.OK)
    assert "images of 1280x720 rgb8 have 2.76 MB" in values_of(status)["transport"]
    assert answer["fitting"].startswith("images arrive on /check/fitting/image")


def test_a_topic_that_nobody_publishes_on_is_named_with_topics_that_carry_images(answer):
    assert answer["nobody"].startswith("nobody publishes on /check/nobody/image")
    assert "/check/fitting/image" in answer["nobody"]
    assert "-r image:=" in answer["nobody"]


def test_another_type_is_named_with_the_parameter_that_takes_it(answer):
    assert "of type sensor_msgs/msg/CompressedImage, expected sensor_msgs/msg/Image" in answer["odd"]
    assert "set the parameter compressed to true" in answer["odd"]


def test_a_camera_that_publishes_nothing_is_not_blamed_on_the_transport(answer):
    assert "neither an image nor its camera_info has been received" in answer["silent"]
    assert "look whether its driver runs, and at its log" in answer["silent"]
    assert PROFILE_NAME not in answer["silent"]


def test_a_camera_that_is_killed_is_never_told_to_set_the_profile_it_has(probe, cameras, answer):
    """For seconds after its process has ended it is still listed as a publisher."""
    assert answer["dying"].startswith("images arrive")
    wait_for_verdict(probe, "dying", "images arrive")
    probe.diagnostics.clear()
    cameras["dying"].kill()
    wait_for_verdict(probe, "dying", "so it has ended or hangs; look whether its driver runs")
    texts = [status.message + values_of(status)["transport"] for status in statuses(probe, "dying")]
    assert not [text for text in texts if PROFILE_NAME in text or "lost" in text]


def test_the_doctor_sees_cameras_and_what_the_node_says_of_them(probe, cameras, answer):
    report = look_at_graph()
    topics = {topic.topic: topic for topic in report.topics}
    assert topics["/check/fitting/image"].verdict.can_arrive
    assert topics["/check/fitting/image"].publishers == ("/camera (best effort)",)
    assert topics["/check/large/image"].verdict.cause == "lost"
    assert "/check/talk2dino" in report.nodes
    assert not [topic for topic in topics if topic.startswith("/check/talk2dino/")]  # the node's own images
    messages = {name: message for name, _, message in report.statuses}
    assert "nobody publishes on /check/nobody/image" in messages["check/talk2dino: camera nobody"]


def test_qos_that_does_not_fit_is_named_with_the_parameter(reliable_process, cameras, make_probe):
    probe = make_probe(reliable_process, namespace="/strict")
    probe.diagnostics = probe.collect(DiagnosticArray, "/diagnostics")
    status = wait_for_verdict(probe, "strict/talk2dino: camera", "QoS")
    assert "Best effort publisher and reliable subscription" in status.message
    assert "set the parameter image_reliability to best_effort" in status.message


def test_a_node_that_is_not_configured_says_so(start_node, make_probe):
    process = start_node("model:=mini", "autostart:=false", namespace="/idle")
    probe = make_probe(process, namespace="/idle")
    calls: list = []

    def is_answered():
        """A first answer may be sent before the node knows of this client's reader, so it is asked anew."""
        if not calls or time.monotonic() - calls[-1][0] > 5.0:
            calls.append((time.monotonic(), probe.call_async(Trigger, "talk2dino/check_transport")))
        return next((future.result() for _, future in calls if future.done()), None)

    answer = probe.wait_for(is_answered, "the answer")
    assert (answer.success, "not configured" in answer.message) == (False, True)
