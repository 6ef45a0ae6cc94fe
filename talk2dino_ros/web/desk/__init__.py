# SPDX-License-Identifier: Apache-2.0
"""The page of a desk: photographs, videos, bags and cameras, segmented by the engine in this process, without ROS."""
