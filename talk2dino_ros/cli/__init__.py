# SPDX-License-Identifier: Apache-2.0
"""The command line `talk2dino`: without ROS what the nodes do with it. One file per command, named as the command."""
