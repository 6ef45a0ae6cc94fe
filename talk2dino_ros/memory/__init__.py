# SPDX-License-Identifier: Apache-2.0
"""The node `memory`: what the robot has seen in a map, found by words of later."""
