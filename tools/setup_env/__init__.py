# SPDX-License-Identifier: Apache-2.0
"""The set-up behind every `make` command: a virtual environment with ROS 2 and the networks, and the built workspace.

Run as `python3 tools/setup_env`. It uses the standard library alone, for it runs before anything is installed.
Read `__main__.py` first: the steps in their order.
"""
