# SPDX-License-Identifier: Apache-2.0
"""Whether the frame of a camera's images can be an optical one, by where TF turns it. Pure.

REP 103 has two frames for a camera: a body frame (x forward, y left, z up), and an optical one (z into the picture, x
right, y down). Images that are stamped with the body frame look upwards by TF, and every object lies above the robot.
"""

import math

from talk2dino_ros.ros.tf.transforms import Transform

MIN_ELEVATION_DEG = 45.0  # of the z axis: a camera's body is tilted by less
MAX_ROLL_DEG = 20.0  # of the y axis off the horizontal: an optical frame that looks up has it downwards
TURN = 'rpy="-1.5708 0 -1.5708"'  # from a body frame to its optical one, as a URDF has it


def frame_doubt(to_target: Transform, frame_id: str, target_frame: str) -> str:
    """Return why images in `frame_id` do not seem to be in an optical frame, a clause; "" where they may well be.

    to_target: from the images' frame to target_frame, whose z axis is taken to point upwards, as that of a map or a
    robot's base does; nothing is said of a target that is a camera's by its name.
    """
    if "optical" in target_frame:
        return ""
    elevation_deg, roll_deg = (_elevation_deg(to_target, axis) for axis in (2, 1))
    if elevation_deg < MIN_ELEVATION_DEG or abs(roll_deg) > MAX_ROLL_DEG:
        return ""
    remedy = (
        f"in the robot's description turn it against the camera's body by {TURN}"
        if "optical" in frame_id
        else f"stamp them with an optical frame, below this one and turned by {TURN} (in Gazebo by <gz_frame_id>)"
    )
    return (
        f"are in the frame '{frame_id}', whose z axis points {elevation_deg:.0f} degrees upwards in '{target_frame}', "
        "expected an optical frame (REP 103: z into the picture, x right, y down), so all positions are turned unless "
        f"the camera looks at the ceiling; {remedy}; docs/robots.md has more"
    )


def _elevation_deg(to_target: Transform, axis: int) -> float:
    """Return the angle of an axis of the frame above the target's horizontal plane."""
    return math.degrees(math.asin(max(-1.0, min(1.0, float(to_target.rotation[2, axis])))))
