# SPDX-License-Identifier: Apache-2.0
"""Requests, arguments and the messages between the nodes: read as the servers read them, without DDS."""

import struct
import zlib
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import OccupancyGrid
from sensor_msgs.msg import CompressedImage
from talk2dino_msgs.msg import PatchFeatures, TrackedObject, TrackedObjectArray
from talk2dino_msgs.srv import GoTo, SetVocabulary

from benchmarks.fuzz.message_subjects import FLOATS, SIZES, plain
from benchmarks.fuzz.mutations import mutated, text, value
from benchmarks.fuzz.trial import Subject
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.goal.goal_messages import costmap_to_grid, objects_to_view, read_go_to_request
from talk2dino_ros.goal.goal_parameters import GoalParameters
from talk2dino_ros.goal.grid import GridRules, sees, standing_points
from talk2dino_ros.memory.memory_messages import check_position, kind_of_features, pose_to_sensor_pose, to_seen_image
from talk2dino_ros.perception.memory.pose_path import PosePath
from talk2dino_ros.perception.memory.spatial_memory import in_reach
from talk2dino_ros.perception.memory.word_query import entries_of
from talk2dino_ros.ros.conversions.depth_messages import compressed_depth_to_metres
from talk2dino_ros.ros.conversions.stamps import stamp_to_ns
from talk2dino_ros.ros.parameters.launch_arguments import overrides, tf_remappings, vocabulary_parameters
from talk2dino_ros.ros.parameters.parameter_set import check_changes, fields_of
from talk2dino_ros.ros.tf.transforms import Transform
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
from talk2dino_ros.segmenter.vocabulary.class_ids import ClassIds, check_one_each
from talk2dino_ros.segmenter.vocabulary.vocabulary_change import VocabularyChange

JPEG = bytes(cv2.imencode(".jpg", np.full((8, 8, 3), 90, np.uint8))[1])
CONFIG = Path(__file__).resolve().parents[2] / "config"
_CLASSES = ("dog", "cat: tabby, kitten", "!wall", "?door", "Dog", "dog: puppy", "a dog", "")


def _class(choice: Random) -> str:
    return choice.choice(_CLASSES) if choice.random() < 0.8 else plain(text(choice))


def _several(choice: Random, most: int = 4) -> list[str]:
    return [_class(choice) for _ in range(choice.choice((0, 0, 1, 2, most, 300 if choice.random() < 0.02 else 1)))]


def _change(choice: Random) -> SetVocabulary.Request:
    request = SetVocabulary.Request(classes=_several(choice), add=_several(choice), remove=_several(choice))
    if choice.random() < 0.6:
        request.add, request.remove = [], []
    count = choice.choice((0, 0, len(request.classes)))
    request.ids = [choice.choice((0, 1, 2, 3, 254, 255, 65535)) for _ in range(count)]
    request.expected_version = choice.choice((0, 0, 7, 2**64 - 1))
    return request


@cache
def _active() -> Vocabulary:
    found = Vocabulary.from_embeddings(["dog", "sofa"], np.eye(2, 4, dtype=np.float32))
    return found.with_ids((1, 2), 7)


def _apply(request: SetVocabulary.Request, _folder: Path) -> object:
    change = VocabularyChange.of(request)
    change.check()
    outcome = change.applied_to(_active())
    ids = ClassIds(10.0)
    if change.ids:
        check_one_each(change.ids, outcome.classes)
    names = [None if entry.distractor else entry.name for entry in outcome.classes]
    given = ids.assign(names, change.ids or None, 1.0)
    ids.commit(names, given, 1.0)
    assert len(set(given) - {255}) == sum(name is not None for name in names)
    return outcome


def _go_to(choice: Random) -> tuple[GoTo.Request, TrackedObjectArray]:
    request = GoTo.Request(
        class_name=_class(choice), which=choice.choice((0, 0, 1, 1, 2, 255)), id=choice.choice((0, 7))
    )
    request.memory = choice.choice((0, 0, 1, 2, 3))
    request.stand_off_m, request.timeout_s = (_small(choice.choice((*[1.0] * 20, *FLOATS))) for _ in range(2))
    return request, TrackedObjectArray(objects=[_object(choice) for _ in range(choice.randrange(4))])


def _small(number: float) -> float:
    """Return what a float32 holds."""
    with np.errstate(over="ignore"):
        return float(np.float32(number))


def _object(choice: Random) -> TrackedObject:
    found = TrackedObject(id=choice.choice((0, 7)), class_name=_class(choice), state=choice.choice((0, 1, 2, 255)))
    found.has_position, found.confidence = choice.random() < 0.8, _small(choice.choice(FLOATS))
    for part in (found.position, found.extent):
        part.x, part.y, part.z = (choice.choice((1.0, *FLOATS)) for _ in range(3))
    found.last_seen.sec, found.last_seen.nanosec = choice.choice((0, -1, 2**31 - 1)), choice.choice((0, 2**32 - 1))
    return found


def _read_go_to(given: tuple[GoTo.Request, TrackedObjectArray], _folder: Path) -> object:
    request = read_go_to_request(given[0], GoalParameters())
    view = objects_to_view(given[1], request.words, lambda _: Transform.from_quaternion((0, 0, 0, 1), (1, 0, 0)))
    assert all(np.isfinite(candidate.position).all() for candidate in view.candidates)
    return view


def _costmap(choice: Random) -> OccupancyGrid:
    grid = OccupancyGrid()
    grid.header.frame_id = choice.choice(("map", "map", "", plain(text(choice))))
    grid.info.width, grid.info.height = (4 if choice.random() < 0.8 else choice.choice(SIZES) for _ in "wh")
    grid.info.resolution = 0.05 if choice.random() < 0.8 else _small(choice.choice(FLOATS))
    grid.info.origin.position.x = choice.choice((*[0.0] * 20, *FLOATS))
    grid.info.origin.orientation.w = choice.choice((*[1.0] * 20, *FLOATS))
    grid.info.origin.orientation.z = choice.choice((*[0.0] * 20, *FLOATS))
    size = grid.info.width * grid.info.height
    count = size if size < 10_000 else 16
    grid.data.frombytes(choice.randbytes(max(0, count + choice.choice((0, 0, 0, 1, -1)))))
    return grid


def _read_costmap(message: OccupancyGrid, _folder: Path) -> object:
    grid, rules = costmap_to_grid(message), GridRules(robot_radius_m=0.2)
    points = standing_points(grid, (0.1, 0.1), 1.0, rules)
    return points, sees(grid, points, (0.1, 0.1), 0.1, rules)


def _features(choice: Random) -> PatchFeatures:
    def count(right: int) -> int:
        return right if choice.random() < 0.95 else choice.choice((0, 1, 3, 2**16, 2**32 - 1))

    def numbers(size: int) -> list[float]:
        size = max(0, size + choice.choice((*[0] * 20, 1, -1)))
        return [_small(choice.choice(FLOATS)) if choice.random() < 0.1 else 1.0 for _ in range(size)]

    encoding = choice.choice(("fp16", "int8")) if choice.random() < 0.95 else plain(text(choice))
    message = PatchFeatures(height=count(2), width=count(2), dimensions=count(3), encoding=encoding)
    message.target_frame = choice.choice(("map", "map", "map", "", plain(text(choice))))
    message.image_width, message.image_height = count(28), count(28)
    message.patch_width, message.patch_height = _small(choice.choice((14.0, *FLOATS))), 14.0
    message.scales, message.centres, message.points = numbers(4), numbers(8), numbers(12)
    message.data.frombytes(choice.randbytes(12 * (2 if encoding == "fp16" else 1) + choice.choice((*[0] * 20, 1, -1))))
    message.jpeg.frombytes(mutated(choice, JPEG) if choice.random() < 0.5 else b"")
    message.sensor_pose.orientation.w = choice.choice((1.0, 1.0, 1.0, *FLOATS))
    message.sensor_pose.position.x = choice.choice((1.0, 1.0, *FLOATS))
    return message


def _read_features(message: PatchFeatures, _folder: Path) -> object:
    check_position(message)
    seen = to_seen_image(message, message.header.frame_id, pose_to_sensor_pose(message.sensor_pose))
    units, points, good = in_reach(seen, 6.0)
    assert np.isfinite(units).all()
    assert np.isfinite(points[good]).all()
    return kind_of_features(message)


def _stamped(choice: Random) -> list[PoseStamped]:
    def pose() -> PoseStamped:
        message = PoseStamped()
        message.header.stamp.sec = choice.choice((0, 1, 2, -1))
        message.header.stamp.nanosec = choice.choice((0, 10**9, 5))
        message.pose.position.x = choice.choice((1.0, 2.0, *FLOATS))
        message.pose.orientation.w = choice.choice((1.0, 1.0, 1.0, *FLOATS))
        return message

    return [pose() for _ in range(choice.choice((0, 1, 2, 5)))]


def _read_path(poses: list[PoseStamped], _folder: Path) -> object:
    path = PosePath([(stamp_to_ns(pose.header.stamp), pose_to_sensor_pose(pose.pose)) for pose in poses])
    return path.at(10**9)


def _asked(choice: Random) -> tuple[str, list[str]]:
    return _class(choice), _several(choice)


def _compressed_depth(choice: Random) -> CompressedImage:
    message = CompressedImage(
        format=choice.choice(("16UC1; compressedDepth png", "32FC1; compressedDepth png", "rgb8"))
    )
    head = struct.pack("<i2f", 0, *(_small(choice.choice((100.0, *FLOATS))) for _ in range(2)))
    data = (head if choice.random() < 0.9 else b"") + (_deep_png() if choice.random() < 0.9 else _declared(choice))
    message.data.frombytes(mutated(choice, data) if choice.random() < 0.7 else data)
    return message


@cache
def _deep_png() -> bytes:
    return bytes(cv2.imencode(".png", np.arange(16, dtype=np.uint16).reshape(4, 4))[1])


def _declared(choice: Random) -> bytes:
    """Return a PNG with a header that declares another size, and the sum that belongs to it."""
    png = _deep_png()
    head = b"IHDR" + struct.pack(">II", choice.choice(SIZES), choice.choice((4, 4, *SIZES))) + png[24:29]
    return png[:12] + head + struct.pack(">I", zlib.crc32(head)) + png[33:]


def _read_compressed_depth(message: CompressedImage, _folder: Path) -> object:
    metres = compressed_depth_to_metres(message)
    assert metres.dtype == np.float32
    assert metres.ndim == 2
    return metres


def _arguments(choice: Random) -> dict[str, str]:
    words = ("", "", "true", "off", "1e400", "0x1F", "y", "nan(a)", "9" * 5000, "a" * 300, "indoor", "dog; cat: tabby")
    names = ("model", "autostart", "use_sim_time", "vocabulary", "use_namespaced_tf")
    given = {name: choice.choice(words) if choice.random() < 0.8 else text(choice) for name in names}
    return {name: found if choice.random() < 0.3 else "" for name, found in given.items()}


def _read_arguments(given: dict[str, str], _folder: Path) -> object:
    kinds = {"model": str, "autostart": bool, "use_sim_time": bool}
    return overrides(given, kinds), vocabulary_parameters(given["vocabulary"], CONFIG), _remappings(given)


def _remappings(given: dict[str, str]) -> object:
    return tf_remappings(given["use_namespaced_tf"] or "false")


def _parameters(choice: Random) -> dict[str, Any]:
    fields = fields_of(Parameters)
    names = choice.sample(sorted(fields), choice.choice((1, 1, 2, 5)))
    return {name: _parameter(choice, fields[name].default) for name in names}


def _parameter(choice: Random, right: Any) -> Any:
    kind = choice.randrange(4)
    if kind == 0:
        return choice.choice((*FLOATS, 0, -1, 2**63 - 1)) if isinstance(right, int | float) else plain(text(choice))
    if kind == 1:
        found = value(choice)  # of a type that rclpy lets through
        return tuple(map(str, found)) if isinstance(found, list) else found
    return right


def _change_parameters(changes: dict[str, Any], _folder: Path) -> object:
    return check_changes(changes, Parameters(), configured=False)


REQUEST_SUBJECTS = (
    Subject("set_vocabulary request", _change, _apply),
    Subject("go_to request", _go_to, _read_go_to),
    Subject("find request", _asked, lambda given, _: entries_of(*given)),
    Subject("pose path", _stamped, _read_path),
    Subject("costmap", _costmap, _read_costmap),
    Subject("patch features", _features, _read_features),
    Subject("compressed depth", _compressed_depth, _read_compressed_depth),
    Subject("launch arguments", _arguments, _read_arguments),
    Subject("parameter changes", _parameters, _change_parameters),
)
