# SPDX-License-Identifier: Apache-2.0
"""The node's pipeline over a bag, without ROS: read replayer.py first."""
