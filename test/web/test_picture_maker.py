# SPDX-License-Identifier: Apache-2.0
"""The thread of the robot's pictures, whatever libraries raise."""

import queue

from sensor_msgs.msg import Image

from talk2dino_ros.web.robot import picture_maker
from talk2dino_ros.web.robot.picture_maker import PictureMaker

WAIT_S = 20


def test_a_picture_that_a_library_fails_at_is_told_and_the_next_is_made(monkeypatch):
    said = queue.Queue()
    note = lambda *told: said.put(told)  # noqa: E731
    image = Image(height=1, width=2, step=6, encoding="rgb8", data=bytes(6))
    maker = PictureMaker(1000, 100, note, note)
    try:
        with monkeypatch.context() as broken:
            broken.setattr(picture_maker, "to_jpeg", lambda rgb, longest: 1 // 0)
            maker.put("front", image)
            what, error = said.get(timeout=WAIT_S)
        assert (what, type(error)) == ("a picture of front was lost", ZeroDivisionError)
        maker.put("front", image)
        assert said.get(timeout=WAIT_S)[:2] == ("front", (2, 1))
    finally:
        maker.close()
