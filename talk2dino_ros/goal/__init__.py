# SPDX-License-Identifier: Apache-2.0
"""The node `goal`: from an object's name to a pose in front of it. Read task/go_to_task.py first."""
