# SPDX-License-Identifier: Apache-2.0
"""How old the robot's pose is: TF keeps its last word for ever, also after who spoke it has died. Pure."""

from __future__ import annotations

from talk2dino_ros.ros.tf.transforms import TransformError

MOST_POSE_AGE_S = 3.0  # odometry and localisation speak at 1 Hz and more


class PoseAge:
    """Refuse a pose whose stamp stands still, or is far behind what else the robot says.

    No clock is compared with a stamp: a bag's and another machine's may be off by years.
    """

    def __init__(self) -> None:
        self._stamp_ns: int | None = None
        self._since_s = 0.0

    def check(self, stamp_ns: int | None, newest_ns: int, now_s: float) -> None:
        """Raise TransformError where a pose of this stamp is too old.

        stamp_ns: None where nothing on its way moves. newest_ns: the newest stamp of an image that was heard, 0: none.
        now_s: on a clock that goes on as the robot's time does.
        """
        if stamp_ns is None:
            return
        if stamp_ns != self._stamp_ns:
            self._stamp_ns, self._since_s = stamp_ns, now_s
        age_s = max(now_s - self._since_s, (newest_ns - stamp_ns) * 1e-9)
        if age_s > MOST_POSE_AGE_S:
            raise TransformError(
                f"the robot's pose by TF is {age_s:.1f} s old, expected at most {MOST_POSE_AGE_S:g} s; look whether "
                "odometry and localisation run"
            )
