# SPDX-License-Identifier: Apache-2.0
"""Multi-object tracking: from detections in single images to tracked objects. Read tracker.py first."""
