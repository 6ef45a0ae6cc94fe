# SPDX-License-Identifier: Apache-2.0
"""The verdict on made-up findings: what is blamed, with which remedy."""

import pytest

from talk2dino_ros.segmenter.transport.image_transport import DEFAULT_SEGMENT, Transport
from talk2dino_ros.segmenter.transport.transport_verdict import Findings, Probe, Publisher, verdict_on

IMAGE = "sensor_msgs/msg/Image"
DEFAULT = Transport(DEFAULT_SEGMENT, "it was started without a transport profile")
ROOMY = Transport(64 << 20, "that is what the profile gives")


def publisher(transport=DEFAULT, message_type=IMAGE, **fields):
    return Publisher("/camera", message_type, pid=77, transport=transport, **fields)


def found(*publishers, **changes):
    facts = {
        "topic": "/image", "message_type": IMAGE, "publishers": publishers, "is_streaming": True, "silence_s": 9.0,
        "received": 0, "timeout_s": 5.0, "size": 2764800, "shape": "1280x720 rgb8",
    }  # fmt: skip
    return Findings(**{**facts, **changes})


def text_of(findings):
    verdict = verdict_on(findings)
    assert not verdict.can_arrive
    return verdict.text


def test_nobody_publishes_comes_first_and_other_topics_with_images_are_named():
    text = text_of(found(other_topics=("/front/image_raw",)))
    assert text.startswith("nobody publishes on /image; images are on /front/image_raw; start the camera or remap")


@pytest.mark.parametrize(
    ("theirs", "ours", "remedy"),
    [
        ("sensor_msgs/msg/CompressedImage", IMAGE, "compressed to true"),
        (IMAGE, "sensor_msgs/msg/CompressedImage", "compressed to false"),
        ("sensor_msgs/msg/PointCloud2", IMAGE, "remap `image`"),
    ],
)
def test_another_type_is_blamed_before_the_transport(theirs, ours, remedy):
    text = text_of(found(publisher(message_type=theirs), message_type=ours))
    assert f"of type {theirs}, expected {ours}" in text
    assert remedy in text
    assert "segment" not in text


def test_qos_is_blamed_before_the_transport():
    text = text_of(found(publisher(mismatch="Best effort publisher and reliable subscription;")))
    assert "Best effort publisher and reliable subscription" in text
    assert "image_reliability to best_effort" in text
    assert "segment" not in text


def test_one_fitting_publisher_beside_a_wrong_one_is_enough():
    wrong = publisher(message_type="sensor_msgs/msg/CompressedImage")
    verdict = verdict_on(found(wrong, publisher(ROOMY), received=3, silence_s=0.1))
    assert (verdict.can_arrive, verdict.text[:13]) == (True, "images arrive")


def test_an_image_larger_than_the_senders_segment_is_lost_and_the_sentence_has_both_sizes():
    text = text_of(found(publisher()))
    for words in ("(process 77)", "none has been received in 9 s", "2.76 MB", "segment of 0.52 MB", "FASTDDS_DEFAULT"):
        assert words in text


def test_the_remedy_names_the_variable_that_this_ros_reads():
    old = "FASTRTPS_DEFAULT_PROFILES_FILE"
    assert f"set {old} to this package's config/fastdds.xml" in text_of(found(publisher(), profile_variable=old))


def test_an_image_of_exactly_the_segments_size_is_not_called_larger():
    assert found(publisher(), size=DEFAULT_SEGMENT + 1).is_larger_than_segment
    assert not found(publisher(), size=DEFAULT_SEGMENT).is_larger_than_segment
    assert not found(publisher(), size=None).is_larger_than_segment
    assert not found(publisher(transport=None)).is_larger_than_segment


def test_the_smallest_segment_of_several_senders_counts():
    assert found(publisher(ROOMY), publisher()).is_larger_than_segment
    assert found(publisher(), publisher(ROOMY)).is_larger_than_segment


def test_what_was_tried_counts_more_than_what_follows_from_sizes():
    arrived = Probe(10, 10, "with the transport of the camera's", is_like_camera=True)
    assert "segment" not in text_of(found(publisher(), probe=arrived))
    assert verdict_on(found(publisher(), probe=arrived, received=4, silence_s=0.1)).can_arrive
    lost = Probe(10, 1, "with the transport of the camera's", is_like_camera=True)
    assert "1 of 10 test images" in text_of(found(publisher(ROOMY), probe=lost, received=4, silence_s=0.1))


def test_images_that_arrive_are_not_called_lost_for_a_probe_that_was_not_like_the_camera():
    lost = Probe(10, 0, "without a transport profile")
    unknown = publisher(transport=None)
    assert verdict_on(found(unknown, probe=lost, received=4, silence_s=0.1)).can_arrive
    assert "0 of 10 test images" in text_of(found(unknown, probe=lost))


def test_a_probe_that_did_not_come_about_proves_nothing():
    assert "segment of 0.52 MB" in text_of(found(publisher(), probe=Probe(0, 0, "x", is_like_camera=True)))
    assert "driver's log" in text_of(found(publisher(ROOMY), probe=Probe(0, 0, "x")))


@pytest.mark.parametrize(("received", "is_lost"), [(10, False), (8, False), (7, True), (0, True)])
def test_a_probe_is_lost_where_less_than_most_arrives(received, is_lost):
    assert Probe(10, received, "x").is_lost == is_lost


def test_the_remedy_is_tried_too_and_where_it_fails_shared_memory_is_named():
    lost = Probe(10, 0, "with the transport of the camera's", is_like_camera=True)
    assert "10 of 10" in text_of(found(publisher(), probe=lost, remedy_probe=Probe(10, 10, "with the profile")))
    assert "/dev/shm" in text_of(found(publisher(), probe=lost, remedy_probe=Probe(10, 2, "with the profile")))
    assert "/dev/shm" not in text_of(found(publisher(), probe=lost))


def test_a_silent_camera_whose_transport_is_well_is_told_to_look_at_the_driver():
    arrived = Probe(10, 10, "with the transport of the camera's", is_like_camera=True)
    assert "the camera seems to publish nothing" in text_of(found(publisher(ROOMY), probe=arrived))


def test_silence_that_was_not_tried_names_the_service_that_tries_it_where_it_can():
    service = "call ~/check_transport, which tries it with test images"
    assert service in text_of(found(publisher(ROOMY)))
    assert service not in text_of(found(publisher(ROOMY), size=None))
    assert service not in text_of(found(publisher(ROOMY, is_here=False)))
    assert service not in text_of(found(publisher(ROOMY), probe=Probe(0, 0, "x")))


def test_a_camera_on_another_machine_is_said_to_be_there():
    assert "another machine" in text_of(found(publisher(transport=None, is_here=False)))


def test_images_that_came_long_ago_are_no_images_that_arrive():
    assert "3 have been received, the last 9 s ago" in text_of(found(publisher(ROOMY), received=3))


def test_a_node_that_is_not_active_gets_no_transport_error():
    verdict = verdict_on(found(publisher(ROOMY), is_streaming=False))
    assert verdict.can_arrive
    assert "once it is active" in verdict.text
    assert "takes no image" in text_of(found(publisher(), is_streaming=False))


def test_a_camera_info_of_too_many_pixels_is_said_and_nothing_is_sent():
    text = verdict_on(found(publisher(), size=None, shape="/camera_info says 20000x20000, more than allowed")).text
    assert "the size of the images is unknown (/camera_info says 20000x20000, more than allowed)" in text
