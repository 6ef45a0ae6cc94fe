# SPDX-License-Identifier: Apache-2.0
"""Transform lookups at a stamp, by tf2_ros or, where that is missing, our own listener. Read transforms.py first."""
