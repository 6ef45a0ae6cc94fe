# SPDX-License-Identifier: Apache-2.0
"""The goals at the planner: which are ours, what becomes of them, and how they are taken back."""
