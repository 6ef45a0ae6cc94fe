# SPDX-License-Identifier: Apache-2.0
"""ROS code that all nodes of this package share."""
