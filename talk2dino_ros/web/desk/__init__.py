# SPDX-License-Identifier: Apache-2.0
"""The page of a desk: photographs, folders and videos, segmented by the engine in this process, without ROS."""
