# SPDX-License-Identifier: Apache-2.0
"""The node `talk2dino`: camera images in; masks, points of interest and tracked objects out."""
