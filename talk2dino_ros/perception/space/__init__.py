# SPDX-License-Identifier: Apache-2.0
"""Regions of a mask, depth, and positions in metres."""
