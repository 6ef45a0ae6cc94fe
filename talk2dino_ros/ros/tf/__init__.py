# SPDX-License-Identifier: Apache-2.0
"""Where one frame is in another at a stamp: by tf2_ros or, without ROS, by pytransform3d. Read transforms.py first."""
