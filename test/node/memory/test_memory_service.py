# SPDX-License-Identifier: Apache-2.0
"""The node memory over real DDS: it remembers what is shown, is asked, killed, and asked again."""

import signal

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from evil_names import EVIL, check_log, check_texts, texts_of, with_nul
from geometry_msgs.msg import Point, PointStamped, Pose, PoseArray, PoseStamped, Quaternion
from memory_room import LAMP, MUG, seen_from
from memory_world import SPACE, features_message, positions
from probe import LATCHED
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from talk2dino_msgs.srv import Correct, Find, Forget, RememberedView
from visualization_msgs.msg import MarkerArray

from talk2dino_ros.ros.conversions.stamps import ns_to_stamp

THERE = {MUG: "mug", LAMP: "lamp"}
YS = (-0.5, 0.0, 0.5, 1.0)
PATCHES = len(seen_from(3.0, THERE, 0.0).points)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("memories")


@pytest.fixture(scope="module")
def process(start_memory, folder):
    return start_memory(folder=folder)


@pytest.fixture(scope="module")
def world(process, make_world):
    """A world in which the robot has driven along the wall once."""
    world = make_world(process)
    world.wait_until_heard()
    world.statuses = world.collect(DiagnosticArray, "/diagnostics")
    drive(world, THERE, 100.0, 4)
    return world


def drive(world, objects, first_s: float, expected: int) -> None:
    """Show the room from each place in turn, until there are so many keyframes in all."""
    for number, y in enumerate(YS):
        world.show(y, objects, first_s + number)
        until_remembered(world, expected - len(YS) + number + 1)


def values(world) -> dict[str, str]:
    """The newest status of the memory."""
    statuses = [each for array in world.statuses for each in array.status if each.name.endswith("memory: memory")]
    return {pair.key: pair.value for pair in statuses[-1].values} if statuses else {}


def until_remembered(world, count: int) -> None:
    world.wait_for(lambda: values(world).get("keyframes") == str(count), f"{count} keyframes")


def find(world, name: str, **fields):
    return world.call(Find, "memory/find", class_name=name, **fields)


def test_a_word_that_nobody_had_thought_of_is_found_where_it_was_seen(world):
    response = find(world, "mug", against=["wall", "lamp"])
    assert (response.success, response.map_id, response.header.frame_id) == (True, "room", "map")
    assert positions(response) == [MUG]
    place = response.places[0]
    assert (place.class_name, place.detections, place.voxels) == ("mug", 4, 1)
    assert (place.first_seen.sec, place.last_seen.sec, place.view_stamp.sec) == (100, 103, 101)
    assert place.view_pose.position.y == pytest.approx(0.0)
    assert place.score == pytest.approx(0.73, abs=0.01)
    assert world.encoded[-1] == ["mug", "wall", "lamp"]
    assert "sure by" in response.message


def test_without_competitors_of_its_own_a_request_has_the_parameters(world):
    assert positions(find(world, "lamp: lamp, light")) == [LAMP]
    assert world.encoded[-1] == ["lamp: lamp, light", "wall", "floor", "ceiling"]


def test_nothing_found_is_an_answer_that_says_how_close_it_came(world):
    response = find(world, "plant")
    assert (response.success, list(response.places)) == (True, [])
    assert response.best_margin == pytest.approx(-0.1, abs=0.03)
    assert "'plant' was not found in " in response.message
    near = PointStamped(point=Point(x=2.0, y=1.0, z=1.0))
    assert positions(find(world, "mug", near=near, within_m=0.5)) == []
    assert "not found there, though elsewhere" in find(world, "mug", near=near, within_m=0.5).message


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"class_name": ""}, "class name"),
        ({"class_name": "!mug"}, "leave '!' out"),
        ({"class_name": "mug", "against": ["?wall"]}, "cannot compete"),
        ({"class_name": "mug", "within_m": -1.0}, "a distance above 0"),
        (
            {"class_name": "mug", "within_m": 1.0, "near": PointStamped(header=Header(frame_id="odom"))},
            "expected the memory's",
        ),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused_with_a_sentence(world, fields, sentence):
    response = world.call(Find, "memory/find", **fields)
    assert not response.success
    assert sentence in response.message


def test_a_place_can_be_looked_at(world):
    place = find(world, "mug").places[0]
    response = world.call(RememberedView, "memory/view", id=place.id)
    assert response.success, response.message
    assert (response.view.header.stamp.sec, response.view.header.frame_id) == (101, "camera_optical")
    assert response.seen_from.header.frame_id == "map"
    assert response.seen_from.pose == place.view_pose
    box = response.box  # the first patch, 16 pixels of the image and 8 of the picture
    assert (box.x_offset, box.y_offset, box.width, box.height) == (0, 0, 8, 8)
    assert cv2.imdecode(np.frombuffer(response.view.data, np.uint8), cv2.IMREAD_COLOR).shape[1] == 128
    refused = world.call(RememberedView, "memory/view", id=99999)
    assert not refused.success
    assert "find it again" in refused.message


def test_the_last_find_is_shown_as_markers_poses_and_heat(world):
    heat = world.collect(PointCloud2, "memory/heat")
    markers, poses = (
        world.collect(kind, f"memory/{name}", LATCHED)
        for kind, name in ((MarkerArray, "places"), (PoseArray, "place_poses"))
    )
    find(world, "lamp")
    world.wait_for(lambda: poses and poses[-1].poses and poses[-1].poses[0].position.y > 1, "the lamp's pose")
    is_lamp = lambda: markers and any(m.text.startswith("lamp") for m in markers[-1].markers)  # noqa: E731
    world.wait_for(is_lamp, "the lamp's name")
    assert [marker.action for marker in markers[-1].markers] == [3, 0, 0]
    world.wait_for(lambda: heat and hottest(heat[-1]) == LAMP, "the lamp's heat")  # not that of the find before
    assert heat[-1].width == int(values(world)["voxels"])
    assert (heat[-1].header.frame_id, [each.name for each in heat[-1].fields]) == ("map", ["x", "y", "z", "score"])


def hottest(cloud: PointCloud2) -> tuple[float, ...]:
    points = np.frombuffer(cloud.data, np.float32).reshape(-1, 4)
    return tuple(np.round(points[np.argmax(points[:, 3]), :3].astype(float), 2).tolist())


def test_images_that_cannot_be_remembered_are_counted_by_reason(world):
    before = len(world.encoded)
    world.show(3.0, THERE, 110.0, target_frame="", no_position_reason="no depth image")
    world.show(3.0, THERE, 110.0, points=[float("nan")] * 3 * PATCHES)
    world.show(3.0, THERE, 110.0, feature_space="space-b")
    world.show(3.0, THERE, 110.0, data=[0, 1, 2])
    world.show(3.0, THERE, 110.0, sensor_pose=Pose(orientation=Quaternion(w=0.0)))
    world.show(60.0, THERE, 111.0)
    world.wait_for(lambda: int(values(world).get("rejected images", 0)) >= 6, "six rejected images")
    reasons = {
        key.removeprefix("rejected: "): count for key, count in values(world).items() if key.startswith("rejected: ")
    }
    assert reasons == dict.fromkeys(
        ("no position", "no good message", "other features", "no pose", "localisation jumped", "no depth"), "1"
    )
    assert values(world)["keyframes"] == "4"
    assert positions(find(world, "mug")) == [MUG]
    # of the find alone, which asks again where no answer comes for long
    assert {*map(tuple, world.encoded[before:])} == {("mug", "wall", "floor", "ceiling")}


def test_a_hundred_finds_at_once_are_all_answered(world):
    futures = [world.call_async(Find, "memory/find", class_name=name) for name in ("mug", "lamp") * 50]
    world.wait_for(lambda: all(future.done() for future in futures), "a hundred answers")
    answers = [future.result() for future in futures]
    assert all(answer.success for answer in answers), next(each.message for each in answers if not each.success)
    assert [positions(answer) for answer in answers] == [[MUG], [LAMP]] * 50


def test_a_segmenter_of_another_feature_space_is_named(world):
    world.space = "space-b"
    response = find(world, "mug")
    world.space = "space-a"
    assert not response.success
    assert "space 'space-b', but" in response.message
    assert "'space-a'" in response.message


def test_a_word_against_which_nothing_speaks_is_refused(world):
    world.background = float("nan")
    refused, found = find(world, "mug", against=["mug"]), find(world, "mug", against=["wall"])
    world.background = 0.6
    assert not refused.success
    assert "nothing competes with 'mug'" in refused.message
    assert positions(found) == [MUG]


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_what_a_stranger_writes_into_names_reaches_no_log_and_no_answer_raw(world, evil):
    rejected = int(values(world)["rejected images"])
    for field in ("model", "feature_space", "encoding", "target_frame"):
        world.show(3.0, THERE, 112.0, **{field: evil})
    world.show(3.0, THERE, 112.0, target_frame="", no_position_reason=evil)
    wrong = pose(0.0, 0.0, 50)
    wrong.header.frame_id = evil
    near = PointStamped(header=Header(frame_id=evil))
    answers = [
        find(world, evil),
        find(world, "mug", against=[evil]),
        find(world, "mug", near=near, within_m=1.0),
        world.call(Correct, "memory/correct", corrected=[wrong]),
        world.call(Correct, "memory/correct", corrected=[pose(0.0, 0.0, 50)], before=[wrong]),
    ]
    world.wait_for(lambda: int(values(world)["rejected images"]) >= rejected + 5, "five rejected images")
    check_texts([*texts_of(world.statuses), *(answer.message for answer in answers)])
    check_log(world.process.output)
    assert [answer.success for answer in answers[2:]] == [False, False, False]
    assert values(world)["keyframes"] == "4"


def test_a_name_that_has_nul_ends_there(world):
    message = features_message(seen_from(3.0, THERE, 113.0), SPACE)
    for texts, alarm, shown in (
        (("fp16", "camera_optical"), "images", "the encoding is 'f'"),
        (("mini", "map"), "store", "'m'"),
    ):
        world._features_pub.publish(with_nul(message, *texts))
        world.wait_for(
            lambda alarm=alarm, shown=shown: shown in values(world).get(f"alarm: {alarm}", ""),
            f"{shown} in diagnostics",
        )
    assert positions(find(world, "mug\0evil", against=["wall"])) == [MUG]
    assert world.encoded[-1][0] == "mug"


def test_corrections_and_deletions_outlive_a_kill(world, folder, start_memory, make_world):
    """Last of this module: it ends the node."""
    path = [pose(0.0, 0.0, 50), pose(0.0, 0.0, 150)]
    moved = world.call(Correct, "memory/correct", before=path, corrected=[pose(0.0, 2.0, 50), pose(0.0, 2.0, 150)])
    assert (moved.success, moved.moved, moved.unmoved) == (True, 4, 0)
    shifted = find(world, "mug")
    assert positions(shifted) == [(2.05, 2.05, 1.05)]
    lamp = find(world, "lamp").places[0]
    refused = world.call(Forget, "memory/forget")
    assert not refused.success
    assert "nothing was forgotten" in refused.message
    forgotten = world.call(Forget, "memory/forget", what=Forget.Request.PLACE, id=lamp.id)
    assert (forgotten.success, forgotten.keyframes, forgotten.patches) == (True, 0, 4)
    world.process.send_signal(signal.SIGKILL)
    world.process.wait()

    # a namespace of its own: who was killed has not taken leave of the other
    again = make_world(start_memory(folder=folder, namespace="/again"), "/again")
    again.wait_until_heard()
    response = find(again, "mug")
    assert positions(response) == positions(shifted)
    assert [place.score for place in response.places] == [place.score for place in shifted.places]
    assert positions(find(again, "lamp")) == []
    again.statuses = again.collect(DiagnosticArray, "/diagnostics")
    drive(again, THERE, 200.0, 8)
    everything = again.call(Forget, "memory/forget", what=Forget.Request.ALL)
    assert (everything.success, everything.keyframes) == (True, 8)
    assert "nothing is remembered" in find(again, "mug").message
    drive(again, THERE, 300.0, 4)
    assert positions(find(again, "mug")) == [MUG]


def pose(x: float, y: float, stamp_s: int) -> PoseStamped:
    stamped = PoseStamped(header=Header(stamp=ns_to_stamp(stamp_s * 10**9), frame_id="map"))
    stamped.pose = Pose(position=Point(x=x, y=y), orientation=Quaternion(w=1.0))
    return stamped
