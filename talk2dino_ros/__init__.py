# SPDX-License-Identifier: Apache-2.0
"""Open-vocabulary segmentation for ROS 2: free words in, label masks and points of interest out."""
