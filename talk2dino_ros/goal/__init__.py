# SPDX-License-Identifier: Apache-2.0
"""The node `goal`: from a thing's name to a pose in front of it. Read errand.py first."""
