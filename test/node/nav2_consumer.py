# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Nav2's semantic_segmentation_layer (kiwicampus), which makes its checks on what it is fed.

What it asks of a mask: one byte per pixel with step == width, as many pixels as the point cloud has, and the
cloud's stamp (exactly on Humble, within 100 ms later on). Of label_info: transient local, before the first
mask, for the layer dereferences it. Beyond its own checks this one complains where the layer would go wrong
in silence: an id that nothing names, a confident pixel without a class, an id that changes its meaning.
"""

from typing import Any

import numpy as np
from nav2_costs import Costs
from probe import LATCHED, stamp_ns
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image, PointCloud2, PointField
from vision_msgs.msg import LabelInfo

UNLABELED = 255
EXACT_NS = 0
APPROXIMATE_NS = 100_000_000


class Nav2Consumer:
    """Subscribe as the layer does; `observations` counts what it would have put into a costmap.

    width, height: the organised point cloud's. tolerance_ns: of the stamps' difference. own_cloud: take the node's
    cloud, too. costs: gets what is observed in the node's cloud, with the camera in the place of the costmap's origin
    and its x and z for the plane.
    """

    def __init__(
        self,
        node: Node,
        prefix: str,
        width: int,
        height: int,
        tolerance_ns: int = EXACT_NS,
        *,
        own_cloud: bool = False,
        costs: Costs | None = None,
    ) -> None:
        self.costs = costs
        self._points: dict[int, np.ndarray] = {}
        self.complaints: list[str] = []
        self.observations = 0
        self.last_observed_ns = 0
        self.classes: dict[int, str] = {}
        self.meanings: dict[int, str] = {}
        self._size = (width, height)
        self._tolerance_ns = tolerance_ns
        self._cloud_stamps: list[int] = []
        self._masks: dict[int, Image] = {}
        self._confidences: dict[int, Image] = {}
        sensor_data = qos_profile_sensor_data  # best effort, as the layer's subscriptions
        self._subscriptions = [
            node.create_subscription(LabelInfo, f"{prefix}/label_info", self.on_label_info, LATCHED),
            node.create_subscription(Image, f"{prefix}/mask", self.on_mask, sensor_data),
            node.create_subscription(Image, f"{prefix}/confidence", self.on_confidence, sensor_data),
        ]
        self.valid_points: dict[int, int] = {}  # stamp in ns -> how many of the cloud's points are somewhere
        if own_cloud:
            take = self.on_point_cloud
            self._subscriptions.append(node.create_subscription(PointCloud2, f"{prefix}/cloud", take, sensor_data))

    def on_cloud(self, stamp: int) -> None:
        """Take a point cloud's stamp in ns; the points themselves do not matter to the contract."""
        self._cloud_stamps.append(stamp)

    def on_point_cloud(self, cloud: PointCloud2) -> None:
        """Take a whole cloud, which is read by the mask's pixels: its layout matters."""
        fields = {field.name: (field.offset, field.datatype) for field in cloud.fields}
        if [fields.get(axis) for axis in "xyz"] != [(offset, PointField.FLOAT32) for offset in (0, 4, 8)]:
            self.complaints.append(f"cloud: x, y, z are not three floats in a row but {fields}")
        if (cloud.width, cloud.height) != self._size or len(cloud.data) != cloud.row_step * cloud.height:
            self.complaints.append(f"cloud: it is {cloud.width}x{cloud.height} with {len(cloud.data)} bytes")
        xyz = np.frombuffer(cloud.data, np.uint8).reshape(-1, cloud.point_step)[:, :12].copy().view(np.float32)
        self.valid_points[stamp_ns(cloud)] = int(np.isfinite(xyz[:, 2]).sum())
        self._points[stamp_ns(cloud)] = xyz[:, [0, 2, 1]]
        self.on_cloud(stamp_ns(cloud))
        self._observe()

    def on_label_info(self, info: LabelInfo) -> None:
        self.classes = {each.class_id: each.class_name for each in info.class_map}
        if self.costs is not None:
            self.costs.on_label_info(self.classes)
        for class_id, name in self.classes.items():
            if class_id >= UNLABELED:
                self.complaints.append(f"id {class_id} of {name} does not fit into a byte or means unlabeled")
            if self.meanings.setdefault(class_id, name) != name:
                self.complaints.append(f"id {class_id} was {self.meanings[class_id]} and became {name}")

    def on_mask(self, mask: Image) -> None:
        if not self.classes:
            self.complaints.append("a mask came before label_info: the layer would crash")
        if self._has_good_layout("mask", mask):
            self._masks[stamp_ns(mask)] = mask
            self._observe()

    def on_confidence(self, confidence: Image) -> None:
        if self._has_good_layout("confidence", confidence):
            self._confidences[stamp_ns(confidence)] = confidence
            self._observe()

    def _has_good_layout(self, what: str, image: Image) -> bool:
        width, height = self._size
        problems = {
            f"its encoding is {image.encoding}": image.encoding != "mono8",
            f"its step is {image.step} at a width of {image.width}": image.step != image.width,
            f"it is {image.width}x{image.height}, the cloud {width}x{height}": (image.width, image.height)
            != self._size,
            f"it has {len(image.data)} bytes": len(image.data) != width * height,
        }
        wrong = [text for text, is_so in problems.items() if is_so]
        self.complaints += [f"{what}: {text}" for text in wrong]
        return not wrong

    def _observe(self) -> None:
        """Put into the costmap every mask that has its confidence and its cloud."""
        for stamp in sorted(self._masks.keys() & self._confidences.keys()):
            if any(abs(stamp - cloud) <= self._tolerance_ns for cloud in self._cloud_stamps):
                self._observe_one(self._masks.pop(stamp), self._confidences.pop(stamp))

    def _observe_one(self, mask: Image, confidence: Image) -> None:
        ids, certainty = (np.frombuffer(image.data, np.uint8) for image in (mask, confidence))
        unknown = set(np.unique(ids).tolist()) - set(self.meanings) - {UNLABELED}
        if unknown:
            self.complaints.append(f"the ids {sorted(unknown)} have no name in label_info")
        if certainty[ids == UNLABELED].any():
            self.complaints.append("unlabeled pixels are confident: they would win tiles and leave holes")
        self.observations += 1
        self.last_observed_ns = stamp_ns(mask)
        points = self._points.pop(stamp_ns(mask), None)
        if self.costs is not None and points is not None:
            self.costs.on_image(ids, certainty, points, stamp_ns(mask) * 1e-9)
            self.costs.update(stamp_ns(mask) * 1e-9)

    def waiting(self) -> dict[str, Any]:
        """What found no partner, for a failing test's message."""
        return {"masks": sorted(self._masks), "confidences": sorted(self._confidences), "clouds": self._cloud_stamps}
