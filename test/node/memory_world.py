# SPDX-License-Identifier: Apache-2.0
"""What is around the node memory: a segmenter, whose camera drives through a small room, and a localisation."""

from array import array
from typing import Any

import numpy as np
from geometry_msgs.msg import Point, Pose, PoseWithCovarianceStamped, Quaternion
from memory_room import WORDS, seen_from
from memory_room import Point as At
from probe import RELIABLE, Probe
from std_msgs.msg import Header
from talk2dino_msgs.msg import PatchFeatures
from talk2dino_msgs.srv import EncodeText

from talk2dino_ros.perception.memory.spatial_memory import SeenImage
from talk2dino_ros.ros.conversions.stamps import ns_to_stamp

SPACE = "space-a"


class MemoryWorld(Probe):
    """What is around the node memory. encoded: the words that were asked for; space: of the features and the words."""

    node_name = "memory"

    def __init__(self, context: Any, namespace: str, process: Any) -> None:
        super().__init__(context, namespace, process)
        self.encoded: list[list[str]] = []
        self.space = SPACE
        self.background = 0.6
        self._features_pub = self.node.create_publisher(PatchFeatures, "talk2dino/patch_features", RELIABLE)
        self._pose_pub = self.node.create_publisher(PoseWithCovarianceStamped, "pose", RELIABLE)
        self.node.create_service(EncodeText, "talk2dino/encode_text", self._on_encode_text)

    def wait_until_heard(self) -> None:
        self.wait_for(lambda: self._features_pub.get_subscription_count() > 0, "the node's subscription")
        self.wait_until_known()

    def show(self, y: float, objects: dict[At, str], stamp_s: float, **changes: Any) -> None:
        """Publish what the camera sees from a place; `changes` of the message's fields."""
        message = features_message(seen_from(y, objects, stamp_s), self.space)
        for name, value in changes.items():
            setattr(message, name, value)
        self._features_pub.publish(message)

    def localise(self, stamp_s: float, variance: float) -> None:
        message = PoseWithCovarianceStamped(header=Header(stamp=ns_to_stamp(int(stamp_s * 1e9)), frame_id="map"))
        message.pose.covariance[0] = variance
        self._pose_pub.publish(message)

    def _on_encode_text(self, request: Any, response: Any) -> Any:
        self.encoded.append(list(request.classes))
        response.names = [text.strip("!").partition(":")[0] for text in request.classes]
        vectors = [WORDS.get(name, np.eye(8, dtype=np.float32)[7]) for name in response.names]
        response.success, response.model, response.feature_space = True, "mini", self.space
        response.dimensions, response.vectors = 8, np.concatenate(vectors).tolist()
        response.background, response.logit_scale = self.background, 10.0
        return response


def positions(response: Any) -> list[tuple[float, float, float]]:
    """Where the places of an answer of `find` are, to the centimetre."""
    return [tuple(round(value, 2) for value in (p.position.x, p.position.y, p.position.z)) for p in response.places]


def features_message(seen: SeenImage, space: str) -> PatchFeatures:
    """The message of an image of the room."""
    header = Header(stamp=ns_to_stamp(seen.stamp_ns), frame_id="camera_optical")
    message = PatchFeatures(header=header, model="mini", feature_space=space, encoding="fp16", target_frame="map")
    message.height, message.width, message.dimensions = len(seen.points), 1, seen.features.shape[1]
    message.data = array("B", seen.features.astype("<f2").tobytes())
    message.image_width, message.image_height = 256, 2 * 8 * -(-len(seen.points) // 16)  # twice the picture
    message.patch_height = message.patch_width = 16.0
    message.centres = array("f", (2 * seen.centres).astype(np.float32).tobytes())
    message.points = array("f", seen.points.astype(np.float32).tobytes())
    x, y, z, w = seen.pose.orientation
    position = Point(**dict(zip("xyz", seen.pose.position, strict=True)))
    message.sensor_pose = Pose(position=position, orientation=Quaternion(x=x, y=y, z=z, w=w))
    message.jpeg = array("B", seen.jpeg)
    return message
