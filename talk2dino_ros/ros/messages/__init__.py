# SPDX-License-Identifier: Apache-2.0
"""Messages without ROS: their definitions, and classes made of these."""
