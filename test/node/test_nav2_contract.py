# SPDX-License-Identifier: Apache-2.0
"""Feeding Nav2's semantic_segmentation_layer: a consumer with its demands finds nothing to complain about."""

import time

import cv2
import numpy as np
import pytest
from nav2_consumer import APPROXIMATE_NS, EXACT_NS, Nav2Consumer
from nav2_costs import Cost, Costs
from node_process import REPOSITORY
from probe import LATCHED, RELIABLE, checkerboard
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_srvs.srv import SetBool
from talk2dino_msgs.msg import PointOfInterestArray
from talk2dino_msgs.srv import SetVocabulary
from vision_msgs.msg import LabelInfo

PHOTO = REPOSITORY / "talk2dino_ros" / "demo" / "photos" / "coffee.jpg"
CLOUD = (424, 240)
NAMESPACE = "/nav"
PAUSE_S = 2.0
INTRINSICS = [500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0]


@pytest.fixture(scope="module")
def process(start_node):
    return start_node(
        "model:=mini",
        "vocabulary:=[cup, dog, '!wall']",
        "background_class:=background",
        "mask_width:=424",
        "mask_height:=240",
        "depth_wait_s:=5.0",
        "paused_mask_period_s:=0.3",
        f"new_reader_pause_s:={PAUSE_S}",
        namespace=NAMESPACE,
    )


@pytest.fixture(scope="module")
def probe(process, make_probe):
    probe = make_probe(process, namespace=NAMESPACE)
    probe.wait_until_active()
    return probe


@pytest.fixture(params=[EXACT_NS, APPROXIMATE_NS], ids=["exact", "within 100 ms"])
def consumer(probe, request):
    """A consumer that is fed a cloud of each image's own stamp, or of 50 ms later."""
    consumer = Nav2Consumer(probe.node, "talk2dino", *CLOUD, tolerance_ns=request.param)
    shift_ns = request.param // 2
    timer = probe.node.create_timer(0.1, lambda: consumer.on_cloud(probe.send(checkerboard(480, 640)) + shift_ns))
    yield consumer
    probe.node.destroy_timer(timer)


def wait_for_observations(probe, consumer, count: int) -> None:
    target = consumer.observations + count
    probe.wait_for(lambda: consumer.observations >= target or consumer.complaints, f"{consumer.waiting()}")
    assert consumer.complaints == []


@pytest.mark.parametrize(
    ("first", "qos"),
    [("mask", LATCHED), ("confidence", RELIABLE), ("cloud", LATCHED)],
    ids=["mask", "volatile", "cloud"],
)
def test_a_new_reader_gets_label_info_before_masks_and_clouds(probe, first, qos):
    """Whichever topic it is matched with first: the layer ends its process on masks that mean nothing to it yet."""
    for _ in range(10):
        order, told_s = heard_by_new_readers(probe, first, qos)
        if told_s < PAUSE_S:  # else the pause may be over before label_info's reader is there, on a busy machine
            break
    assert order[0] == "label_info"


def heard_by_new_readers(probe, first, qos):
    """Return the topics as messages came, and how long after the first reader label_info did."""
    order, told_s = [], []
    types = {"mask": Image, "confidence": Image, "cloud": PointCloud2}
    points = probe.collect(PointOfInterestArray, "talk2dino/points_of_interest")  # which pause for nobody
    timer = probe.node.create_timer(0.05, lambda: probe.send(checkerboard()))

    def listen(kind, topic, qos):
        def hear(_message) -> None:
            order.append(topic)
            if topic == "label_info":
                told_s.append(time.monotonic() - began_s)

        return probe.node.create_subscription(kind, f"talk2dino/{topic}", hear, qos)

    probe.wait_for(lambda: points, "images to be segmented")
    began_s = time.monotonic()
    subscriptions = [listen(types[first], first, qos_profile_sensor_data)]
    probe.wait_for(subscriptions[0].get_publisher_count, "the first match")
    points.clear()
    probe.wait_for(lambda: len(points) > 1, "images to be segmented")
    subscriptions += [listen(types[topic], topic, qos_profile_sensor_data) for topic in types if topic != first]
    subscriptions.append(listen(LabelInfo, "label_info", qos))
    probe.wait_for(lambda: set(order) == {*types, "label_info"}, f"all topics, of which came {set(order)}")
    probe.node.destroy_timer(timer)
    for subscription in subscriptions:
        probe.node.destroy_subscription(subscription)
    return order, told_s[0]


def test_every_mask_becomes_an_observation(probe, consumer):
    wait_for_observations(probe, consumer, 5)


def test_a_vocabulary_that_changes_gives_no_id_another_meaning(probe, consumer):
    wait_for_observations(probe, consumer, 1)
    for classes in (["dog", "train"], ["cup", "plane", "!sky"]):
        reply = probe.call(SetVocabulary, "talk2dino/set_vocabulary", classes=classes)
        assert reply.success, reply.message
        wait_for_observations(probe, consumer, 2)


def test_while_paused_every_cloud_still_gets_its_mask(probe, consumer):
    assert probe.call(SetBool, "talk2dino/enable", data=False).success
    wait_for_observations(probe, consumer, 3)
    assert probe.call(SetBool, "talk2dino/enable", data=True).success
    wait_for_observations(probe, consumer, 1)


@pytest.fixture
def send_with_depth(probe):
    """Return a function that sends an image of 640x480 with camera_info and, in metres, depth; it returns the stamp."""
    depths = probe.node.create_publisher(Image, "depth", 10)
    infos = probe.node.create_publisher(CameraInfo, "camera_info", 10)
    for publisher in (depths, infos):
        probe.wait_for(lambda publisher=publisher: publisher.get_subscription_count() > 0, "the node's subscriptions")

    def send(rgb, depth_m, **options) -> int:
        stamp = probe.send(rgb, **options)
        header = probe.sent[stamp]
        infos.publish(CameraInfo(header=header, width=640, height=480, k=INTRINSICS))
        if depth_m:
            depth = Image(header=header, width=640, height=480, encoding="32FC1", step=640 * 4)
            depth.data.frombytes(np.full((480, 640), depth_m, np.float32).tobytes())
            depths.publish(depth)
        return stamp

    yield send
    for publisher in (depths, infos):
        probe.node.destroy_publisher(publisher)


@pytest.mark.parametrize(("depth_m", "expected"), [(2.0, CLOUD[0] * CLOUD[1]), (None, 0)])
def test_the_node_alone_feeds_the_layer_with_masks_and_clouds(probe, send_with_depth, depth_m, expected):
    """Also without depth each mask has its cloud, one without points: nothing piles up in the layer."""
    assert probe.set_parameter("depth_wait_s", 5.0 if depth_m else 0.0).successful
    consumer = Nav2Consumer(probe.node, "talk2dino", *CLOUD, own_cloud=True)
    stamps = []
    timer = probe.node.create_timer(0.2, lambda: stamps.append(send_with_depth(checkerboard(480, 640), depth_m)))
    wait_for_observations(probe, consumer, 5)
    probe.node.destroy_timer(timer)
    assert {count for stamp, count in consumer.valid_points.items() if stamp in stamps} == {expected}
    assert probe.set_parameter("depth_wait_s", 5.0).successful


def test_a_removed_cup_leaves_the_costmap_within_the_decay_time(probe, send_with_depth):
    """At 2 Hz by the images' stamps, which are sent as fast as the node takes them."""
    cup = Cost(base_cost=100, max_cost=180, mark_confidence=100, samples_to_max_cost=3)
    costs = Costs({"cup": cup, "dog": Cost(), "background": Cost()}, decay_s=5.0)
    consumer = Nav2Consumer(probe.node, "talk2dino", *CLOUD, own_cloud=True, costs=costs)
    photograph = cv2.resize(cv2.imread(str(PHOTO))[..., ::-1], (640, 480))
    first_ns, sent = time.time_ns(), []

    def show(rgb) -> int:
        """Send an image until it is observed; return how many cells cost something then."""
        stamp = first_ns + len(sent) * 500_000_000
        sent.append(stamp)
        send_with_depth(rgb, 2.0, stamp=stamp)
        again = probe.node.create_timer(3.0, lambda: send_with_depth(rgb, 2.0, stamp=stamp))
        probe.wait_for(lambda: consumer.last_observed_ns == stamp, f"{consumer.waiting()}")
        probe.node.destroy_timer(again)
        assert consumer.complaints == []
        return sum(cost > 0 for cost in costs.costmap.values())

    there = [show(photograph) for _ in range(6)]
    assert there[-1] > 0
    assert 180 in costs.costmap.values()
    gone = [show(np.full((480, 640, 3), 128, np.uint8)) for _ in range(10)]
    assert gone[0] > 0
    assert gone[-1] == 0
