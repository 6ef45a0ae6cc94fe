# SPDX-License-Identifier: Apache-2.0
"""What was seen in a map: keyframes on disk, voxels made of them, and places by words that are asked for later."""
