# SPDX-License-Identifier: Apache-2.0
"""From detections in single images to objects that last. Read tracker.py first."""
