# SPDX-License-Identifier: Apache-2.0
"""Command line `talk2dino`: the engine without ROS. One module per command, of the same name."""
