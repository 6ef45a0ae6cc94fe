# SPDX-License-Identifier: Apache-2.0
"""Transform lookups at a stamp, by tf2_ros or, without ROS, by pytransform3d. Read transforms.py first."""
