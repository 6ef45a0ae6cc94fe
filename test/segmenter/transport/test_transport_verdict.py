# SPDX-License-Identifier: Apache-2.0
"""The verdict on made-up findings: what is blamed, with which remedy."""

import pytest

from talk2dino_ros.segmenter.transport.middleware_facts import Middleware
from talk2dino_ros.segmenter.transport.transport_verdict import Findings, Publisher, verdict_on

IMAGE = "sensor_msgs/msg/Image"
PROFILE = "FASTDDS_DEFAULT_PROFILES_FILE"
FAST_DDS = Middleware("rmw_fastrtps_cpp", PROFILE)


def publisher(message_type=IMAGE, **fields):
    return Publisher("/camera", message_type, **fields)


def found(*publishers, **changes):
    """A silent camera of large images, unless told otherwise."""
    facts = {
        "topic": "/image", "message_type": IMAGE, "publishers": publishers, "is_streaming": True, "is_silent": True,
        "silence_s": 9.0, "size": 2764800, "shape": "1280x720 rgb8", "middleware": FAST_DDS,
    }  # fmt: skip
    return Findings(**{**facts, **changes})


def text_of(findings, cause):
    verdict = verdict_on(findings)
    assert (verdict.can_arrive, verdict.cause) == (False, cause)
    return verdict.text


def test_nobody_publishes_comes_first_and_other_topics_with_images_are_named():
    text = text_of(found(other_topics=("/front/image_raw",)), "nobody")
    assert text.startswith(
        "nobody publishes on /image; images are on /front/image_raw; start the camera, or name its topic (for a launch "
    )


@pytest.mark.parametrize(
    ("theirs", "ours", "remedy"),
    [
        ("sensor_msgs/msg/CompressedImage", IMAGE, "compressed to true"),
        (IMAGE, "sensor_msgs/msg/CompressedImage", "compressed to false"),
        ("sensor_msgs/msg/PointCloud2", IMAGE, "remap `image`"),
    ],
)
def test_another_type_is_blamed_before_the_transport(theirs, ours, remedy):
    text = text_of(found(publisher(theirs), message_type=ours, hears_camera_info=True), "mismatch")
    assert f"of type {theirs}, expected {ours}" in text
    assert remedy in text


def test_qos_is_blamed_before_the_transport():
    wrong = publisher(mismatch="Best effort publisher and reliable subscription;")
    text = text_of(found(wrong, hears_camera_info=True), "mismatch")
    assert "Best effort publisher and reliable subscription" in text
    assert "image_reliability to best_effort" in text


def test_one_matching_publisher_beside_an_incompatible_one_is_enough():
    wrong = publisher("sensor_msgs/msg/CompressedImage")
    verdict = verdict_on(found(wrong, publisher(), received=3, is_silent=False))
    assert (verdict.can_arrive, verdict.text) == (
        True,
        "images arrive on /image; images of 1280x720 rgb8 have 2.76 MB",
    )


def test_images_that_stay_away_while_their_camera_info_comes_are_lost_on_their_way():
    assert text_of(found(publisher(), hears_camera_info=True), "lost") == (
        "/camera publishes on /image; the camera_info beside it arrives and no image does, so images are lost on "
        "their way; images of 1280x720 rgb8 have 2.76 MB; set FASTDDS_DEFAULT_PROFILES_FILE to this package's "
        "config/fastdds.xml where its driver starts, as Fast DDS's shared memory takes 0.52 MB without it; across "
        "machines let it publish reliably or compressed (docs/transport.md)"
    )


@pytest.mark.parametrize("changes", [{"received": 40}, {"received": 40, "lost": 60}, {"received": 0}])
def test_a_camera_that_falls_silent_with_its_camera_info_is_not_told_to_set_the_profile(changes):
    """For a while after its process has ended it is still listed as a publisher."""
    text = text_of(found(publisher(), hears_camera_info=False, **changes), "silent")
    assert PROFILE not in text
    assert "look whether its driver runs" in text


def test_a_camera_whose_images_came_and_which_has_no_camera_info_has_ended():
    text = text_of(found(publisher(), received=40), "silent")
    assert "40 of its images have been received, the last 9 s ago, so it has ended or hangs" in text
    assert PROFILE not in text


def test_a_silent_camera_of_which_nothing_is_known_gets_both_remedies():
    text = text_of(found(publisher()), "silent")
    assert "it publishes nothing, or its images are lost on their way" in text
    assert PROFILE in text
    assert "look whether its driver runs" in text


@pytest.mark.parametrize("is_silent", [False, True])
def test_losses_that_were_counted_are_told_with_their_number(is_silent):
    text = text_of(found(publisher(), received=15, lost=49, is_silent=is_silent), "lost")
    assert "49 of its last 64 images were lost on their way" in text
    assert PROFILE in text


@pytest.mark.parametrize(("received", "lost"), [(0, 2), (100, 25), (100, 0)])
def test_a_small_share_of_losses_is_not_reported(received, lost):
    """Two are no pattern, and a fifth of 125 images is 25."""
    assert verdict_on(found(publisher(), received=received, lost=lost, is_silent=False)).can_arrive


def test_one_more_than_a_fifth_is_a_loss():
    assert not verdict_on(found(publisher(), received=100, lost=26, is_silent=False)).can_arrive
    assert not verdict_on(found(publisher(), received=0, lost=3, is_silent=False)).can_arrive


@pytest.mark.parametrize(
    "changes", [{"size": 524288}, {"middleware": Middleware("rmw_other")}], ids=["it fits", "another middleware"]
)
def test_the_profile_is_named_only_where_it_can_be_what_is_missing(changes):
    text = text_of(found(publisher(), hears_camera_info=True, **changes), "lost")
    assert "fastdds.xml" not in text
    assert text.endswith("; let it publish reliably or compressed (docs/transport.md)")


def test_the_remedy_names_the_variable_that_this_ros_reads():
    old = "FASTRTPS_DEFAULT_PROFILES_FILE"
    text = text_of(found(publisher(), hears_camera_info=True, middleware=Middleware("rmw_fastrtps_cpp", old)), "lost")
    assert f"set {old} to this package's config/fastdds.xml" in text


def test_a_node_that_is_not_active_gets_no_transport_error():
    verdict = verdict_on(found(publisher(), is_streaming=False, is_silent=False))
    assert verdict.can_arrive
    assert "once it is active" in verdict.text


def test_the_remedy_for_cyclone_is_the_profile_at_the_receiver_and_the_kernels_limit():
    stock = Middleware("rmw_cyclonedds_cpp", receive_limit=212992)
    text = text_of(found(publisher(), received=15, lost=49, middleware=stock), "lost")
    assert text.endswith(
        "; images of 1280x720 rgb8 have 2.76 MB; set CYCLONEDDS_URI to this package's config/cyclonedds.xml where this "
        "node starts and sudo sysctl -w net.core.rmem_max=16777216, as 0.43 MB of packets can wait at Cyclone's socket "
        "without it; across machines let it publish reliably or compressed (docs/transport.md)"
    )


def test_packets_that_the_kernel_dropped_are_a_loss_where_the_middleware_counts_none():
    dropping = {
        "received": 7, "dropped_packets": 60, "dropped_share": 0.21, "is_silent": False,
        "middleware": Middleware("rmw_cyclonedds_cpp", receive_limit=212992),
    }  # fmt: skip
    text = text_of(found(publisher(), **dropping), "lost")
    assert "; 7 of its images came, and 60 packets have been dropped meanwhile, as this process's sockets were" in text
    assert "net.core.rmem_max" in text
    small = found(publisher(), **dropping | {"size": 4})
    assert "net.core.rmem_max" in text_of(small, "lost")  # several cameras share a process
    for few in ({"dropped_packets": 59}, {"dropped_share": 0.2}):  # one image's, or seldom
        assert verdict_on(found(publisher(), **dropping | few)).can_arrive


def test_nobody_publishes_where_zenoh_has_no_router_to_introduce_anybody():
    alone = Middleware("rmw_zenoh_cpp", has_router=False)
    assert text_of(found(middleware=alone), "nobody") == (
        "nobody is seen to publish on /image, and no Zenoh router is connected, without which nodes do not find each "
        "other; start one (ros2 run rmw_zenoh_cpp rmw_zenohd)"
    )
    introduced = Middleware("rmw_zenoh_cpp", has_router=True)
    assert "router" not in text_of(found(middleware=introduced), "nobody")
