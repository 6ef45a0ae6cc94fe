# SPDX-License-Identifier: Apache-2.0
"""The world of a goal node under test: a segmenter's end, TF and a costmap by script, and what the node publishes."""

import math
import time
from collections.abc import Sequence
from typing import Any

from geometry_msgs.msg import PoseStamped, TransformStamped
from nav_msgs.msg import OccupancyGrid
from node_process import NodeProcess
from probe import LATCHED, RELIABLE, Probe
from rclpy.action import ActionClient
from rclpy.qos import DurabilityPolicy, QoSProfile
from talk2dino_msgs.action import GoTo as GoToAction
from talk2dino_msgs.msg import GoToState, RememberedPlace, TrackedObject, TrackedObjectArray
from talk2dino_msgs.srv import Find, GetVocabulary, GoTo, SetVocabulary
from tf2_msgs.msg import TFMessage

PERIOD_S = 0.05
LATCH = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class ScriptedWorld(Probe):
    """A map, a robot in it, objects that a segmenter claims to see; all of it can be changed between two lines.

    frame: of the objects; `camera` is 0.5 m in front of the robot, its z axis forward.
    """

    node_name = "goal"

    def __init__(self, context: Any, namespace: str, process: NodeProcess, *, has_segmenter: bool = True) -> None:
        super().__init__(context, namespace, process)
        self.classes = ["cup", "dog: dog, puppy", "!wall"]
        self.version = 1
        self._has_segmenter = has_segmenter
        self.refusal = ""
        self.looks = 0  # how often the vocabulary was asked for
        self.asked: list[tuple[list[str], list[str]]] = []  # what was to be added and to be removed
        self.objects: list[TrackedObject] = []
        self.remembered: list[RememberedPlace] = []
        self.memory_frame = "map"
        self.finds: list[str] = []  # the classes that the memory was asked for
        self.frame = "map"
        self.robot = (0.0, 0.0, 0.0)
        self.has_tf = True
        self._shown = 0
        self.is_shown = True
        self.offset_ns = 0
        self.goals: list[PoseStamped] = []
        self.updates: list[PoseStamped] = []
        self.states: list[int] = []
        node = self.node
        self._tf_pub = node.create_publisher(TFMessage, "/tf", 100)
        self._static_pub = node.create_publisher(TFMessage, "/tf_static", LATCH)
        self._costmap_pub = node.create_publisher(OccupancyGrid, "costmap", LATCH)
        if has_segmenter:
            self._objects_pub = node.create_publisher(TrackedObjectArray, "talk2dino/objects", 10)
            node.create_service(GetVocabulary, "talk2dino/get_vocabulary", self._on_get)
            node.create_service(SetVocabulary, "talk2dino/set_vocabulary", self._on_set)
        node.create_timer(PERIOD_S, self._show)
        self._static_pub.publish(TFMessage(transforms=[camera_mount()]))
        node.create_subscription(PoseStamped, "goal_pose", self.goals.append, RELIABLE)
        node.create_subscription(PoseStamped, "goal_update", self.updates.append, RELIABLE)
        node.create_subscription(GoToState, "goal/state", lambda state: self.states.append(state.value), LATCHED)
        self.action = ActionClient(node, GoToAction, "goal/go")
        self.feedback: list[Any] = []

    def wait_until_heard(self) -> None:
        """Wait until the node takes requests and all of this world is connected with it."""
        self.wait_for(lambda: self.node.count_subscribers("talk2dino/objects"), "the node's objects")
        self.wait_for(self._static_pub.get_subscription_count, "the node's TF")
        self.wait_for(self.action.server_is_ready, "the action")
        if self.has_tf:  # in place of that of the world before
            self.wait_until_shown()
        else:
            self.wait_until_known()

    def wait_until_shown(self) -> None:
        """Wait until the node has taken an image, and TF, of what is there now."""
        before = self._shown
        self.wait_for(lambda: self._shown > before + 1, "images of this world")
        self.wait_until_known()

    def now_ns(self) -> int:
        return time.time_ns() + self.offset_ns

    def publish_tf(self, stamp_ns: int, robot: tuple[float, float, float] | None = None) -> None:
        """Say where the robot is at a stamp."""
        self.publish_tf_of({stamp_ns: robot or self.robot})

    def publish_tf_of(self, poses: dict[int, tuple[float, float, float]]) -> None:
        """Say where the robot is at some stamps, in one message."""
        frames = []
        for stamp_ns, (x, y, yaw) in poses.items():  # odometry began a metre beside the map's origin
            frames += [frame_at("map", "odom", (1.0, 0.0, 0.0), stamp_ns)]
            frames += [frame_at("odom", "base_link", (x - 1.0, y, yaw), stamp_ns)]
        self._tf_pub.publish(TFMessage(transforms=frames))

    def publish_objects(self, stamp_ns: int, objects: list[TrackedObject] | None = None) -> None:
        """Say what is seen in the image of a stamp."""
        array = TrackedObjectArray(
            objects=self.objects if objects is None else objects, vocabulary_version=self.version
        )
        array.header.frame_id = self.frame
        set_stamp(array.header.stamp, stamp_ns)
        for tracked in array.objects:
            if tracked.state != TrackedObject.LOST:
                set_stamp(tracked.last_seen, stamp_ns)
        self._objects_pub.publish(array)

    def publish_costmap(self, rows: list[list[int]], x: float, y: float, **changes: Any) -> None:
        """Publish a costmap of 0.1 m with the corner of its first cell at (x, y); `changes` to it."""
        costmap = OccupancyGrid()
        costmap.header.frame_id = changes.get("frame", "map")
        costmap.info.resolution = changes.get("resolution", 0.1)
        costmap.info.width, costmap.info.height = len(rows[0]), len(rows)
        costmap.info.origin.position.x, costmap.info.origin.position.y = x, y
        costmap.info.origin.orientation.w = 1.0
        costmap.data = changes.get("data", [value for row in rows for value in row])
        self._costmap_pub.publish(costmap)
        self.wait_for(self._costmap_pub.get_subscription_count, "the node's costmap subscription")

    def serve_memory(self) -> None:
        """Serve `find` of a memory, which answers with `remembered`."""
        self.node.create_service(Find, "memory/find", self._on_find)

    def go_to(self, class_name: str = "cup", **fields: Any) -> GoTo.Response:
        """Call the service; where it succeeds, its goal has come on goal_pose too."""
        reply = self.call(GoTo, "goal/go_to", class_name=class_name, **fields)
        if reply.success:
            self.wait_for(lambda: reply.goal in self.goals, "goal_pose")
        return reply

    def send(self, class_name: str = "cup", **fields: Any) -> Any:
        """Send a goal to the action; return its handle. Its feedback comes to `feedback`."""
        self.feedback = []
        goal = GoToAction.Goal(class_name=class_name, **fields)
        callback = self.feedback
        future = self.action.send_goal_async(goal, lambda message: callback.append(message.feedback))
        return self.result(future, "send_goal")

    def result_of(self, handle: Any) -> Any:
        """Return the action's answer with `status` and `result`."""
        return self.result(handle.get_result_async(), "the action")

    def stand_at_goal(self) -> None:
        """Put the robot where the newest feedback sends it: the goal on goal_pose may come before or after it."""
        self.robot = place_of(self.feedback[-1].goal)

    def is_in(self, state: int) -> bool:
        """Whether the newest feedback says this state."""
        return bool(self.feedback) and self.feedback[-1].state.value == state

    def feedback_states(self) -> set[int]:
        return {feedback.state.value for feedback in self.feedback}

    def _show(self) -> None:
        stamp_ns = self.now_ns()
        self._shown += 1
        if self.has_tf:
            self.publish_tf(stamp_ns)
        if self.is_shown and self._has_segmenter:
            self.publish_objects(stamp_ns)

    def _on_find(self, request: Any, response: Any) -> Any:
        self.finds.append(request.class_name)
        response.success, response.places = True, self.remembered
        response.header.frame_id = self.memory_frame
        response.message = "" if self.remembered else "was not found in 12 m2"
        return response

    def _on_get(self, _request: Any, response: Any) -> Any:
        self._show()  # so that a go_to has an image as it begins, however late the next ones are
        self.looks += 1
        response.version, response.classes = self.version, self.classes
        response.names = [text.lstrip("!?").split(":")[0] for text in self.classes]
        return response

    def _on_set(self, request: Any, response: Any) -> Any:
        self.asked.append((list(request.add), list(request.remove)))
        response.success, response.message = not self.refusal, self.refusal or "active"
        if response.success:
            left = [text for text in self.classes if text.split(":")[0] not in request.remove]
            self.classes, self.version = [*left, *request.add], self.version + 1
            response.added = [text.lstrip("!?").split(":")[0] for text in request.add]
        response.version = self.version
        return response


def set_stamp(stamp: Any, stamp_ns: int) -> None:
    stamp.sec, stamp.nanosec = divmod(stamp_ns, 10**9)


def stamped_ns(message: Any) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def frame_at(parent: str, child: str, pose: tuple[float, float, float], stamp_ns: int) -> TransformStamped:
    """Where a frame is in its parent: x, y, yaw."""
    x, y, yaw = pose
    transform = TransformStamped(child_frame_id=child)
    transform.header.frame_id = parent
    set_stamp(transform.header.stamp, stamp_ns)
    transform.transform.translation.x, transform.transform.translation.y = x, y
    transform.transform.rotation.z, transform.transform.rotation.w = math.sin(yaw / 2), math.cos(yaw / 2)
    return transform


def camera_mount() -> TransformStamped:
    """An optical frame that looks forward, half a metre before the robot's middle: x right, y down, z forward."""
    mount = frame_at("base_link", "camera", (0.5, 0.0, 0.0), 0)
    rotation = mount.transform.rotation
    rotation.x, rotation.y, rotation.z, rotation.w = -0.5, 0.5, -0.5, 0.5
    return mount


def tracked(x: float, y: float, *, z: float = 0.0, number: int = 1, name: str = "cup", **fields: Any) -> TrackedObject:
    """A confirmed object with a place."""
    made = TrackedObject(
        id=number, class_name=name, state=TrackedObject.CONFIRMED, confidence=0.9, detections=5, has_position=True
    )
    made.position.x, made.position.y, made.position.z = x, y, z
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def remembered(x: float, y: float, *, number: int = 7, seen_ns: int = 0) -> RememberedPlace:
    """A place of the memory."""
    made = RememberedPlace(id=number, class_name="cup", confidence=0.8, detections=3)
    made.position.x, made.position.y = x, y
    set_stamp(made.last_seen, seen_ns)
    return made


def close(found: Sequence[float], expected: Sequence[float]) -> bool:
    """Whether all coordinates are equal up to the rounding of a float32."""
    return all(math.isclose(a, b, abs_tol=1e-5) for a, b in zip(found, expected, strict=True))


def yaw_of(pose: PoseStamped) -> float:
    return 2 * math.atan2(pose.pose.orientation.z, pose.pose.orientation.w)


def place_of(pose: PoseStamped) -> tuple[float, float, float]:
    """x, y, yaw; a goal is in the plane."""
    position, orientation = pose.pose.position, pose.pose.orientation
    assert (position.z, orientation.x, orientation.y) == (0.0, 0.0, 0.0)
    return position.x, position.y, yaw_of(pose)
