# SPDX-License-Identifier: Apache-2.0
"""From masks and depth to places. NumPy and OpenCV alone: neither torch nor ROS."""
