# SPDX-License-Identifier: Apache-2.0
"""Bags of ROS 2, read by rosbags, without ROS."""
