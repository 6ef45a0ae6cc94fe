# SPDX-License-Identifier: Apache-2.0
"""Regions, 3D positions and tracked objects from masks and depth. NumPy and OpenCV alone: neither torch nor ROS."""
