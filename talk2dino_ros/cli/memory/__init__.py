# SPDX-License-Identifier: Apache-2.0
"""`talk2dino memory`: what a robot has seen, without ROS. One module per action."""
