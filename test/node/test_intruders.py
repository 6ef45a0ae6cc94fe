# SPDX-License-Identifier: Apache-2.0
"""What a stranger on the network writes into names: never raw in a node's log, its diagnostics or its answers.

One segmenter and one goal node for all; each field of each message in turn, over DDS.
"""

from itertools import cycle

import pytest
from depth_camera import attach, depth_message, flat, info_message, transform
from diagnostic_msgs.msg import DiagnosticArray
from evil_names import EVIL, UNSAFE, check_log, check_texts, texts_of, with_nul
from node_process import NodeProcess
from probe import MANY, checkerboard, raw_message
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from talk2dino_msgs.action import GoTo as GoToAction
from talk2dino_msgs.msg import TrackedObject, TrackedObjectArray
from talk2dino_msgs.srv import GetVocabulary, GoTo, SetVocabulary
from tf2_msgs.msg import TFMessage

from talk2dino_ros.ros.node.message_sizes import MOST_BYTES

GOAL = "talk2dino_ros.goal.goal_main"


@pytest.fixture(scope="module")
def process(start_node):
    return start_node(
        "model:=mini",
        "vocabulary:=[cup, dog]",
        "background:=0.0",
        "target_frame:=map",
        "diagnostics_period_s:=0.1",
    )


@pytest.fixture(scope="module")
def goal(tmp_path_factory, process):
    log = tmp_path_factory.mktemp("goal") / "log.txt"
    node = NodeProcess(["diagnostics_period_s:=0.1", "segmenter_timeout_s:=1.0"], "/robot", log, GOAL)
    yield node
    node.stop()


@pytest.fixture(scope="module")
def probe(process, goal, make_probe):
    probe = make_probe(process)
    attach(probe)
    probe.masks = probe.collect(Image, "talk2dino/mask")
    probe.told = probe.collect(DiagnosticArray, "/diagnostics", QoSProfile(depth=MANY))
    probe.tf = probe.node.create_publisher(TFMessage, "/tf", QoSProfile(depth=100))
    probe.wait_until_active()
    probe.wait_for(probe.tf.get_subscription_count, "a subscription of /tf")
    probe.wait_for(
        lambda: "is active" in goal.output or probe.node.count_services("/robot/goal/go_to"), "the goal node"
    )
    probe.mask_of(checkerboard(120, 160), probe.masks)
    return probe


def said_in(probe) -> list[str]:
    """All texts in /diagnostics so far."""
    return texts_of(probe.told)


def check(probe, goal, *answers: str) -> None:
    """Nothing that could act on a terminal, and no line that a node has not begun itself."""
    count = len(probe.told)
    probe.mask_of(checkerboard(120, 160), probe.masks)  # what was sent before is through
    probe.wait_for(lambda: len(probe.told) > count + 4, "diagnostics of both nodes")
    check_texts([*said_in(probe), *answers])
    for output in (probe.process.output, goal.output):
        check_log(output)
    probe.told.clear()


@pytest.fixture(params=EVIL)
def evil(request):
    return EVIL[request.param]


def test_names_in_images_depth_and_camera_info(probe, goal, evil):
    fields = cycle(("encoding", "frame"))

    def show() -> None:
        field = next(fields)
        image = raw_message(checkerboard(120, 160))
        image.encoding = evil if field == "encoding" else image.encoding
        stamp = probe.send_message(image)
        header = probe.sent[stamp]
        header.frame_id = evil
        info = info_message(header)
        info.distortion_model = evil
        depth = depth_message(header, flat())
        depth.encoding = evil if field == "encoding" else depth.encoding
        probe.infos.publish(info)
        probe.depths.publish(depth)

    shown = repr(evil)[1:15]
    show()
    probe.wait_for(lambda: show() or any(shown in text for text in said_in(probe)), f"{shown} in diagnostics")
    check(probe, goal)


def test_names_of_frames(probe, goal, evil):
    unturned = transform("map", evil)
    unturned.transform.rotation.w = 7.0  # so that it is spoken of
    probe.tf.publish(TFMessage(transforms=[unturned, transform(evil, "camera"), transform(evil, evil)]))
    check(probe, goal)


def test_words_and_parameters(probe, goal, evil):
    answers = [
        probe.call(SetVocabulary, "talk2dino/set_vocabulary", **{field: [evil]}).message
        for field in ("classes", "add", "remove")
    ]
    answers += [probe.set_parameter(name, evil).reason for name in ("target_frame", "preset", "model")]
    check(probe, goal, *[answer for answer in answers if answer])
    vocabulary = probe.call(GetVocabulary, "talk2dino/get_vocabulary")
    assert not any(UNSAFE.search(name) for name in vocabulary.names)
    probe.call(SetVocabulary, "talk2dino/set_vocabulary", classes=["cup", "dog"])


def test_words_of_a_go_to_by_service_and_action(probe, goal, evil):
    answers = [probe.call(GoTo, "goal/go_to", class_name=evil, timeout_s=0.2).message]
    client = ActionClient(probe.node, GoToAction, "goal/go")
    probe.wait_for(client.server_is_ready, "the action")
    handle = probe.result(client.send_goal_async(GoToAction.Goal(class_name=evil, timeout_s=0.2)), "a goal")
    answers.append(probe.result(handle.get_result_async(), "the result").result.message)
    client.destroy()
    check(probe, goal, *answers)


def test_a_name_that_has_nul_ends_there_and_the_rest_of_its_message_is_read(probe, goal):
    """To each topic of both nodes that has texts, as no Python can send them."""
    nul = raw_message(checkerboard(120, 160))
    nul.header = Header(stamp=probe.node.get_clock().now().to_msg(), frame_id="camera")
    probe.infos.publish(with_nul(info_message(nul.header), "camera", "plumb_bob"))
    probe.depths.publish(with_nul(depth_message(nul.header, flat()), "camera", "32FC1"))
    probe.tf.publish(with_nul(TFMessage(transforms=[transform("map", "other")]), "other"))
    objects = probe.node.create_publisher(TrackedObjectArray, "talk2dino/objects", 10)
    named = TrackedObjectArray(header=nul.header, objects=[TrackedObject(class_name="unicorn")])
    objects.publish(with_nul(named, "camera", "unicorn"))
    probe._image_pub("").publish(with_nul(nul, "rgb8"))
    refused = "the encoding is 'r'"
    probe.wait_for(lambda: any("'r'" in text for text in said_in(probe)), f"{refused} in diagnostics")
    asked = probe.call(SetVocabulary, "talk2dino/set_vocabulary", add=["?mug\0evil"])  # which is sent as ?mug
    assert (asked.success, list(asked.added)) == (True, ["mug"])
    assert probe.call(GoTo, "goal/go_to", class_name="\0cup", timeout_s=0.2).message.startswith("the class")
    check(probe, goal, asked.message)
    probe.call(SetVocabulary, "talk2dino/set_vocabulary", classes=["cup", "dog"])
    probe.node.destroy_publisher(objects)


def test_transforms_without_end_are_dropped_and_named(probe, goal):
    many = TFMessage(transforms=[transform("map", f"made up {number}") for number in range(3000)])
    probe.tf.publish(many)
    words = f"expected at most {MOST_BYTES['TFMessage']} of a TFMessage"
    probe.wait_for(lambda: any(words in text for text in said_in(probe)), "the drop in diagnostics")
    check(probe, goal)


def test_parameters_of_a_name_that_is_none(probe, goal, evil):
    from rcl_interfaces.srv import GetParameters, SetParameters

    parameters = [Parameter("model", value="mini").to_parameter_msg()]
    parameters[0].name = evil
    probe.call(SetParameters, "talk2dino/set_parameters", parameters=parameters)
    probe.call(GetParameters, "talk2dino/get_parameters", names=[evil])
    check(probe, goal)
