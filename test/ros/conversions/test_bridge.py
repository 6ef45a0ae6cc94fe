# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for cv_bridge that work, refuse, fail on import or crash, as packages that a child process sees too."""

import sys

import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="no ROS is sourced: there are no images for cv_bridge")

from sensor_msgs.msg import Image

from talk2dino_ros.ros.conversions import bridge
from talk2dino_ros.ros.conversions.bridge import bridge_status, bridge_to_rgb
from talk2dino_ros.ros.conversions.image_pixels import image_to_rgb

GREY = np.array([[0, 65535], [32768, 257]], np.uint16)

WORKING = """
import numpy as np
class CvBridge:
    def imgmsg_to_cv2(self, image, wanted):
        values = np.frombuffer(image.data, np.uint16).reshape(image.height, image.width)
        assert (wanted, image.step) == ("rgb8", 2 * image.width)
        return np.repeat((values[:, :, None] // 257).astype(np.uint8), 3, axis=2)
"""
REFUSING = (
    WORKING
    + """
    def refuse(self, image, wanted):
        raise TypeError("[mono16] is not for me")
    works_in_the_child = imgmsg_to_cv2
    def imgmsg_to_cv2(self, image, wanted):
        return (self.works_in_the_child if image.width == 1 else self.refuse)(image, wanted)
"""
)
BROKEN = {
    "ABI clash on import": ("raise ImportError('numpy.core.multiarray failed to import')", "multiarray failed"),
    "ABI clash as an attribute": ("raise AttributeError('_ARRAY_API not found')", "_ARRAY_API not found"),
    "error of a C module": ("raise SystemError('initialization raised unreported exception')", "unreported"),
    "crash on import": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "signal 11"),
    "crash on use": (
        "import os, signal\nclass CvBridge:\n    def imgmsg_to_cv2(self, *_):\n"
        "        os.kill(os.getpid(), signal.SIGSEGV)",
        "signal 11",
    ),
    "no bridge in it": ("", "cannot import name 'CvBridge'"),
    "wrong pixels": (
        "import numpy as np\nclass CvBridge:\n    def imgmsg_to_cv2(self, *_):\n"
        "        return np.zeros((1, 1, 3), np.uint8)",
        "wrong pixels",
    ),
}


@pytest.fixture(autouse=True)
def ask_anew(monkeypatch):
    """Forget what was found out about cv_bridge, before and after."""
    bridge._load.cache_clear()
    monkeypatch.delitem(sys.modules, "cv_bridge", raising=False)
    yield
    bridge._load.cache_clear()
    sys.modules.pop("cv_bridge", None)


@pytest.fixture
def install(tmp_path, monkeypatch):
    def install(source):
        (tmp_path / "cv_bridge").mkdir()
        (tmp_path / "cv_bridge" / "__init__.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)

    monkeypatch.setattr(bridge, "PROBE_TIMEOUT_S", 240)  # a busy machine may need longer than a robot has
    return install


def mono16(values):
    msg = Image(height=values.shape[0], width=values.shape[1], encoding="mono16", step=2 * values.shape[1])
    msg.data.frombytes(values.astype("<u2").tobytes())
    return msg


def expected(values):
    return np.repeat(np.rint(values / 257).astype(np.uint8)[:, :, None], 3, axis=2)


def test_without_cv_bridge_opencv_converts(monkeypatch):
    monkeypatch.setattr(bridge, "find_spec", lambda _: None)
    assert bridge_status() == "cv_bridge is not installed, so OpenCV converts the rarer encodings."
    assert bridge_to_rgb(GREY, "mono16") is None
    np.testing.assert_array_equal(image_to_rgb(mono16(GREY)), expected(GREY))


def test_a_working_cv_bridge_converts(install):
    install(WORKING)
    assert bridge_status() == "cv_bridge converts the rarer encodings."
    assert bridge_to_rgb(GREY, "mono16").tolist()[1] == [[127] * 3, [1] * 3]  # cut, where OpenCV rounds to 128
    assert image_to_rgb(mono16(GREY)).tolist()[1] == [[127] * 3, [1] * 3]


def test_an_image_that_cv_bridge_refuses_is_converted_by_opencv(install):
    install(REFUSING)
    assert bridge_status() == "cv_bridge converts the rarer encodings."
    np.testing.assert_array_equal(image_to_rgb(mono16(GREY)), expected(GREY))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_cv_bridge_is_detected_in_a_child_process_and_opencv_converts(install, name):
    source, complaint = BROKEN[name]
    install(source)
    assert bridge_status().startswith("cv_bridge is installed but does not work here (")
    assert complaint in bridge_status()
    np.testing.assert_array_equal(image_to_rgb(mono16(GREY)), expected(GREY))


def test_a_cv_bridge_that_hangs_is_given_up(install, monkeypatch):
    monkeypatch.setattr(bridge, "PROBE_TIMEOUT_S", 1.0)
    install("import time; time.sleep(60)")
    assert "timed out after 1.0 seconds" in bridge_status()


def test_the_fast_encodings_never_ask_cv_bridge(monkeypatch):
    monkeypatch.setattr(bridge, "find_spec", lambda _: pytest.fail("cv_bridge was asked"))
    msg = Image(height=1, width=1, encoding="bgr8", step=3)
    msg.data.frombytes(bytes([1, 2, 3]))
    assert image_to_rgb(msg).tolist() == [[[3, 2, 1]]]
