# SPDX-License-Identifier: Apache-2.0
"""A bag of a camera that drives past a photograph, written by rosbags: image, depth, camera_info and TF."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from talk2dino_ros.demo import PHOTOS

TYPES = get_typestore(Stores.ROS2_HUMBLE)
WIDTH, HEIGHT, FOCAL = 320, 240, 200.0
WALL_M, SPEED_MPS, HZ = 2.0, 0.5, 5
OPTICAL = (-0.5, 0.5, -0.5, 0.5)  # of a camera that looks along the robot's x
FRAME = "camera_optical"
REAR_OPTICAL, REAR_FRAME = (-0.5, -0.5, 0.5, 0.5), "rear_optical"  # of one that looks back
REAR_TOPICS = {"color/image_raw": "Image", "color/camera_info": "CameraInfo", "depth/image_raw": "Image"}


def _message(name: str, *values):
    return TYPES.types[name](*values)


def stamp(stamp_ns: int):
    return _message("builtin_interfaces/msg/Time", stamp_ns // 10**9, stamp_ns % 10**9)


def header(stamp_ns: int, frame: str):
    return _message("std_msgs/msg/Header", stamp(stamp_ns), frame)


def transform(stamp_ns: int, parent: str, child: str, at, turn=(0.0, 0.0, 0.0, 1.0)):
    shift = _message("geometry_msgs/msg/Vector3", *map(float, at))
    rotation = _message("geometry_msgs/msg/Quaternion", *map(float, turn))
    pose = _message("geometry_msgs/msg/Transform", shift, rotation)
    return _message("geometry_msgs/msg/TransformStamped", header(stamp_ns, parent), child, pose)


def picture(number: int) -> np.ndarray:
    """What is seen in the image of a number, uint8 [H, W, 3] RGB: the cat, ever farther to the right."""
    photo = cv2.cvtColor(cv2.imread(str(PHOTOS / "chelsea.jpg")), cv2.COLOR_BGR2RGB)
    small = cv2.resize(photo, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.roll(small, round(number * SPEED_MPS / HZ * FOCAL / WALL_M), axis=1)


def image_message(stamp_ns: int, values: np.ndarray, encoding: str, frame: str = FRAME):
    height, width = values.shape[:2]
    data = np.ascontiguousarray(values).view(np.uint8).ravel()
    return _message(
        "sensor_msgs/msg/Image", header(stamp_ns, frame), height, width, encoding, 0, len(data) // height, data
    )


def info_message(stamp_ns: int):
    k = np.array([FOCAL, 0, WIDTH / 2 - 0.5, 0, FOCAL, HEIGHT / 2 - 0.5, 0, 0, 1.0])
    p = np.array([FOCAL, 0, WIDTH / 2 - 0.5, 0, 0, FOCAL, HEIGHT / 2 - 0.5, 0, 0, 0, 1.0, 0])
    roi = _message("sensor_msgs/msg/RegionOfInterest", 0, 0, 0, 0, False)
    return _message(
        "sensor_msgs/msg/CameraInfo",
        header(stamp_ns, FRAME),
        *(HEIGHT, WIDTH, "plumb_bob", np.zeros(5), k, np.eye(3).ravel(), p),
        *(0, 0, roi),
    )


def stamp_of(number: int) -> int:
    return (100 * HZ + number) * 10**9 // HZ


def write_bag(
    path: Path,
    count: int = 12,
    *,
    compressed: bool = False,
    plugin: StoragePlugin = StoragePlugin.MCAP,
    without_depth: Iterable[int] = (),
    topic: str = "/camera/color",
    odom: tuple[float, float, float] = (1.0, 2.0, 0.0),
    turn: tuple[float, float, float, float] = OPTICAL,
    rear: bool = False,
) -> Path:
    """The camera is at y = -0.5 m/s x seconds: each image a tenth of a metre to the right of the one before.

    TF comes twice a second and between the images, so that every pose lies between two. turn: of the camera's frame in
    the robot's. rear: a second camera looks the other way, and has every other image, and all depth, 40 ms later.
    """
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        kinds = {
            f"{topic}/image_raw{'/compressed' * compressed}": f"sensor_msgs/msg/{'Compressed' * compressed}Image",
            f"{topic}/camera_info": "sensor_msgs/msg/CameraInfo",
            f"/camera/aligned_depth/image_raw{'/compressedDepth' * compressed}": (
                f"sensor_msgs/msg/{'Compressed' * compressed}Image"
            ),
            "/tf": "tf2_msgs/msg/TFMessage",
            "/tf_static": "tf2_msgs/msg/TFMessage",
        }
        kinds |= {f"/rear/{name}": f"sensor_msgs/msg/{kind}" for name, kind in REAR_TOPICS.items() if rear}
        image, info, depth, tf, static, *rear_topics = (
            writer.add_connection(name, kind, typestore=TYPES) for name, kind in kinds.items()
        )

        def write(connection, recorded_ns, message):
            writer.write(connection, recorded_ns, TYPES.serialize_cdr(message, connection.msgtype))

        def write_tf(connection, recorded_ns, *transforms):
            write(connection, recorded_ns, _message("tf2_msgs/msg/TFMessage", list(transforms)))

        first = stamp_of(0)
        write_tf(static, first - 10**9, transform(first, "base_link", FRAME, (0.1, 0.0, 0.5), turn))
        write_tf(static, first - 10**9, transform(first, "base_link", REAR_FRAME, (-0.1, 0.0, 0.5), REAR_OPTICAL))
        for number in range(count):
            at_ns = stamp_of(number)
            shown = picture(number)
            if compressed:
                jpeg = cv2.imencode(".jpg", shown[..., ::-1])[1].ravel()
                write(image, at_ns, _message("sensor_msgs/msg/CompressedImage", header(at_ns, FRAME), "jpeg", jpeg))
            else:
                write(image, at_ns, image_message(at_ns, shown, "rgb8"))
            write(info, at_ns + 1, info_message(at_ns))
            if number not in without_depth:
                metres = np.full((HEIGHT, WIDTH), round(WALL_M * 1000), np.uint16)
                depth_ns = at_ns + 5_000_000
                data = np.concatenate([np.zeros(12, np.uint8), cv2.imencode(".png", metres)[1].ravel()])
                packed = (
                    "sensor_msgs/msg/CompressedImage",
                    header(depth_ns, FRAME),
                    "16UC1; compressedDepth png",
                    data,
                )
                raw = image_message(depth_ns, metres, "16UC1")
                write(depth, at_ns + 30_000_000, _message(*packed) if compressed else raw)
        for number in range(0, count, 2) if rear else ():
            at_ns = stamp_of(number) + 40_000_000
            metres = np.full((HEIGHT, WIDTH), round(WALL_M * 1000), np.uint16)
            shown = image_message(at_ns, picture(number)[:, ::-1], "rgb8", REAR_FRAME)
            for connection, message in zip(
                rear_topics,
                (shown, info_message(at_ns), image_message(at_ns, metres, "16UC1", REAR_FRAME)),
                strict=True,
            ):
                write(connection, at_ns, message)
        for half in range(-1, count * 2 // HZ + 2):
            at_ns = first + half * 10**9 // 2 + 7_000_000
            seconds = (at_ns - first) / 1e9
            write_tf(
                tf,
                at_ns + 200_000_000,
                transform(at_ns, "map", "odom", odom),
                transform(at_ns, "odom", "base_link", (0.0, -SPEED_MPS * seconds, 0.0)),
            )
    return path
