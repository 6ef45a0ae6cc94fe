# SPDX-License-Identifier: Apache-2.0
"""Commands over pictures, videos, cameras and bags without ROS, and what they have in common."""
