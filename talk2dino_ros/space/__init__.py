# SPDX-License-Identifier: Apache-2.0
"""From pixels to metres: cameras, depth, regions and where they are. Read scene.py first."""
