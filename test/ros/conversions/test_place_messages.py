# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

pytest.importorskip("talk2dino_msgs.msg", reason="talk2dino_msgs is not built: the workspace is not set up")

from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, Image, PointField
from std_msgs.msg import Header

from talk2dino_ros.perception.points_of_interest import PointOfInterest
from talk2dino_ros.perception.space.camera_model import CameraModel, GeometryError
from talk2dino_ros.perception.space.positions import Position
from talk2dino_ros.ros.conversions.depth_messages import camera_info_to_model, depth_image_to_metres
from talk2dino_ros.ros.conversions.place_messages import (
    labelled_cloud,
    points_to_detections_2d,
    points_to_detections_3d,
)

HEADER = Header(stamp=Time(sec=3, nanosec=7), frame_id="map")
K = [500.0, 0.0, 320.5, 0.0, 400.0, 240.5, 0.0, 0.0, 1.0]
P = [300.0, 0.0, 310.0, -12.0, 0.0, 310.0, 230.0, 0.0, 0.0, 0.0, 1.0, 0.0]
D = [-0.2, 0.05, 0.001, 0.002, 0.0]


def info(**fields):
    return CameraInfo(
        **{"width": 640, "height": 480, "k": K, "p": P, "d": D, "distortion_model": "plumb_bob", **fields}
    )


def over_the_wire(msg):
    return deserialize_message(serialize_message(msg), type(msg))


def depth_image(values, encoding, *, padding=0, big_endian=False):
    """Make a message by hand: rows of bytes with rubbish between them."""
    values = np.asarray(values).astype(np.asarray(values).dtype.newbyteorder(">" if big_endian else "<"))
    rows = [row.tobytes() + b"\xa7" * padding for row in values]
    msg = Image(height=len(rows), width=values.shape[1], encoding=encoding, is_bigendian=big_endian)
    msg.step = len(rows[0])
    msg.data.frombytes(b"".join(rows))
    return msg


def test_the_raw_image_is_seen_by_k_and_the_lens():
    model = camera_info_to_model(over_the_wire(info()))
    assert model == CameraModel(np.reshape(K, (3, 3)), tuple(D), "plumb_bob", 640, 480)


def test_a_rectified_image_uses_p_and_no_distortion():
    model = camera_info_to_model(info(), rectified=True)
    assert model.matrix.tolist() == [[300, 0, 310], [0, 310, 230], [0, 0, 1]]
    assert (model.distortion, model.distortion_model) == ((), "")


def test_a_rectified_image_needs_no_lens_that_is_known_here():
    assert camera_info_to_model(info(distortion_model="omni"), rectified=True).width == 640
    with pytest.raises(GeometryError, match="'omni' is unknown"):
        camera_info_to_model(info(distortion_model="omni"))


@pytest.mark.parametrize("rectified", [False, True])
def test_a_region_of_interest_begins_at_its_own_pixel_zero(rectified):
    cut = info()
    cut.roi.x_offset, cut.roi.y_offset, cut.roi.width, cut.roi.height = 100, 50, 200, 150
    part, whole = camera_info_to_model(cut, rectified=rectified), camera_info_to_model(info(), rectified=rectified)
    assert (part.width, part.height) == (200, 150)
    np.testing.assert_allclose(part.rays(np.array([[7.0, 9.0]])), whole.rays(np.array([[107.0, 59.0]])))


def test_binned_pixels_see_what_their_four_saw_together():
    binned = camera_info_to_model(info(binning_x=2, binning_y=2))
    assert (binned.width, binned.height) == (320, 240)
    np.testing.assert_allclose(binned.rays(np.array([[10.0, 20]])), camera_info_to_model(info()).rays([[20.5, 40.5]]))


def test_a_binned_region_of_interest_is_cut_first():
    cut = info(binning_x=2, binning_y=1)
    cut.roi.x_offset, cut.roi.width, cut.roi.height = 100, 200, 480
    model = camera_info_to_model(cut)
    assert (model.width, model.height) == (100, 480)
    np.testing.assert_allclose(model.rays([[10.0, 20]]), camera_info_to_model(info()).rays([[120.5, 20]]))


@pytest.mark.parametrize("rectified", [False, True])
def test_a_camera_info_of_zeros_is_refused(rectified):
    with pytest.raises(GeometryError, match="focal lengths are 0 and 0 pixels, expected both above 0"):
        camera_info_to_model(CameraInfo(width=640, height=480), rectified=rectified)


def test_a_camera_info_without_size_is_refused():
    with pytest.raises(GeometryError, match="0x0 pixels, expected at least 1x1"):
        camera_info_to_model(info(width=0, height=0))


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("padding", [0, 3])
def test_millimetres_are_read_whatever_their_step_and_byte_order(padding, big_endian):
    values = np.array([[1000, 2500, 0], [1, 513, 65535]], np.uint16)
    for encoding in ("16UC1", "mono16"):
        metres = depth_image_to_metres(depth_image(values, encoding, padding=padding, big_endian=big_endian))
        assert metres.dtype == np.float32
        np.testing.assert_allclose(metres, [[1, 2.5, np.nan], [0.001, 0.513, 65.535]], rtol=1e-6)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize(("encoding", "dtype"), [("32FC1", "f4"), ("64FC1", "f8")])
def test_metres_are_read_whatever_their_step_and_byte_order(encoding, dtype, big_endian):
    values = np.array([[1.5, np.nan], [np.inf, 0]], dtype)
    metres = depth_image_to_metres(depth_image(values, encoding, padding=5, big_endian=big_endian))
    np.testing.assert_array_equal(metres, [[1.5, np.nan], [np.nan, np.nan]])


def test_a_colour_image_is_no_depth():
    with pytest.raises(GeometryError, match="encoding is 'bgr8', expected 16UC1"):
        depth_image_to_metres(depth_image(np.zeros((2, 6), np.uint8), "bgr8"))


@pytest.mark.parametrize("fault", [{"step": 5}, {"height": 3}, {"width": 0}, {"height": 0}, {"width": 4}])
def test_depth_whose_sizes_contradict_each_other_is_refused(fault):
    msg = depth_image(np.ones((2, 3), np.uint16), "16UC1")
    for name, value in fault.items():
        setattr(msg, name, value)
    with pytest.raises(GeometryError, match=r"depth image is \dx\d 16UC1 pixels at step \d in 12 bytes, .*correct"):
        depth_image_to_metres(msg)


def cup(position=None, object_id=0):
    return PointOfInterest(4, "Tasse ☕", 0.75, 0.125, (320, 240), (300, 200, 51, 60), position, "", object_id)


PLACE = Position((1.0, 2.0, 3.0), tuple(range(9)), (0.1, 0.2, 0.3), "map")


def test_each_point_is_a_detection_in_pixels():
    msg = over_the_wire(points_to_detections_2d([cup(PLACE, 7), cup()], HEADER))
    assert msg.header == HEADER
    first, second = msg.detections
    assert first.header == HEADER
    assert (first.id, second.id) == ("7", "")
    assert (first.results[0].hypothesis.class_id, first.results[0].hypothesis.score) == ("Tasse ☕", 0.75)
    box = first.bbox
    assert (box.center.position.x - box.size_x / 2, box.center.position.y - box.size_y / 2) == (300, 200)
    assert (box.size_x, box.size_y, box.center.theta) == (51, 60, 0)


def test_each_point_with_a_position_is_a_detection_in_metres():
    msg = over_the_wire(points_to_detections_3d([cup(), cup(PLACE, 7)], HEADER))
    assert msg.header == HEADER
    (detection,) = msg.detections
    assert (detection.header, detection.id) == (HEADER, "7")
    centre, size, (result,) = detection.bbox.center, detection.bbox.size, detection.results
    assert (centre.position.x, centre.position.y, centre.position.z) == (1, 2, 3)
    assert (centre.orientation.x, centre.orientation.w) == (0, 1)
    assert (size.x, size.y, size.z) == (0.1, 0.2, 0.3)
    assert (result.hypothesis.class_id, result.hypothesis.score) == ("Tasse ☕", 0.75)
    assert result.pose.pose == centre
    covariance = result.pose.covariance.reshape(6, 6)
    assert covariance[:3, :3].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert not covariance[3:].any()
    assert not covariance[:, 3:].any()


def test_a_position_in_another_frame_than_the_header_is_refused():
    with pytest.raises(GeometryError, match=r"'Tasse ☕' is in the frame 'map', but .* in 'camera'; transform"):
        points_to_detections_3d([cup(PLACE)], Header(frame_id="camera"))


def test_the_cloud_is_laid_out_as_pcl_does_and_pixel_for_pixel_the_mask():
    points = np.arange(1, 19, dtype=np.float32).reshape(2, 3, 3) / 8
    points[1, 0] = np.nan
    rgb = np.arange(240, 222, -1).astype(np.uint8).reshape(2, 3, 3)
    class_ids = np.array([[0, 1, 255], [7, 8, 9]], np.uint8)
    cloud = over_the_wire(labelled_cloud(points, rgb, class_ids, HEADER))
    assert cloud.header == HEADER
    assert (cloud.height, cloud.width, cloud.point_step, cloud.row_step) == (2, 3, 20, 60)
    assert (cloud.is_dense, cloud.is_bigendian, len(cloud.data)) == (False, False, 120)
    assert [(field.name, field.offset, field.datatype, field.count) for field in cloud.fields] == [
        ("x", 0, PointField.FLOAT32, 1),
        ("y", 4, PointField.FLOAT32, 1),
        ("z", 8, PointField.FLOAT32, 1),
        ("rgb", 12, PointField.FLOAT32, 1),
        ("class_id", 16, PointField.UINT8, 1),
    ]
    for number, data in enumerate(np.array(cloud.data).reshape(6, 20)):
        row, column = divmod(number, 3)
        np.testing.assert_array_equal(data[:12].view("<f4"), points[row, column])
        red, green, blue = (int(value) for value in rgb[row, column])
        assert int(data[12:16].view("<u4")[0]) == red << 16 | green << 8 | blue
        assert data[16] == class_ids[row, column]
        assert not data[17:].any()


def test_a_cloud_takes_views_of_larger_arrays():
    points, rgb = np.ones((4, 6, 3), np.float32), np.full((4, 6, 4), 9, np.uint8)
    ids = np.full((4, 6), 3, np.uint8)
    cloud = labelled_cloud(points[::2, ::2], rgb[::2, ::2, :3], ids[::2, ::2], HEADER)
    assert np.array(cloud.data).reshape(6, 20)[:, 12:17].tolist() == [[9, 9, 9, 0, 3]] * 6


def test_a_cloud_of_several_sizes_is_refused():
    points, rgb = np.zeros((2, 3, 3), np.float32), np.zeros((2, 3, 3), np.uint8)
    with pytest.raises(GeometryError, match="are 3x2, 3x2, 4x2 pixels, expected one size"):
        labelled_cloud(points, rgb, np.zeros((2, 4), np.uint8), HEADER)


def test_the_colour_of_a_cloud_is_a_number_as_a_float_too():
    white = np.full((1, 1, 3), 255, np.uint8)
    cloud = labelled_cloud(np.zeros((1, 1, 3), np.float32), white, np.zeros((1, 1), np.uint8), HEADER)
    assert np.isfinite(np.array(cloud.data)[12:16].view("<f4")[0])


def test_numbers_that_leave_the_range_are_refused_without_a_warning():
    info = CameraInfo(width=16, height=16)
    info.k = [200.0, 0.0, 1e308, 0.0, 200.0, 8.0, 0.0, 0.0, 1e300]
    info.roi.x_offset = 2**32 - 1
    with pytest.raises(GeometryError):
        camera_info_to_model(info)
